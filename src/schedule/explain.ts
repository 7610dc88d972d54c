import type { DeliveryState } from '../message/delivery.ts';
import { messageIdOf, type DeliveryId, type MessageId } from '../message/ids.ts';
import type { MessageFacts } from '../policy/match.ts';
import type { Gate, GateState, Reason } from '../routing/choose.ts';
import type { QueuedDelivery } from '../spool/spool.ts';
import type { Entry } from './entry.ts';
import type { Lane } from './lane.ts';
import type { Limits } from './limits.ts';
import type { Schedule } from './schedule.ts';
import type { Site } from './site.ts';
import { rateText } from './site-gate.ts';
import { CLAIM_LEAST } from './window.ts';

/** Why a queued delivery is where it is. */
export type Explanation = {
  readonly deliveryId: DeliveryId;
  readonly domain: string;
  readonly recipients: readonly string[];
  readonly state: DeliveryState | 'in flight' | 'waiting in its lane' | 'being settled';
  readonly attempts: number;
  /** In words, the most important first. What the last attempt was told stands in the store. */
  readonly why: readonly string[];
  /** Wall time; null: as soon as what `why` says is over, or never without an operator. */
  readonly nextTryAtMs: number | null;
} & RouteExplanation;

export type RouteExplanation = {
  /** null: no route matches. */
  readonly route: string | null;
  /** In the order in which they would be asked now. */
  readonly exits: readonly ExitExplanation[];
  /** Where it goes, with what is under way there, in words. Absent: not known. */
  readonly site?: string;
};

export type ExitExplanation = {
  readonly egress: string;
  readonly pool: string | null;
  readonly gate: Gate;
  /** Another node may send by it now. */
  readonly isOpenElsewhere?: true;
  readonly why: string;
  /** The gates behind it that are closed too. */
  readonly others: readonly Gate[];
  /** Wall time at which the gate opens, as far as time alone decides it. */
  readonly untilMs: number | null;
  /** In a pool with the strategy `random`: with what probability it would be the one, where its pool has the turn; 0 to 1. */
  readonly probability?: number;
};

const GATES = {
  ready: 'may send now',
  disabled: 'is disabled in the policy',
  unsupported: 'is of a type that this version cannot send by',
  stream: 'does not carry this stream',
  stopped: 'is not running',
  tried: 'failed a moment ago',
  paused: 'is paused',
  down: 'is down',
  listed: 'is in a blocklist',
  reputation: 'rests for its reputation',
  elsewhere: 'is on another node',
  nowhere: 'is on no node',
  resting: 'rests after a failure',
  probing: 'is being tried after a rest',
  limited: 'has used up its limit',
  paced: 'waits a moment, as its rate has it',
  asking: 'is about to know what is left of its limit',
  'site-rest': 'is not wanted at its site now',
  site: 'waits for its site',
  busy: 'has no free connection',
} as const satisfies Record<Gate, string>;

/** Gates whose cause is a sentence of its own. */
const OWN_SUBJECT: ReadonlySet<Gate> = new Set(['limited', 'elsewhere', 'nowhere', 'site', 'site-rest']);

/** Gates that a check opens. */
const CHECKED: ReadonlySet<Gate> = new Set(['down', 'listed', 'reputation']);

/** Every queued delivery of a message, or the one delivery; empty when none is queued. */
export async function explain(schedule: Schedule, id: MessageId | DeliveryId): Promise<readonly Explanation[]> {
  const [story] = await Promise.all([schedule.spool.story(messageIdOf(id as DeliveryId)), schedule.limits.look()]);
  if (story === null) return [];
  const queued = story.queued.filter(({ delivery }) => id.length === delivery.messageId.length || delivery.id === id);
  return queued.map((one) => {
    const facts = {
      client: one.delivery.client,
      stream: one.delivery.stream,
      priority: one.delivery.priority,
      senderDomain: one.sender.slice(one.sender.lastIndexOf('@') + 1),
      recipientDomain: one.delivery.domain,
      tag: story.message.tag,
      sizeBytes: one.sizeBytes,
      ...(story.message.headers === undefined ? {} : { headers: story.message.headers }),
    };
    return explained(schedule, one, explainRoute(schedule, facts));
  });
}

