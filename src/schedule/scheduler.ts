/**
 * The delivery path: claim → choose → converse → classify → settle, each a function of its own (claims.ts, dispatch.ts
 * with routing/choose.ts, converse.ts, verdict.ts over the exits' own classification, settle.ts). This file starts them,
 * and stops them.
 */
import type { Egress } from '../egress/egress.ts';
import type { DeliveryId, MessageId } from '../message/ids.ts';
import type { Report } from '../message/notice.ts';
import type { Reply } from '../message/reply.ts';
import type { Screening } from '../message/screening.ts';
import type { KeepTranscript } from '../message/transcript.ts';
import type { MessageFacts } from '../policy/match.ts';
import type { Policy } from '../policy/schema.ts';
import { type Share, shareOf, WHOLE } from '../policy/share.ts';
import type { Clock, Emit, Random } from '../ports.ts';
import type { ExitPlace } from '../routing/choose.ts';
import type { StandingOf } from '../routing/standing.ts';
import type { Handoff } from '../spool/handoff.ts';
import type { Quotas } from '../spool/ledger.ts';
import type { Marks } from '../spool/marks.ts';
import type { LeasedDelivery, Spool } from '../spool/spool.ts';
import type { Tallies } from '../spool/tallies.ts';
import { AgeKeeper } from './age.ts';
import type { ReversePath } from './attempt/converse.ts';
import { dispatch, leasesHold } from './attempt/dispatch.ts';
import { refusalsOf } from './attempt/on-block.ts';
import { openConnections } from './connections/open-connections.ts';
import { Exits } from './exits/exits.ts';
import { Lanes } from './lanes/lanes.ts';
import { openLimits, paces } from './limits/open-limits.ts';
import { mendDueTimes } from './mend.ts';
import { explain, explainMail, explainRoute, type Explanation, type RouteExplanation } from './reasons/explain.ts';
import { handBack, spawn, termsFor, type Schedule } from './schedule.ts';
import { isLate } from './settlement/deadline.ts';
import { settle } from './settlement/settle.ts';
import { endTold, type ToldEnds } from './settlement/told-ends.ts';
import { ended } from './settlement/untried.ts';
import type { HostsOf } from './sites/domain-hosts.ts';
import { openSites, recallSites } from './sites/open-sites.ts';
import { type SchedulerStats, statsOf } from './stats.ts';
import { Upkeep } from './upkeep.ts';
import { Watchdog } from './watchdog.ts';
import { Claims } from './window/claims.ts';
import type { ContentNeeds } from './window/content.ts';
import { ContentBudget } from './window/content-budget.ts';
import { Groups } from './window/groups.ts';
import { Intake } from './window/intake.ts';
import { poolTurnsOf, regroup, standingsChanged, type SharedCircles } from './window/regroup.ts';
import { Window } from './window/window.ts';

export type SchedulerNeeds = {
  readonly policy: () => Policy;
  readonly spool: Spool;
  /** What all processes of the relay share of each exit's limits. */
  readonly quotas: Quotas;
  /** Where it is recorded what exits sent on which day, and how their warm-ups went. Default: nowhere. */
  readonly records?: { readonly tallies: Tallies; readonly marks: Marks };
  /** The exit of that name; undefined: it is not running. */
  readonly exits: (name: string) => Egress | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  /** As in `ContentNeeds`. */
  readonly signStored: ContentNeeds['signStored'];
  /** Stores what a sender is to be told; called before the recipients' stories end. */
  readonly report: Report;
  /** Default: every message leaves with its own envelope sender. */
  readonly reversePath?: ReversePath;
  /** As in `ConverseNeeds`. */
  readonly keepTranscript?: KeepTranscript;
  /** Which recipients are not written to. Default: everybody is. */
  readonly screening?: Screening;
  /** Its part of the connections that the policy allows; null: it delivers nothing. Default: all of them. */
  readonly share?: () => Share | null;
  /** The MX hosts of a domain. Default: not known, so that each domain is a site of its own. */
  readonly hostsOf?: HostsOf;
  /** Which nodes have the exits' addresses. Default: this one has all. */
  readonly places?: ExitPlaces;
  /** What checks and outcomes say of each exit; see `standingsChanged`. Default: nothing. */
  readonly standingOf?: StandingOf;
  /** Whose turn it is in each pool, and whether other processes take turns in them. Default: this one alone does. */
  readonly circles?: SharedCircles;
  /** Whether connections of an exit are asked for one by one, since other nodes have some too. Default: no, its share is its own. */
  readonly sharesConnections?: () => boolean;
};

