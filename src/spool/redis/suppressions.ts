/**
 * Suppressions in Redis, all in one slot: a hash by key, the keys in order, the keys by the number of their making, and those
 * that end by their end. An entry takes about 600 bytes.
 */
import {
  checkAddresses,
  checkedKeys,
  checkedSuppressions,
  fitsSuppression,
  packSuppressionKey,
  parseSuppressionCursor,
  parseSuppressionKey,
  suppressionAddress,
  suppressionCursor,
  SUPPRESSIONS_AT_ONCE,
  SWEPT_AT_ONCE,
  type Suppression,
  type SuppressionFilter,
  type SuppressionKey,
  type SuppressionPage,
  type Suppressions,
} from '../suppressions.ts';
import type { StoredSuppressions } from '../move.ts';
import type { Written } from './stored.ts';
import { rangeAfter, rangeOf } from './name-range.ts';
import { parseJson } from './records.ts';
import { SCRIPTS } from './scripts.ts';
import { listOf, textOf, type Store } from './store.ts';

const READ_AT_ONCE = 500;
/** Entries that one page looks at. */
const LOOKED_AT_ONCE = 5_000;

/** How an operation is asked of a store that may be closed. */
type Ask = <Answer>(ask: (store: Store) => Promise<Answer>) => Promise<Answer>;

/** The suppressions beside a spool. */
export class RedisSuppressions implements Suppressions {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  async suppressed(ask: Parameters<Suppressions['suppressed']>[0]): Promise<readonly Suppression[]> {
    checkAddresses(ask.addresses);
    const addresses = new Set(ask.addresses.map(suppressionAddress));
    if (addresses.size === 0) return [];
    const args = [ask.nowMs, ask.client, ask.stream, ...addresses];
    const reply = await this.#ask((store) => store.runOnKeys(store.keys.suppressions, SCRIPTS.suppressed, args));
    return entriesOf(listOf(reply));
  }

  async suppress(entries: readonly Suppression[]): Promise<void> {
    const args = checkedSuppressions(entries).flatMap(packSuppression);
    if (args.length === 0) return;
    await this.#ask((store) => store.durablyOnKeys(store.keys.suppressions, SCRIPTS.suppress, args));
  }

  async unsuppress(keys: readonly SuppressionKey[]): Promise<number> {
    const args = checkedKeys(keys).map(packSuppressionKey);
    if (args.length === 0) return 0;
    return Number(await this.#ask((store) => store.firmlyOnKeys(store.keys.suppressions, SCRIPTS.unsuppress, args)));
  }

  suppressions(
    filter: SuppressionFilter,
    { limit, after }: { readonly limit: number; readonly after: string | null },
  ): Promise<SuppressionPage> {
    return this.#ask((store) => pageOf(store, filter, { limit: bounded(limit), after }));
  }

  async suppressedSince(since: number, limit: number): ReturnType<Suppressions['suppressedSince']> {
    const args = [since, bounded(limit)];
    const reply = await this.#ask((store) => store.runOnKeys(store.keys.suppressions, SCRIPTS.since, args));
    const [upTo, ...keys] = listOf(reply).map(textOf);
    return { addresses: keys.map((key) => parseSuppressionKey(key).address), upTo: Number(upTo) };
  }

  async sweepSuppressions(nowMs: number): Promise<number> {
    const args = [nowMs, SWEPT_AT_ONCE];
    return Number(await this.#ask((store) => store.firmlyOnKeys(store.keys.suppressions, SCRIPTS.sweep, args)));
  }
}

function bounded(limit: number): number {
  return Math.max(1, Math.min(limit, SUPPRESSIONS_AT_ONCE));
}

async function pageOf(
  store: Store,
  filter: SuppressionFilter,
  { limit, after }: { readonly limit: number; readonly after: string | null },
): Promise<SuppressionPage> {
  const { address } = filter;
  const all = rangeOf(address === undefined ? '' : `${suppressionAddress(address)}\0`);
  const cursor = parseSuppressionCursor(after);
  let range = cursor === null ? all : rangeAfter(packSuppressionKey(cursor), all);
  const entries: Suppression[] = [];
  for (let looked = 0; looked < LOOKED_AT_ONCE;) {
    const count = Math.min(READ_AT_ONCE, Math.max(limit - entries.length, 50));
    const found = await suppressionsIn(store, { ...range, limit: count });
    for (const one of found) {
      if (fitsSuppression(one, filter)) entries.push(one);
      if (entries.length === limit) return { entries, next: suppressionCursor(one) };
    }
    const last = found.at(-1);
    if (last === undefined || found.length < count) return { entries, next: null };
    looked += found.length;
    range = rangeAfter(packSuppressionKey(last), range);
    if (looked >= LOOKED_AT_ONCE) return { entries, next: suppressionCursor(last) };
  }
  return { entries, next: null };
}

/** Some in order; fewer than `limit`: these were the last. */
export async function suppressionsIn(
  store: Store,
  { from, to, limit }: { readonly from: Buffer; readonly to: Buffer; readonly limit: number },
): Promise<readonly Suppression[]> {
  const { suppressions } = store.keys;
  const keys = [suppressions[1], suppressions[0]];
  const [names, values] = listOf(await store.runOnKeys(keys, SCRIPTS.posted, [from, to, limit])).map(listOf);
  return entriesOf((names ?? []).flatMap((name, place) => [name, values?.[place]]));
}

/** Entries from another store, each unless one is here that was made as late or later. Durable once it resolves. */
export async function writeSuppressions(store: Store, { entries }: StoredSuppressions): Promise<Written> {
  const keys = [...store.keys.suppressions, store.keys.arrived(0)];
  const written = await store.durablyOnKeys(keys, SCRIPTS.resuppress, entries.flatMap(packSuppression));
  return Number(written) > 0 ? 'written' : 'known';
}

/** As the scripts take an entry: its key, when it was made, until when ('': for good), the rest. */
function packSuppression(one: Suppression): [key: string, at: number, until: number | string, rest: string] {
  const { reason, evidence, source, atMs, untilMs } = one;
  return [packSuppressionKey(one), atMs, untilMs ?? '', JSON.stringify({ reason, source, evidence })];
}

/** @param flat keys and values in turns */
function entriesOf(flat: readonly unknown[]): readonly Suppression[] {
  return flat.flatMap((name, place): Suppression[] => {
    if (place % 2 === 1) return [];
    const [, at = '', until = '', rest = ''] = /^(\S+) (\S*) (.*)$/s.exec(textOf(flat[place + 1])) ?? [];
    const { reason = 'manual', evidence = '', source = '' } = (parseJson(rest) ?? {}) as Partial<Suppression>;
    const untilMs = until === '' ? null : Number(until);
    return [{ ...parseSuppressionKey(textOf(name)), reason, evidence, source, atMs: Number(at), untilMs }];
  });
}