/** `google: 3 of 20 connections, 600/m`. */
function siteText({ name, inFlight, most, rate }: Site): string {
  return `${name}: ${inFlight} of ${most} connections${rate === null ? '' : `, ${rateText(rate)}`}`;
}

/** The same once it is known what is used of the limits. */
export async function explainMail(schedule: Schedule, facts: MessageFacts): Promise<RouteExplanation> {
  await schedule.limits.look();
  return explainRoute(schedule, facts);
}

/** Where mail with these properties would go now. */
export function explainRoute({ exits, lanes, limits, sites, clock }: Schedule, facts: MessageFacts): RouteExplanation {
  const route = exits.routeOf(facts);
  if (route === null) return { route: null, exits: [] };
  const site = lanes.find(facts.recipientDomain)?.site ?? sites.knownSiteOf(facts.recipientDomain);
  const siteGate = (exit: string): GateState | null => (site === null ? null : sites.gateOf(site, exit));
  const reasons = exits.walk({ route, stream: facts.stream, siteGate });
  const monotonicMs = clock.monotonicMs();
  const wallMs = clock.nowMs() - monotonicMs;
  return {
    route: route.name,
    ...(site === null ? {} : { site: siteText(site) }),
    exits: reasons.map((reason) => ({
      egress: reason.egress,
      pool: reason.pool,
      gate: reason.gate,
      others: reason.others.map(({ gate }) => gate),
      ...(reason.node === undefined ? {} : { isOpenElsewhere: true as const }),
      why: reasonText(reason, monotonicMs) + figuresText(reason, limits),
      untilMs: reason.untilMs === null ? null : Math.round(wallMs + reason.untilMs),
      ...(reason.probability === undefined ? {} : { probability: reason.probability }),
    })),
  };
}

/** What is used of limits that are not the reason. */
function figuresText({ egress, gate, others }: Reason, limits: Limits): string {
  const said: ReadonlySet<Gate> = new Set(['limited', 'paced']);
  if (said.has(gate) || others.some((other) => said.has(other.gate))) return '';
  const texts = limits.textsOf(egress);
  return texts.length === 0 ? '' : ` (${texts.join(', ')})`;
}

/** Each gate that is closed, in order, with its figure and when it will move. */
export function reasonText({ egress, others, probability, ...first }: Reason, nowMs: number): string {
  const gates = [first, ...others].map((gate) => gateText(gate, nowMs)).join('; ');
  const chance = probability === undefined ? '' : ` (probability ${Math.round(probability * 1_000) / 10} %)`;
  const hasOwnSubject = OWN_SUBJECT.has(first.gate);
  return `${egress}${hasOwnSubject ? ':' : ''} ${gates}${chance}`;
}

function gateText({ gate, cause, untilMs }: GateState, nowMs: number): string {
  if (gate === 'limited') return `${cause}, resets in ${hoursAndMinutes((untilMs ?? nowMs) - nowMs)}`;
  if (gate === 'site-rest') return `${cause}, for ${seconds((untilMs ?? nowMs) - nowMs)} more`;
  if (OWN_SUBJECT.has(gate)) return cause;
  if (gate === 'paced' && cause !== '')
    return `waits for its ${cause}, for ${seconds((untilMs ?? nowMs) - nowMs)} more`;
  const rest = gate === 'resting' && untilMs !== null ? `, for ${seconds(untilMs - nowMs)} more` : '';
  const until = CHECKED.has(gate) && untilMs !== null ? `, looked at again in ${seconds(untilMs - nowMs)}` : '';
  return `${GATES[gate]}${cause === '' ? '' : `: ${cause}`}${until}${rest}`;
}

function explained(schedule: Schedule, queued: QueuedDelivery, route: RouteExplanation): Explanation {
  const { delivery } = queued;
  const entry = schedule.window.entries.get(delivery.id);
  const { state, why, nextTryAtMs } =
    entry === undefined ? inStore(schedule, queued, route) : inMemory(schedule, entry);
  const noExit = hasExit(route) ? [] : exitLines(route);
  return {
    deliveryId: delivery.id,
    domain: delivery.domain,
    recipients: delivery.recipients.map(({ address }) => address),
    state,
    attempts: delivery.attempts,
    why: [...why, ...(state === 'in flight' ? [] : noExit)],
    nextTryAtMs,
    ...route,
  };
}

