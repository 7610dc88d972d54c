/** Figures in Redis: a sorted set for each account, and the names of all accounts; and whose turn it is, a key for each circle. */
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
import { rangeFrom, rangeOf } from './name-range.ts';
import { SCRIPTS } from './scripts.ts';
import { listOf, textOf, type Store } from './store.ts';
import type { Written } from './stored.ts';

const ACCOUNTS_AT_ONCE = 100;
const FIGURES_AT_ONCE = 2_000;
/** Figures are removed so much after their end: clocks differ. */
const KEPT_LONGER_MS = 60_000;
const TIDY_EVERY_MS = 60_000;
/** A circle that nobody asked for so long begins anew. */
const CIRCLE_KEPT_MS = 90 * 86_400_000;

/** How an operation is asked of a store that may be closed. */
type Ask = <Answer>(ask: (store: Store) => Promise<Answer>) => Promise<Answer>;

/** What is counted beside a spool, and whose turn it is. */
export class RedisTallies implements Tallies, Circles {
  readonly #ask: Ask;
  /** Which accounts are looked through next for what is past. */
  #tidied: FiguresCursor | null = null;
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
    for (let after: FiguresCursor | null = null; ;) {
      const of: FiguresAsk = { prefix, sinceMs, after };
      const { records, next }: FiguresPage = await this.#ask((store) => figuresIn(store, of));
      for (const { account, figures } of records)
        for (const { startsAtMs, amount } of figures) found.push({ account, startsAtMs, amount });
      if (next === null) return found;
      after = next;
    }
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
    const { next } = await figuresIn(store, { prefix: '', sinceMs: Number.MAX_SAFE_INTEGER, after: this.#tidied });
    this.#tidied = next;
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

/** A page ends with this stretch, or with all of the account. */
export type FiguresCursor = Pick<Count, 'account' | 'startsAtMs'>;

type FiguresAsk = { readonly prefix: string; readonly sinceMs: number; readonly after: FiguresCursor | null };

type FiguresPage = {
  readonly records: readonly StoredFigures[];
  /** null: this was the last. */
  readonly next: FiguresCursor | null;
};

/** Some figures that are not past, by account and time, of stretches from `sinceMs` on; what lies before costs nothing. */
export async function figuresIn(store: Store, of: FiguresAsk): Promise<FiguresPage> {
  const { accounts } = store.keys;
  const { after, sinceMs } = of;
  const nowMs = store.clock.nowMs();
  const all = rangeOf(of.prefix);
  const range = after === null ? all : rangeFrom(after.account, all);
  const asked = [range.from, range.to, ACCOUNTS_AT_ONCE];
  const names = listOf(await store.runOn(accounts, SCRIPTS.names, asked)).map(textOf);
  if (names.length === 0) return { records: [], next: null };
  // The account of the cursor may be gone.
  const firstMs = after !== null && names[0] === after.account ? Math.max(sinceMs, after.startsAtMs + 1) : sinceMs;
  const keys = [accounts, ...names.map((name) => store.keys.figures(name))];
  const args = [firstMs, sinceMs, FIGURES_AT_ONCE, ...names];
  const lists = listOf(await store.runOnKeys(keys, SCRIPTS.sums, args)).map((list) => listOf(list).map(parseFigure));
  const records = lists.flatMap((figures, place): StoredFigures[] => {
    const counted = figures.filter(({ keepUntilMs }) => keepUntilMs >= nowMs);
    return counted.length === 0 ? [] : [{ kind: 'figures', account: names[place] ?? '', figures: counted }];
  });
  const isCut = lists.reduce((sum, { length }) => sum + length, 0) >= FIGURES_AT_ONCE;
  if (!isCut && names.length < ACCOUNTS_AT_ONCE) return { records, next: null };
  const startsAtMs = (isCut ? lists.at(-1)?.at(-1)?.startsAtMs : undefined) ?? Number.MAX_SAFE_INTEGER - 1;
  return { records, next: { account: names[lists.length - 1] ?? '', startsAtMs } };
}

function parseFigure(member: unknown): StoredFigures['figures'][number] {
  const [startsAtMs = 0, amount = 0, keepUntilMs = 0] = textOf(member).split(' ').map(Number);
  return { startsAtMs, amount, keepUntilMs };
}

/** Adds figures from another store, once. Durable once it resolves. */
export async function writeFigures(store: Store, { account, figures }: StoredFigures): Promise<Written> {
  const keys = [store.keys.accounts, store.keys.figures(account), store.keys.arrived(0)];
  const all = figures.flatMap(({ startsAtMs, amount, keepUntilMs }) => [startsAtMs, amount, Math.ceil(keepUntilMs)]);
  const args = [store.clock.nowMs(), KEPT_LONGER_MS, account, ...all];
  return textOf(await store.durablyOnKeys(keys, SCRIPTS.retally, args)) as Written;
}
