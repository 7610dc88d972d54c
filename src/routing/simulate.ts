/** Recorded traffic under the policy in force and under another one, side by side. Pure. */
import { dayOf } from '../policy/day.ts';
import type { Policy } from '../policy/schema.ts';
import { providerOf } from '../policy/providers.ts';
import { type PassedDelivery, type PassedMessage, senderDomainOf } from '../spool/traffic.ts';
import { type ExitPast, pastBefore } from './exit-past.ts';
import { type Readmitted, readmitted } from './readmission.ts';
import { replay, type ReplayedDelivery, type ReplayedWay } from './replay.ts';
import { countBy, type Counted, delayOf, figuresOf, type Delay, type PolicyFigures } from './replay-figures.ts';

export type SimulateAsk = {
  /** In no order; from `replayedFrom` on. */
  readonly messages: readonly PassedMessage[];
  /** The stretch of time that figures are of, wall ms. */
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly inForce: Policy;
  readonly candidate: Policy;
  /** By name. */
  readonly pasts: ReadonlyMap<string, ExitPast>;
};

/** What happened. `unsent`: of them, so many had not ended. */
export type RecordedFigures = {
  readonly exits: readonly Counted[];
  readonly delay: Delay;
  readonly unsent: number;
};

export type Change = { readonly from: string; readonly to: string; readonly count: number };

/** Counts are deliveries: a message to several domains is one for each. */
export type Simulation = {
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly messages: number;
  readonly deliveries: number;
  readonly recorded: RecordedFigures;
  readonly inForce: PolicyFigures;
  readonly candidate: PolicyFigures;
  /** Deliveries that are taken, routed and handled otherwise by the candidate; `none`: no route. */
  readonly changes: {
    readonly refused: readonly Counted[];
    readonly routes: readonly Change[];
    readonly streams: readonly Change[];
    readonly priorities: readonly Change[];
  };
};

const DAY_MS = 86_400_000;
/** What waits so long after the end is taken for never sent. */
const HORIZON_MS = 30 * DAY_MS;
const NEVER_LEFT: ReadonlySet<PassedDelivery['end']> = new Set(['suppressed', 'discarded']);

/** From when on traffic is replayed: the beginning of the day, so that daily limits and warm-ups have used what they had. */
export function replayedFrom(policies: readonly Policy[], sinceMs: number): number {
  return Math.min(...policies.map(({ timeZone }) => dayOf(sinceMs, timeZone).startsAtMs));
}

type Recorded = { readonly message: PassedMessage; readonly delivery: PassedDelivery; readonly dueAtMs: number };

/** Both replays over all of the mail; figures are of the stretch alone. Some seconds for a hundred thousand deliveries. */
export function simulate(ask: SimulateAsk): Simulation {
  const { sinceMs, untilMs, inForce, candidate } = ask;
  const recorded = recordedOf(ask);
  const now = replayUnder(inForce, recorded, ask);
  const other = replayUnder(candidate, recorded, ask);
  const counted = recorded.filter(({ dueAtMs }) => dueAtMs >= sinceMs);
  const pairs = recorded.flatMap(({ dueAtMs }, place) => {
    const [left, right] = [now.seen[place], other.seen[place]];
    return dueAtMs < sinceMs || left === undefined || right === undefined ? [] : [{ left, right }];
  });
  const taken = pairs.flatMap(({ left, right }) =>
    left.as.kind === 'taken' && right.as.kind === 'taken'
      ? [{ left: left.as, right: right.as, from: left.way?.route ?? 'none', to: right.way?.route ?? 'none' }]
      : [],
  );
  return {
    sinceMs,
    untilMs,
    messages: new Set(counted.map(({ message }) => message.id)).size,
    deliveries: counted.length,
    recorded: recordedFigures(counted),
    inForce: now.figures,
    candidate: other.figures,
    changes: {
      refused: countBy(
        pairs.flatMap(({ left, right }) =>
          left.as.kind === 'taken' && right.as.kind === 'refused' ? [right.as.reason] : [],
        ),
      ),
      routes: changesOf(taken.map(({ from, to }) => [from, to])),
      streams: changesOf(taken.map(({ left, right }) => [left.stream, right.stream])),
      priorities: changesOf(taken.map(({ left, right }) => [left.priority, right.priority])),
    },
  };
}