type Place = Pick<Explanation, 'state' | 'why' | 'nextTryAtMs'>;

function hasExit({ exits }: RouteExplanation): boolean {
  return exits.some(({ gate, isOpenElsewhere }) => gate === 'ready' || isOpenElsewhere === true);
}

function exitLines({ route, exits }: RouteExplanation): string[] {
  return route === null ? ['no route takes it'] : exits.map(({ why }) => why);
}

function inStore(
  schedule: Schedule,
  { delivery, leasedUntilMs, waitsFor }: QueuedDelivery,
  route: RouteExplanation,
): Place {
  if (delivery.state === 'held')
    return { state: 'held', why: ['held until an operator releases it'], nextTryAtMs: null };
  if (delivery.state === 'quarantined') {
    return { state: 'quarantined', why: ['set aside: its content cannot be trusted'], nextTryAtMs: null };
  }
  const nowMs = schedule.clock.nowMs();
  const lane = schedule.lanes.find(delivery.domain);
  const restsMs = lane === undefined ? 0 : restOf(schedule, lane.feedback.restsUntilMs);
  const why: string[] = [];
  if (waitsFor !== undefined) why.push(`waits for node ${waitsFor}, which has the address of its exit`);
  if (leasedUntilMs !== null) why.push('under the lease of another node, or of one that is gone');
  if (restsMs > 0)
    why.push(`${delivery.domain} did not answer several times: its lane rests for ${seconds(restsMs)} more`);
  if (delivery.dueAtMs > nowMs) {
    const what = delivery.lastReply === null ? 'not to be sent before its time' : 'waits for its next try';
    why.push(`${what}, in ${seconds(delivery.dueAtMs - nowMs)}`);
  } else if (restsMs <= 0 && leasedUntilMs === null && waitsFor === undefined) {
    why.push(`due: ${whyNotTaken(schedule, lane, route)}`);
  }
  return { state: 'queued', why, nextTryAtMs: Math.max(delivery.dueAtMs, nowMs + restsMs, leasedUntilMs ?? 0) };
}

/** Of what is due in the store, although its lane does not rest. */
function whyNotTaken({ window }: Schedule, lane: Lane | undefined, route: RouteExplanation): string {
  if (!hasExit(route)) return 'waits in the store for an exit';
  if (lane !== undefined && !window.wantsMore(lane))
    return `waits in the store, ${lane.held} deliveries to ${lane.domain} come first`;
  if (window.claimRoom < CLAIM_LEAST) return 'waits in the store until there is room in memory';
  return 'about to be taken out of the store';
}

function inMemory(schedule: Schedule, { state, lane, group, triedSinceMs }: Entry): Place {
  const nowMs = schedule.clock.monotonicMs();
  if (state === 'trying') {
    return {
      state: 'in flight',
      why: [`being tried for ${seconds(nowMs - (triedSinceMs ?? nowMs))}`],
      nextTryAtMs: null,
    };
  }
  if (state !== 'waiting')
    return { state: 'being settled', why: ['what came of it is being written'], nextTryAtMs: null };
  const allowed = schedule.lanes.connectionsOf(lane);
  const why =
    lane.inFlight >= allowed
      ? `its lane has ${lane.inFlight} of ${allowed} connections open, and ${lane.waiting} deliveries wait`
      : `waits for its turn: ${lane.waiting} deliveries wait in its lane`;
  const space = schedule.contentBudget.hasRoomFor(group.weight)
    ? []
    : ['its content is read once other messages of its size are through'];
  return { state: 'waiting in its lane', why: [why, ...space], nextTryAtMs: schedule.clock.nowMs() };
}

function restOf(schedule: Schedule, restsUntilMs: number | null): number {
  return restsUntilMs === null ? 0 : Math.max(0, restsUntilMs - schedule.clock.monotonicMs());
}

function hoursAndMinutes(ms: number): string {
  const minutes = Math.ceil(ms / 60_000);
  return minutes < 60 ? `${minutes} m` : `${Math.floor(minutes / 60)} h ${minutes % 60} m`;
}

function seconds(ms: number): string {
  const total = Math.ceil(ms / 1000);
  if (total < 120) return `${total} s`;
  const minutes = Math.round(total / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
