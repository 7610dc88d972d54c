import type { DeliveryState } from '../../message/delivery.ts';
import { messageIdOf, type DeliveryId, type MessageId } from '../../message/ids.ts';
import { HELD_OVER_QUOTA, heldReason } from '../../message/over-quota.ts';
import type { MessageFacts } from '../../policy/match.ts';
import type { Gate, GateState, Reason } from '../../routing/choose.ts';
import type { MessageStory, QueuedDelivery } from '../../spool/spool.ts';
import { stageText } from '../attempt/under-way.ts';
import type { Lane } from '../lanes/lane.ts';
import type { Limits } from '../limits/limits.ts';
import type { Schedule } from '../schedule.ts';
import { rateText } from '../sites/site-gate.ts';
import type { Site } from '../sites/site.ts';
import type { Entry } from '../window/entry.ts';
import { isWaitText } from '../window/groups.ts';
import { CLAIM_LEAST } from '../window/window.ts';
import { hoursAndMinutes, reasonText, seconds } from './gate-text.ts';
import { refusedTexts } from './refused-text.ts';

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
    return explained(schedule, { queued: one, story, route: explainRoute(schedule, facts) });
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
  const walked = exits.walk({ route, stream: facts.stream, siteGate });
  const reasons = walked.map((reason) => (limits.isKnown(reason.egress) ? withoutAsking(reason) : reason));
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

/** What is used is known and leaves something: that this process has not asked for its part yet keeps nothing waiting. */
function withoutAsking({ pool, egress, node, probability, others, ...first }: Reason): Reason {
  const [next = OPEN, ...rest] = [first, ...others].filter(({ gate }) => gate !== 'asking');
  return {
    ...next,
    pool,
    egress,
    others: rest,
    ...(node === undefined ? {} : { node }),
    ...(probability === undefined ? {} : { probability }),
  };
}

const OPEN: GateState = { gate: 'ready', untilMs: null, cause: '' };

/** What is used of limits that are not the reason. */
function figuresText(reason: Reason, limits: Limits): string {
  const texts = [...limitTexts(reason, limits), ...budgetTexts(reason, limits)];
  return texts.length === 0 ? '' : ` (${texts.join(', ')})`;
}

function budgetTexts({ egress, gate, others }: Reason, { budgets }: Limits): readonly string[] {
  const text = budgets.textOf(egress);
  const isSaid = gate === 'budget' || others.some((other) => other.gate === 'budget');
  return text === null || isSaid ? [] : [text];
}

function limitTexts({ egress, gate, others }: Reason, limits: Limits): readonly string[] {
  const said: ReadonlySet<Gate> = new Set(['limited', 'paced']);
  return said.has(gate) || others.some((other) => said.has(other.gate)) ? [] : limits.textsOf(egress);
}

function explained(
  schedule: Schedule,
  {
    queued,
    story,
    route,
  }: { readonly queued: QueuedDelivery; readonly story: MessageStory; readonly route: RouteExplanation },
): Explanation {
  const { delivery } = queued;
  const refusedBy = delivery.state === 'queued' ? (delivery.refusedBy ?? []) : [];
  const entry = schedule.window.entries.get(delivery.id);
  const { state, why, nextTryAtMs } =
    entry === undefined ? inStore(schedule, { queued, story, route }) : inMemory(schedule, entry);
  const refused = refusedTexts(delivery, story.events);
  const noExit = hasExit(route, refusedBy) ? [] : exitLines(route);
  return {
    deliveryId: delivery.id,
    domain: delivery.domain,
    recipients: delivery.recipients.map(({ address }) => address),
    state,
    attempts: delivery.attempts,
    why: [...why, ...refused, ...(state === 'in flight' ? [] : noExit)],
    nextTryAtMs,
    ...route,
  };
}

type Place = Pick<Explanation, 'state' | 'why' | 'nextTryAtMs'>;

