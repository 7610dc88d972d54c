/** How limits of the policy are divided among workers, so that all of them together keep each. Pure. */
import type { Policy } from './schema.ts';

/** One of `of` workers that do the same work side by side; `index` from 0. */
export type Share = { readonly index: number; readonly of: number };

/** Of a relay that works in one thread. */
export const WHOLE: Share = { index: 0, of: 1 };

/** That worker's part of a limit; all parts together are the limit. */
export function shareOf(limit: number, { index, of }: Share): number {
  return Math.floor(limit / of) + (index < limit % of ? 1 : 0);
}

/**
 * A worker's share of delivering; null: it leaves that to the others. As many deliver as every limit on connections has
 * at least one for: a worker without a connection of its own would hold mail that it can never send.
 */
export function deliveryShare(policy: Pick<Policy, 'egress' | 'shaping'>, { index, of }: Share): Share | null {
  const delivering = Math.max(1, Math.min(of, fewestConnections(policy)));
  return index < delivering ? { index, of: delivering } : null;
}

/** It is asked at every choice of an exit. */
const fewest = new WeakMap<object, number>();

function fewestConnections(policy: Pick<Policy, 'egress' | 'shaping'>): number {
  const known = fewest.get(policy);
  if (known !== undefined) return known;
  const limits = Object.values(policy.egress).flatMap((egress) =>
    egress.enabled && 'connections' in egress ? [egress.connections] : [],
  );
  const least = Math.min(policy.shaping.default.connections, ...limits);
  fewest.set(policy, least);
  return least;
}
