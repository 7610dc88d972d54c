/** What many look at is read once: figures that are a moment old do for pages that stay open. */
import type { Clock } from '../../ports.ts';
import type { Operations } from '../../operations/operations.ts';

/** Not of those that change something. */
const READS = [
  'status',
  'overview',
  'shape',
  'nodes',
  'stats',
  'exits',
  'list',
  'alertList',
  'clientStatuses',
  // A page that stopped waiting for a search leaves it under way: who asks again waits for the same one.
  'search',
  'preview',
] as const;
const RECENT_MS = 1_900;
/** What takes longer to read is shown as it was, for so many times as long, and read anew meanwhile: a long queue that has to be counted. */
const SLOW_MS = 250;
const SLOW_TIMES = 20;
/** What is older is not shown meanwhile. */
const SHOWN_MS = 60_000;
const MOST_KEPT = 100;

type Read = {
  readonly atMs: number;
  readonly value: Promise<unknown>;
  before: Promise<unknown> | null;
  tookMs: number;
};

/**
 * The same operations twice. `fresh`: those who ask while it is being read have the same answer; `recent`: what anybody read in the last
 * two seconds is good enough.
 */
export function recentOperations(
  operations: Operations,
  clock: Clock,
): { readonly fresh: Operations; readonly recent: Operations } {
  const kept = new Map<string, Read>();
  const underway = new Set<Promise<unknown>>();
  const reading =
    (name: (typeof READS)[number], mostMs: number) =>
    (ask?: unknown): Promise<unknown> => {
      const key = `${name} ${JSON.stringify(ask)}`;
      const nowMs = clock.monotonicMs();
      const known = kept.get(key);
      const goodForMs = (known?.tookMs ?? 0) > SLOW_MS ? SLOW_TIMES * (known?.tookMs ?? 0) : mostMs;
      if (known !== undefined && underway.has(known.value)) return known.before ?? known.value;
      if (known !== undefined && nowMs - known.atMs < goodForMs) return known.value;
      if (kept.size >= MOST_KEPT) kept.clear();
      const read = operations[name] as (ask?: unknown) => Promise<unknown>;
      const value = read(ask);
      const isShown = known !== undefined && known.tookMs > SLOW_MS && nowMs - known.atMs < SHOWN_MS;
      const before = isShown ? known.value : null;
      const one: Read = { atMs: nowMs, value, before, tookMs: 0 };
      kept.set(key, one);
      underway.add(value);
      const over = (): void => {
        underway.delete(value);
        one.tookMs = clock.monotonicMs() - nowMs;
        one.before = null;
      };
      // What failed is asked for again at once.
      value.then(over, () => {
        over();
        if (kept.get(key)?.value === value) kept.delete(key);
      });
      return before ?? value;
    };
  const having = (mostMs: number): Operations => ({
    ...operations,
    ...(Object.fromEntries(READS.map((name) => [name, reading(name, mostMs)])) as Partial<Operations>),
  });
  return { fresh: having(0), recent: having(RECENT_MS) };
}
