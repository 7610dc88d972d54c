/** A message for programs: its story, and where each of its recipients is. Pure. */
import { type BounceKind, bounceKindOf, kindOfBounce } from '../../message/bounce-kind.ts';
import type { AttemptRecord, MessageEvent } from '../../message/event.ts';
import type { DeliveryId } from '../../message/ids.ts';
import type { Message } from '../../message/message.ts';
import { FINAL_STATES, type FinalState } from '../../message/outcome.ts';
import type { Reply } from '../../message/reply.ts';
import type { MessageStory } from '../../spool/spool.ts';
import { type PlainDelivery, plainDelivery } from './queue-json.ts';

/** One recipient, by what is known last of it. */
export type PlainRecipient = {
  readonly address: string;
  readonly deliveryId: DeliveryId | null;
  /** How its story ended, or what it waits as: `queued`, `held`, `quarantined`. */
  readonly state: string;
  /** The exit that had it, or was asked last; null: none was. */
  readonly egress: string | null;
  /** The server that this one talked to, its address, and the own address that the mail left by, where they are known. */
  readonly host: string | null;
  readonly hostAddress: string | null;
  readonly sourceAddress: string | null;
  readonly providerId: string | null;
  readonly attempts: number;
  /** When it came to that, wall ms; null: it waits. */
  readonly endedAtMs: number | null;
  /** What was said of it afterwards, each once: `confirmed`, `bounced-later`, `complained`, `opened` and so on. */
  readonly later: readonly string[];
  /** The newest bounce of those; null: there is none. `source`: as in the event; null: a report by mail. */
  readonly bouncedLater: {
    readonly kind: BounceKind;
    readonly source: string | null;
    readonly reply: Reply;
    readonly atMs: number;
  } | null;
  /** The newest complaint; null: there is none. */
  readonly complained: { readonly source: string; readonly detail: string; readonly atMs: number } | null;
};

/** With what a bounce means for the address; null: it is the relay's own, and no server said a word. */
export type PlainEvent = MessageEvent & { readonly kind?: BounceKind | null };

export type PlainMessage = {
  readonly message: Message;
  readonly recipients: readonly PlainRecipient[];
  readonly events: readonly PlainEvent[];
  readonly queued: readonly PlainDelivery[];
};

/** The stable form of a message's story in JSON. */
export function plainMessage(story: MessageStory): PlainMessage {
  const { message, events, queued } = story;
  return {
    message,
    recipients: recipientsOf(story),
    events: events.map(plainEvent),
    queued: queued.map(plainDelivery),
  };
}

function plainEvent(event: MessageEvent): PlainEvent {
  return event.event === 'bounced-later' || event.event === 'bounced' ? { ...event, kind: kindOfBounce(event) } : event;
}

type Known = {
  deliveryId: DeliveryId | null;
  end: { readonly state: FinalState; readonly egress: string | null; readonly atMs: number } | null;
  state: string;
  readonly tried: AttemptRecord[];
  readonly later: Set<string>;
  bouncedLater: PlainRecipient['bouncedLater'];
  complained: PlainRecipient['complained'];
};

function recipientsOf({ events, queued }: MessageStory): PlainRecipient[] {
  const all = new Map<string, Known>();
  const of = (address: string): Known => {
    const known = all.get(address) ?? {
      deliveryId: null,
      end: null,
      state: 'queued',
      tried: [],
      later: new Set<string>(),
      bouncedLater: null,
      complained: null,
    };
    all.set(address, known);
    return known;
  };
  for (const event of events) {
    if (!('recipients' in event)) continue;
    for (const address of event.recipients) hear(of(address), event);
  }
  for (const { delivery } of queued) {
    for (const { address } of delivery.recipients)
      Object.assign(of(address), { deliveryId: delivery.id, state: delivery.state });
  }
  return [...all].map(([address, known]) => plainRecipient(address, known));
}

function hear(known: Known, event: MessageEvent): void {
  if (event.event === 'received') return;
  known.deliveryId = event.deliveryId;
  if (event.event === 'attempted') known.tried.push(event.attempt);
  else if (isFinal(event)) known.end = { state: event.event, egress: event.egress, atMs: event.atMs };
  else if ('source' in event || event.event === 'bounced-later' || event.event === 'answered')
    known.later.add(event.event);
  const { atMs } = event;
  if (event.event === 'bounced-later') {
    const { reply, source = null } = event;
    known.bouncedLater = { kind: bounceKindOf(reply), source, reply, atMs };
  }
  if (event.event === 'complained') known.complained = { source: event.source, detail: event.detail, atMs };
}

function isFinal(event: MessageEvent): event is MessageEvent & { readonly event: FinalState } {
  return FINAL_STATES.some((state) => state === event.event);
}

function plainRecipient(address: string, known: Known): PlainRecipient {
  const { deliveryId, end, state, tried, later, bouncedLater, complained } = known;
  const last = tried.findLast(({ egress }) => end === null || end.egress === null || egress === end.egress);
  return {
    address,
    deliveryId,
    state: end?.state ?? state,
    egress: end?.egress ?? last?.egress ?? null,
    host: last?.host ?? null,
    hostAddress: last?.address ?? null,
    sourceAddress: last?.source ?? null,
    providerId: last?.providerId ?? null,
    attempts: tried.length,
    endedAtMs: end?.atMs ?? null,
    later: [...later],
    bouncedLater,
    complained,
  };
}
