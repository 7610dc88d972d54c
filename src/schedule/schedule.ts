import type { Report } from '../message/notice.ts';
import type { Screening } from '../message/screening.ts';
import type { KeepTranscript } from '../message/transcript.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock, Emit, Random } from '../ports.ts';
import { type LeasedDelivery, type Spool, SpoolError } from '../spool/spool.ts';
import type { AgeKeeper } from './age.ts';
import type { ReversePath } from './attempt/converse.ts';
import type { Connections } from './connections/connections.ts';
import type { Exits } from './exits/exits.ts';
import type { Lane } from './lanes/lane.ts';
import type { Lanes } from './lanes/lanes.ts';
import type { Limits } from './limits/limits.ts';
import { deadlineOf, planWithin } from './settlement/deadline.ts';
import { settle } from './settlement/settle.ts';
import type { Plan, Terms } from './settlement/settlement.ts';
import { holdBack } from './settlement/untried.ts';
import type { Ceilings } from './sites/ceilings.ts';
import type { Sites } from './sites/sites.ts';
import type { ContentNeeds } from './window/content.ts';
import type { ContentBudget } from './window/content-budget.ts';
import type { Entry } from './window/entry.ts';
import type { Groups } from './window/groups.ts';
import type { Window } from './window/window.ts';

/**
 * How long a lease holds: what a dead process left is taken over within a second more, and what a living one has outlasts
 * a store that stands still for 10 s.
 */
export const LEASE_MS = 14_000;
/** How often leases are extended while deliveries are in memory, to the next second. */
export const EXTEND_EVERY_MS = 2_500;
/** A lease with less left than this begins no attempt. */
export const LEASE_MARGIN_MS = 4_000;

/** The scheduler's state, shared by its steps (claims, dispatch, upkeep). */
export type Schedule = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  readonly report: Report;
  /** As in `ContentNeeds`. */
  readonly signStored: ContentNeeds['signStored'];
  readonly reversePath?: ReversePath;
  /** As in `ConverseNeeds`. */
  readonly keepTranscript?: KeepTranscript;
  /** Absent: everybody is written to. */
  readonly screening?: Screening;
  /** Whether it has a connection of every limit; if not it takes no mail, and leaves it to other workers. */
  readonly delivers: () => boolean;
  readonly spool: Spool;
  readonly lanes: Lanes;
  readonly sites: Sites;
  readonly ceilings: Ceilings;
  readonly groups: Groups;
  readonly exits: Exits;
  readonly limits: Limits;
  readonly connections: Connections;
  readonly window: Window;
  readonly ages: AgeKeeper;
  readonly contentBudget: ContentBudget;
  /** Work under way, to be waited for at the end. */
  readonly underWay: Set<Promise<unknown>>;
  /** Aborted when nothing more is to be started, claimed or taken. */
  readonly closing: AbortController;
  /** Aborted when writing what is known is given up. */
  readonly ending: AbortController;
  readonly leasesHold: () => boolean;
  /** Whether it has a time of its own that is over: it must not be sent. */
  readonly isLate: (entry: Entry) => boolean;
  /** Whether nodes may have mail that is for this one. */
  readonly getsMail: () => boolean;
  /** Monotonic time at which all leases were known to hold last. */
  leasesSeenMs: number;
  /** Wall time then: while a machine is suspended, monotonic time stands still and leases end. */
  leasesSeenAtMs: number;
  /** Wall time at which the store has more to claim; null: not known to have any. */
  nextDueAtMs: number | null;
  /** Something to claim may be there now. */
  claimWanted: boolean;
  /** Claims when there is room. */
  readonly claimSoon: () => void;
};

/** Lets work run by itself, to be waited for at the end. What it throws is a bug, and is told. */
export function spawn(schedule: Schedule, where: string, work: () => Promise<void>): void {
  const promise = work()
    .catch((cause: unknown) => tellFailure(schedule, where, cause))
    .finally(() => schedule.underWay.delete(promise));
  schedule.underWay.add(promise);
}

