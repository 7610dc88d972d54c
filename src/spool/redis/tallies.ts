/** Figures in Redis: a hash for each account, and the names of all accounts; and whose turn it is, a key for each circle. */
import type { StoredFigures } from '../move.ts';
import {
  checkTallies,
  checkTurns,
  type Circles,
  type Count,
  TALLIES_AT_ONCE,
  type Tallies,
  type Tally,
  type TakeTurns,
  turnsAfter,
} from '../tallies.ts';
import { rangeAfter, rangeOf, type Range } from './name-range.ts';
import { SCRIPTS } from './scripts.ts';
import { listOf, textOf, type Store } from './store.ts';
import type { Written } from './stored.ts';

const ACCOUNTS_AT_ONCE = 100;
/** Figures are removed so much after their end: clocks differ. */
const KEPT_LONGER_MS = 60_000;
const TIDY_EVERY_MS = 60_000;
/** A circle that nobody asked for so long begins anew. */
const CIRCLE_KEPT_MS = 90 * 86_400_000;

/** How an operation is asked of a store that may be closed. */
type Ask = <Answer>(ask: (store: Store) => Promise<Answer>) => Promise<Answer>;

export class RedisTallies implements Tallies, Circles {
  readonly #ask: Ask;
  /** Which accounts are looked through next for what is past. */
  #tidied: Range = rangeOf('');
  #tidiedMs = Number.NEGATIVE_INFINITY;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  async count(entries: readonly Tally[]): Promise<void> {
    checkTallies(entries);
    for (let from = 0; from < entries.length; from += TALLIES_AT_ONCE) {
      const some = entries.slice(from, from + TALLIES_AT_ONCE);
      await this.#ask((store) => add(store, some));
    }
    // What it is about is counted: a repeat would count it again.
    await this.#ask((store) => this.#tidy(store)).catch(() => undefined);
  }

  async counts(prefix: string, sinceMs: number): Promise<readonly Count[]> {
    const found: Count[] = [];
    for (let range: Range | null = rangeOf(prefix); range !== null;) {
      const asked: Range = range;
      const page = await this.#ask((store) => figuresIn(store, asked, sinceMs));
      for (const { account, figures } of page.records)
        for (const { startsAtMs, amount } of figures) found.push({ account, startsAtMs, amount });
      range = page.next;
    }
    return found;
  }

  async takeTurns(ask: TakeTurns): Promise<readonly number[]> {
    checkTurns(ask);
    const { account, open, count } = ask;
    const args = [count, CIRCLE_KEPT_MS, ...open];
    const last = Number(await this.#ask((store) => store.runOn(store.keys.turn(account), SCRIPTS.turn, args)));
    return turnsAfter(last === -1 ? null : last, ask);
  }

  /** Some accounts that nobody asks for any more, now and then. */
  async #tidy(store: Store): Promise<void> {
    const nowMs = store.clock.nowMs();
    if (Math.abs(nowMs - this.#tidiedMs) < TIDY_EVERY_MS) return;
    this.#tidiedMs = nowMs;
    const { next } = await figuresIn(store, this.#tidied, Number.MAX_SAFE_INTEGER);
    this.#tidied = next ?? rangeOf('');
  }
}

async function add(store: Store, tallies: readonly Tally[]): Promise<void> {
  const keys = [store.keys.accounts, ...tallies.map(({ account }) => store.keys.figures(account))];
  const figures = tallies.flatMap(({ account, startsAtMs, amount, keepUntilMs }) => [
    account,
    startsAtMs,
    amount,
    Math.ceil(keepUntilMs),
  ]);
  await store.runOnKeys(keys, SCRIPTS.tally, [store.clock.nowMs(), KEPT_LONGER_MS, ...figures]);
}

/** Some accounts in the order of their names, each with its figures from a time on that are not past. */
export async function figuresIn(store: Store, range: Range, sinceMs: number): Promise<FiguresPage> {
  const { accounts } = store.keys;
  const asked = [range.from, range.to, ACCOUNTS_AT_ONCE];
  const names = listOf(await store.runOn(accounts, SCRIPTS.names, asked)).map(textOf);
  const last = names.at(-1);
  if (last === undefined) return { records: [], next: null };
  const keys = [accounts, ...names.map((name) => store.keys.figures(name))];
  const args = [sinceMs, store.clock.nowMs(), KEPT_LONGER_MS, ...names];
  const reply = listOf(await store.runOnKeys(keys, SCRIPTS.sums, args));
  const records = names.map((account, place): StoredFigures => {
    return { kind: 'figures', account, figures: parseFigures(listOf(reply[place])) };
  });
  return { records, next: names.length < ACCOUNTS_AT_ONCE ? null : rangeAfter(last, range) };
}

type FiguresPage = { readonly records: readonly StoredFigures[]; readonly next: Range | null };

function parseFigures(reply: readonly unknown[]): StoredFigures['figures'] {
  const fields = reply.map((field) => Number(textOf(field)));
  const found = Array.from({ length: fields.length / 3 }, (_, at) => {
    const [startsAtMs = 0, amount = 0, keepUntilMs = 0] = fields.slice(3 * at, 3 * at + 3);
    return { startsAtMs, amount, keepUntilMs };
  });
  return found.toSorted((one, other) => one.startsAtMs - other.startsAtMs);
}

/** Adds figures from another store, once. Durable once it resolves. */
export async function writeFigures(store: Store, { account, figures }: StoredFigures): Promise<Written> {
  const keys = [store.keys.accounts, store.keys.figures(account), store.keys.arrived(0)];
  const all = figures.flatMap(({ startsAtMs, amount, keepUntilMs }) => [startsAtMs, amount, Math.ceil(keepUntilMs)]);
  const args = [store.clock.nowMs(), KEPT_LONGER_MS, account, ...all];
  return textOf(await store.durablyOnKeys(keys, SCRIPTS.retally, args)) as Written;
}