export type ExitPlaces = {
  placeOf(exit: string): ExitPlace;
  /** Whether other nodes may hand mail to this one. */
  getsMail(): boolean;
};

export type Scheduler = AsyncDisposable & {
  readonly handoff: Handoff;
  /** Something is due in the store: claim soon. */
  wake(): void;
  /** Another policy is in force: routes are matched anew, limits hold from now on. */
  applyPolicy(): void;
  /** What `standingOf` says is another. @param opened exits that mail may have waited for */
  standingsChanged(opened: readonly string[]): void;
  explain(id: MessageId | DeliveryId): Promise<readonly Explanation[]>;
  explainRoute(facts: MessageFacts): RouteExplanation;
  /** The same once it is known what is used of the limits. */
  explainMail(facts: MessageFacts): Promise<RouteExplanation>;
  /** Ends deliveries as bounced by an operator. Only what was leased by `Spool.take`. Returns how many ended. */
  bounceNow(leased: readonly LeasedDelivery[], reply: Reply): Promise<number>;
  /** See `endTold`. */
  endTold(leased: LeasedDelivery, ends: ToldEnds): Promise<boolean>;
  /**
   * No new attempts; those in flight finish, and what came of them is written; then what waits is handed back.
   * @param graceMs what is still under way then is cut off, save where the final dot is out
   * @param signal ends the waiting at once: what is under way is left to its leases
   */
  stop(signal: AbortSignal, grace?: { readonly graceMs: number }): Promise<void>;
  stats(): SchedulerStats;
  /** See `Exits.closed`. */
  closedExits(): readonly string[];
  /** How many connections this process may have by an exit now; null: what its settings say. */
  connectionsOf(exit: string): number | null;
};

const GRACE_MS = 30_000;
/** After the cut, for what was cut off to be written. */
const CUT_MS = 2_000;
const BOUNCES_AT_ONCE = 20;

export function startScheduler(needs: SchedulerNeeds): Scheduler {
  const schedule = newSchedule(needs);
  const intake = new Intake(schedule);
  const upkeep = new Upkeep(schedule, new Watchdog(schedule));
  const running = upkeep.run();
  let stopping: Promise<void> | null = null;
  let hurry = new AbortController().signal;
  const stop = (signal: AbortSignal, { graceMs } = { graceMs: GRACE_MS }): Promise<void> => {
    if (stopping === null) hurry = signal;
    stopping ??= stopSchedule(schedule, { signal, graceMs }).then(() => running);
    return stopping;
  };
  const dispose = async (): Promise<void> => {
    await stop(new AbortController().signal);
    // Mail that was being accepted while it stopped is still being handed back.
    await finished(schedule, hurry, CUT_MS);
  };
  recallSites(schedule);
  schedule.claimSoon();
  return {
    handoff: intake,
    wake: () => intake.wake(),
    applyPolicy: () => regroup(schedule),
    standingsChanged: (opened) => standingsChanged(schedule, opened),
    explain: (id) => explain(schedule, id),
    explainRoute: (facts) => explainRoute(schedule, facts),
    explainMail: (facts) => explainMail(schedule, facts),
    bounceNow: (leased, reply) => bounceNow(schedule, leased, reply),
    endTold: (leased, ends) => endTold(schedule, leased, ends),
    stop,
    stats: () => statsOf(schedule),
    closedExits: () => schedule.exits.closed(),
    connectionsOf: (exit) => schedule.connections.most(exit),
    [Symbol.asyncDispose]: dispose,
  };
}