/** Outages are told this seldom, each of what they hinder. */
const OUTAGE_EVERY_MS = 60_000;
const toldOutages = new WeakMap<Schedule, Map<string, number>>();

/** A surprise, with its stack, for operators. A store that is away is none: it gets a line, now and then. */
export function tellFailure(schedule: Schedule, where: string, cause: unknown): void {
  if (cause instanceof SpoolError && !cause.isFinal) {
    tellOutage(schedule, where, cause.message);
    return;
  }
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  schedule.emit({ event: 'failed', atMs: schedule.clock.nowMs(), where, cause: text });
}

function tellOutage(schedule: Schedule, where: string, cause: string): void {
  const { clock, emit } = schedule;
  const told = toldOutages.get(schedule) ?? new Map<string, number>();
  toldOutages.set(schedule, told);
  const last = told.get(where);
  if (last !== undefined && clock.monotonicMs() - last < OUTAGE_EVERY_MS) return;
  told.set(where, clock.monotonicMs());
  emit({ event: 'failed', atMs: clock.nowMs(), where, cause });
}

/** The terms on which a delivery is judged now. */
export function termsFor(schedule: Schedule, leased: LeasedDelivery, content: Buffer | null): Terms {
  const policy = schedule.policy();
  const { stream } = leased.delivery;
  const { message } = leased;
  const now = { nowMs: schedule.clock.nowMs(), ageMs: schedule.ages.ageOf(leased) };
  const deadline = deadlineOf(message, policy, now);
  return {
    ...now,
    retry: planWithin(policy.retry, { message, deadline, now }),
    deadline,
    onDoubt: Object.hasOwn(policy.streams, stream) ? (policy.streams[stream]?.onDoubt ?? 'retry') : 'retry',
    fraction: schedule.random.fraction(),
    content,
  };
}

/** Writes what became of a delivery in memory, and lets go of it. */
export async function conclude(schedule: Schedule, entry: Entry, plan: Plan): Promise<void> {
  schedule.lanes.remove(entry, 'settling');
  const { finished, rest } = plan.settlement;
  const { signal } = schedule.ending;
  const { message: mail } = entry.leased;
  try {
    const settled = await settle(schedule, plan, { signal, mail, tokenNow: () => entry.leased.lease.token });
    // Refused as well, it is left to its lease: it comes up again as in doubt.
    if (settled === 'refused') await settle(schedule, holdBack(entry.leased, schedule.clock.nowMs()), { signal, mail });
  } finally {
    schedule.window.release(entry);
    if (finished.length < entry.leased.delivery.recipients.length && rest.state === 'queued') {
      schedule.nextDueAtMs = Math.min(schedule.nextDueAtMs ?? rest.dueAtMs, rest.dueAtMs);
    }
    // It made way for what comes behind it.
    if (schedule.claimWanted || (entry.lane.behind && schedule.window.wantsMore(entry.lane))) schedule.claimSoon();
  }
}

/** Hands waiting deliveries back to the store, due as before. */
export async function handBack(schedule: Schedule, entries: readonly Entry[]): Promise<void> {
  for (const entry of entries) {
    schedule.lanes.remove(entry, 'settling');
    entry.lane.behind = true;
  }
  await giveBack(
    schedule,
    entries.map(({ leased }) => leased),
  );
  for (const entry of entries) schedule.window.release(entry);
}

/** For a node, or for whoever claims. Never rejects: where the store does not answer the leases run out by themselves, and then it frees them. */
export async function giveBack(schedule: Schedule, leased: readonly LeasedDelivery[], node?: string): Promise<void> {
  if (leased.length === 0) return;
  try {
    await schedule.spool.giveBack(
      leased.map(({ delivery, lease }) => ({ deliveryId: delivery.id, token: lease.token })),
      node,
    );
  } catch (cause) {
    tellFailure(schedule, 'give back', cause);
  }
}

export function waitingIn(schedule: Schedule, lane: Lane): Entry[] {
  return [...schedule.window.entries.values()].filter((entry) => entry.lane === lane && entry.state === 'waiting');
}