/** In order of time. What was scheduled for a time to come, or ended without ever leaving, is no traffic. */
function recordedOf({ messages, untilMs }: SimulateAsk): Recorded[] {
  const latest = new Map(messages.map((message) => [message.id, message]));
  return [...latest.values()]
    .flatMap((message) => {
      const dueAtMs = Math.max(message.receivedAtMs, message.sendAtMs ?? 0);
      if (dueAtMs > untilMs) return [];
      return message.deliveries
        .filter(({ end, attempts }) => attempts > 0 || !NEVER_LEFT.has(end))
        .map((delivery) => ({ message, delivery, dueAtMs }));
    })
    .sort((one, other) => one.dueAtMs - other.dueAtMs || (one.delivery.id < other.delivery.id ? -1 : 1));
}

type Seen = { readonly as: Readmitted; readonly way: ReplayedWay | undefined };

function replayUnder(
  policy: Policy,
  recorded: readonly Recorded[],
  { inForce, pasts, sinceMs, untilMs }: SimulateAsk,
): { readonly seen: readonly Seen[]; readonly figures: PolicyFigures } {
  const known = new Map<PassedMessage, Readmitted>();
  const as = recorded.map(({ message }) => {
    const before = known.get(message);
    const made = before ?? readmitted(message, { inForce, candidate: policy });
    if (before === undefined) known.set(message, made);
    return made;
  });
  const deliveries: ReplayedDelivery[] = [];
  const placeOf = recorded.map((one, place) => {
    const handling = as[place];
    if (handling?.kind !== 'taken') return -1;
    return deliveries.push(replayed(policy, { one, handling, counts: one.dueAtMs >= sinceMs })) - 1;
  });
  const from = dayOf(replayedFrom([policy], sinceMs), policy.timeZone).name;
  const before = new Map([...pasts].map(([name, past]) => [name, pastBefore(past, from)]));
  const { ways, limits } = replay(deliveries, { policy, pasts: before, horizonMs: untilMs + HORIZON_MS });
  const counted = deliveries.flatMap(({ dueAtMs, counts, recipients = 1 }, place) => {
    const way = ways[place];
    return way === undefined || !counts ? [] : [{ dueAtMs, way, recipients }];
  });
  const refused = as.filter((one, place) => one.kind === 'refused' && (recorded[place]?.dueAtMs ?? 0) >= sinceMs);
  return {
    seen: as.map((one, place) => ({ as: one, way: ways[placeOf[place] ?? -1] })),
    figures: figuresOf({ policy, counted, limits, refused: refused.length, sinceMs, untilMs }),
  };
}

function replayed(
  policy: Policy,
  of: {
    readonly one: Recorded;
    readonly handling: Readmitted & { readonly kind: 'taken' };
    readonly counts: boolean;
  },
): ReplayedDelivery {
  const { message, delivery, dueAtMs } = of.one;
  const { stream, priority } = of.handling;
  return {
    dueAtMs,
    counts: of.counts,
    provider: providerOf(policy, delivery.host),
    recipients: delivery.recipients,
    facts: {
      client: message.client,
      stream,
      priority,
      senderDomain: senderDomainOf(message),
      recipientDomain: delivery.domain,
      tag: message.tag,
      sizeBytes: message.sizeBytes,
      ...(message.headers === undefined ? {} : { headers: message.headers }),
    },
  };
}

function recordedFigures(counted: readonly Recorded[]): RecordedFigures {
  const tried = counted.flatMap(({ delivery }) => delivery.egress ?? []);
  const delays = counted.flatMap(({ delivery, dueAtMs }) =>
    delivery.end === 'delivered' && delivery.endedAtMs !== null ? [Math.max(0, delivery.endedAtMs - dueAtMs)] : [],
  );
  const unsent = counted.filter(({ delivery }) => delivery.end === null).length;
  return { exits: countBy(tried), delay: delayOf(delays), unsent };
}

/** Only what differs, the most first. */
function changesOf(pairs: readonly (readonly [from: string, to: string])[]): Change[] {
  const differing = pairs.filter(([from, to]) => from !== to).map((pair) => JSON.stringify(pair));
  return countBy(differing).map(({ name, count }) => {
    const [from = '', to = ''] = JSON.parse(name) as string[];
    return { from, to, count };
  });
}