function newSchedule({ exits: find, share: given, ...needs }: SchedulerNeeds): Schedule {
  const { policy, clock, random, emit, standingOf, circles } = needs;
  const shareNow = given ?? ((): Share => WHOLE);
  const share = (limit: number): number => shareOf(limit, shareNow() ?? WHOLE);
  const contentBudget = new ContentBudget(share);
  const paceOf = (exit: string): number => standingOf?.(exit).pace ?? 1;
  const limits = openLimits(needs, {
    ...paces(find, paceOf),
    changed: () => {
      exits.touch();
      schedule.lanes.revive();
      dispatch(schedule);
    },
    turned: () => claims.soon(),
    reopened: (exit, most) => spawn(schedule, 'limits', () => mendDueTimes(schedule, { exit, most })),
  });
  const connections = openConnections({ ...needs, find, share, paceOf }, () => schedule);
  const exits: Exits = new Exits({
    policy,
    find,
    connections,
    limits,
    shareOf: (exit) => limits.shareOf(exit),
    clock,
    random,
    emit,
    ...(needs.places === undefined ? {} : { placeOf: placesOf(needs.places) }),
    ...(standingOf === undefined ? {} : { standingOf }),
    ...(circles === undefined ? {} : { turns: poolTurnsOf(circles, () => schedule) }),
  });
  const { sites, ceilings } = openSites({ ...needs, limits, shareNow }, () => schedule);
  const schedule: Schedule = {
    ...needs,
    delivers: () => shareNow() !== null,
    exits,
    limits,
    connections,
    sites,
    ceilings,
    lanes: new Lanes({ sites, monotonicMs: () => clock.monotonicMs() }),
    groups: new Groups({ exits, contentBudget, sites, refusalsOf: (delivery) => refusalsOf(policy(), delivery) }),
    window: new Window(share),
    ages: new AgeKeeper(clock),
    contentBudget,
    underWay: new Set(),
    closing: new AbortController(),
    ending: new AbortController(),
    leasesHold: () => leasesHold(schedule),
    isLate: ({ leased }) =>
      isLate(leased.message, policy(), () => ({ nowMs: clock.nowMs(), ageMs: schedule.ages.ageOf(leased) })),
    getsMail: () => needs.places?.getsMail() ?? false,
    leasesSeenMs: clock.monotonicMs(),
    leasesSeenAtMs: clock.nowMs(),
    nextDueAtMs: null,
    claimWanted: true,
    claimSoon: () => claims.soon(),
  };
  const claims = new Claims(schedule);
  return schedule;
}

function placesOf(places: ExitPlaces): ExitPlaces['placeOf'] {
  return (exit) => places.placeOf(exit);
}

async function bounceNow(schedule: Schedule, leased: readonly LeasedDelivery[], reply: Reply): Promise<number> {
  let count = 0;
  for (let start = 0; start < leased.length; start += BOUNCES_AT_ONCE) {
    const results = await Promise.all(
      leased.slice(start, start + BOUNCES_AT_ONCE).map((one) => {
        const plan = ended(one, termsFor(schedule, one, null), { state: 'bounced', reply });
        return settle(schedule, plan, { signal: schedule.ending.signal, mail: one.message });
      }),
    );
    count += results.filter((result) => result === 'settled').length;
  }
  return count;
}

async function stopSchedule(
  schedule: Schedule,
  { signal, graceMs }: { readonly signal: AbortSignal; readonly graceMs: number },
): Promise<void> {
  const { window, closing, ending } = schedule;
  closing.abort(new Error('shutdown'));
  const waiting = [...window.entries.values()].filter(({ state }) => state === 'waiting');
  spawn(schedule, 'give back', () => handBack(schedule, waiting));
  await finished(schedule, signal, graceMs);
  if (schedule.underWay.size > 0) {
    for (const entry of window.entries.values()) if (entry.state === 'trying') entry.abort.abort(closing.signal.reason);
    await finished(schedule, signal, CUT_MS);
  }
  spawn(schedule, 'limits', () => schedule.limits.close());
  spawn(schedule, 'connections', () => schedule.connections.close());
  schedule.sites.close();
  spawn(schedule, 'ceilings', async () => void (await schedule.ceilings.write({ now: true })));
  ending.abort(new Error('shutdown'));
  // With a second signal nothing is waited for: what is under way stays leased, and comes up as in doubt.
  await finished(schedule, signal, CUT_MS);
}

/** Waits until nothing is under way, for at most `withinMs`, or until `signal` says not to. */
async function finished(schedule: Schedule, signal: AbortSignal, withinMs: number): Promise<void> {
  if (signal.aborted || schedule.underWay.size === 0) return;
  const done = new AbortController();
  const enough = schedule.clock.sleep(withinMs, AbortSignal.any([signal, done.signal])).catch(() => undefined);
  let over = false;
  void enough.then(() => (over = true));
  while (schedule.underWay.size > 0 && !over) await Promise.race([Promise.all(schedule.underWay), enough]);
  done.abort();
}
