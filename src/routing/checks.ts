/** What the recorded checks of an exit say of it: whether it is down, whether its address is listed. Pure. */
import { egressOf } from '../policy/match.ts';
import type { Policy } from '../policy/schema.ts';
import type { Mark } from '../spool/marks.ts';
import { healthMark, parseHealth } from './health.ts';
import { listingMark, listingZones, parseListing, returnPace } from './listing-record.ts';
import { ownAddressOf } from '../policy/own-address.ts';
import type { Closure } from './standing.ts';

/** The marks that `checksOf` reads: whoever fetches them asks for names that begin so. */
export const CHECK_MARKS = ['health:', 'listing:'] as const;

export type ChecksAt = {
  readonly policy: Policy;
  readonly marks: readonly Mark[];
  /** Whose checks count: a server may be out of reach for one node alone. */
  readonly node: string;
  /** Wall ms. */
  readonly nowMs: number;
};

/** @returns closures `down` and `listed`, and the part of its pace that the exit may use: above 0, at most 1 */
export function checksOf(
  egress: string,
  at: ChecksAt,
): { readonly closures: readonly Closure[]; readonly pace: number } {
  const down = downClosure(egress, at);
  const { closure: listed, pace } = listing(egress, at);
  return { closures: [down, listed].filter((closure) => closure !== null), pace };
}

/** A check that is overdue for that long is not to be waited for: whoever made it is gone, and what it said is old. */
const OVERDUE_MS = 120_000;

function downClosure(egress: string, { policy, marks, node, nowMs }: ChecksAt): Closure | null {
  const name = healthMark(node, egress);
  const mark = marks.find((one) => one.name === name);
  const health = mark === undefined ? null : parseHealth(mark.text);
  if (health === null || health.downSinceMs === null || egressOf(policy, egress)?.enabled !== true) return null;
  const waitMs = health.nextAtMs - nowMs;
  // Too far ahead: the clock was set back since.
  if (waitMs < -OVERDUE_MS || waitMs > policy.health.every + OVERDUE_MS) return null;
  const cause = `${health.failures} ${health.failures === 1 ? 'check' : 'checks'} failed: ${health.cause}`;
  return { gate: 'down', untilMs: health.nextAtMs, cause };
}

/** However old: what was listed is listed until a look finds it clean. */
function listing(
  egress: string,
  { policy, marks }: ChecksAt,
): { readonly closure: Closure | null; readonly pace: number } {
  const terms = egressOf(policy, egress);
  const address = terms === undefined ? null : ownAddressOf(terms);
  const name = address === null ? null : listingMark(address);
  const mark = name === null ? undefined : marks.find((one) => one.name === name);
  const record = mark === undefined ? null : parseListing(mark.text);
  if (record === null || address === null || policy.blocklists.zones.length === 0) return { closure: null, pace: 1 };
  if (record.listedSinceMs === null) return { closure: null, pace: returnPace(record.cleanLooks) };
  const zones = listingZones(record, policy.blocklists);
  if (zones.length === 0) return { closure: null, pace: 1 };
  const cause = `${address} is listed in ${zones.map(({ zone, cause: why }) => `${zone} (${why})`).join(', ')}`;
  return { closure: { gate: 'listed', untilMs: record.nextAtMs, cause }, pace: 1 };
}