/** @param refusedBy exits that are not looked at. Default: none */
function hasExit({ exits }: RouteExplanation, refusedBy: readonly string[] = []): boolean {
  return exits.some(
    ({ egress, gate, isOpenElsewhere }) =>
      (gate === 'ready' || isOpenElsewhere === true) && !refusedBy.includes(egress),
  );
}

function exitLines({ route, exits }: RouteExplanation): string[] {
  return route === null ? ['no route takes it'] : exits.map(({ why }) => why);
}

function inStore(
  schedule: Schedule,
  {
    queued: { delivery, leasedUntilMs, waitsFor },
    story,
    route,
  }: { readonly queued: QueuedDelivery; readonly story: MessageStory; readonly route: RouteExplanation },
): Place {
  if (delivery.state === 'held') {
    const reason = heldReason(delivery, story.events);
    const isOwn = reason?.startsWith(HELD_OVER_QUOTA) === true;
    const why = isOwn ? [`held: ${reason}`] : ['held until an operator releases it'];
    return { state: 'held', why, nextTryAtMs: null };
  }
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
  const wait = delivery.dueAtMs > nowMs ? exitWait(delivery, route, nowMs) : null;
  if (wait !== null) why.push(wait.text);
  else if (delivery.dueAtMs > nowMs) {
    const what = delivery.lastReply === null ? 'not to be sent before its time' : 'waits for its next try';
    why.push(`${what}, in ${seconds(delivery.dueAtMs - nowMs)}`);
  } else if (restsMs <= 0 && leasedUntilMs === null && waitsFor === undefined) {
    why.push(`due: ${whyNotTaken(schedule, lane, route)}`);
  }
  return {
    state: 'queued',
    why,
    nextTryAtMs: Math.max(wait?.untilMs ?? delivery.dueAtMs, nowMs + restsMs, leasedUntilMs ?? 0),
  };
}

const OPENS_BY_TIME: ReadonlySet<Gate> = new Set(['limited', 'budget']);

/** Put off for want of an exit: its due time is only when that is looked at again. null: it was not. */
function exitWait(
  { lastReply, dueAtMs }: QueuedDelivery['delivery'],
  route: RouteExplanation,
  nowMs: number,
): { readonly text: string; readonly untilMs: number } | null {
  if (lastReply === null || !isWaitText(lastReply.text)) return null;
  const again = `looked at again in ${seconds(dueAtMs - nowMs)}`;
  const opens = hasExit(route)
    ? []
    : route.exits.flatMap(({ egress, gate, others, untilMs }) =>
        OPENS_BY_TIME.has(gate) && others.length === 0 && untilMs !== null ? [{ egress, untilMs }] : [],
      );
  const [next] = opens.toSorted((one, other) => one.untilMs - other.untilMs);
  if (next === undefined) return { text: `waits for an exit, ${again}`, untilMs: dueAtMs };
  const { egress, untilMs } = next;
  return { text: `waits for an exit: ${egress} opens in ${hoursAndMinutes(untilMs - nowMs)} (${again})`, untilMs };
}

/** Of what is due in the store, although its lane does not rest. */
function whyNotTaken({ window }: Schedule, lane: Lane | undefined, route: RouteExplanation): string {
  if (!hasExit(route)) return 'waits in the store for an exit';
  if (lane !== undefined && !window.wantsMore(lane))
    return `waits in the store, ${lane.held} deliveries to ${lane.domain} come first`;
  if (window.claimRoom < CLAIM_LEAST) return 'waits in the store until there is room in memory';
  return 'about to be taken out of the store';
}

function inMemory(schedule: Schedule, { state, lane, group, triedSinceMs, underWay }: Entry): Place {
  const nowMs = schedule.clock.monotonicMs();
  if (state === 'trying') {
    const what = underWay === null ? null : stageText(underWay);
    const how = underWay === null ? 'being tried' : `under way by ${underWay.exit}`;
    const forText = seconds(nowMs - (underWay?.startedMs ?? triedSinceMs ?? nowMs));
    const why = [`${how} for ${forText}${what === null ? '' : ` (${what})`}`];
    return { state: 'in flight', why, nextTryAtMs: null };
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
