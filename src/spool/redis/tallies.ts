/** Figures in Redis: a hash for each account, and the names of all accounts; and whose turn it is, a key for each circle. */
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
      const page = await this.#ask((store) => sums(store, asked, sinceMs));
      for (const one of page.counts) found.push(one);
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
    const { next } = await sums(store, this.#tidied, Number.MAX_SAFE_INTEGER);
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

async function sums(
  store: Store,
  range: Range,
  sinceMs: number,
): Promise<{ readonly counts: readonly Count[]; readonly next: Range | null }> {
  const { accounts } = store.keys;
  const names = listOf(await store.runOn(accounts, SCRIPTS.names, [range.from, range.to, ACCOUNTS_AT_ONCE])).map(
    textOf,
  );
  const last = names.at(-1);
  if (last === undefined) return { counts: [], next: null };
  const keys = [accounts, ...names.map((name) => store.keys.figures(name))];
  const reply = listOf(
    await store.runOnKeys(keys, SCRIPTS.sums, [sinceMs, store.clock.nowMs(), KEPT_LONGER_MS, ...names]),
  );
  const counts = names.flatMap((account, place) => {
    const fields = listOf(reply[place]).map((field) => Number(textOf(field)));
    const found: Count[] = [];
    for (let at = 0; at < fields.length; at += 2) {
      found.push({ account, startsAtMs: fields[at] ?? 0, amount: fields[at + 1] ?? 0 });
    }
    return found.toSorted((one, other) => one.startsAtMs - other.startsAtMs);
  });
  return { counts, next: names.length < ACCOUNTS_AT_ONCE ? null : rangeAfter(last, range) };
}
