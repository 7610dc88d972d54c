/** What many look at is read once: figures that are a moment old do for pages that stay open. */
import type { Clock } from '../../ports.ts';
import type { Operations } from '../../operations/operations.ts';

/** Not of those that change something. */
const READS = ['status', 'overview', 'shape', 'nodes', 'stats', 'exits', 'list'] as const;
const RECENT_MS = 1_900;
const MOST_KEPT = 100;

type Read = { readonly atMs: number; readonly value: Promise<unknown> };

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
      if (known !== undefined && (underway.has(known.value) || nowMs - known.atMs < mostMs)) return known.value;
      if (kept.size >= MOST_KEPT) kept.clear();
      const read = operations[name] as (ask?: unknown) => Promise<unknown>;
      const value = read(ask);
      kept.set(key, { atMs: nowMs, value });
      underway.add(value);
      const over = (): void => void underway.delete(value);
      // What failed is asked for again at once.
      value.then(over, () => {
        over();
        if (kept.get(key)?.value === value) kept.delete(key);
      });
      return value;
    };
  const having = (mostMs: number): Operations => ({
    ...operations,
    ...(Object.fromEntries(READS.map((name) => [name, reading(name, mostMs)])) as Partial<Operations>),
  });
  return { fresh: having(0), recent: having(RECENT_MS) };
}
