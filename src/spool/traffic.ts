/** What passed through a spool lately, as far as routes ask of it: for replays against another policy. Reads, and changes nothing. */
import { domainOf } from '../message/address.ts';
import type { MessageEvent } from '../message/event.ts';
import type { DeliveryId, MessageId } from '../message/ids.ts';
import type { Message, Priority } from '../message/message.ts';
import { FINAL_STATES, type FinalState } from '../message/outcome.ts';

export type PassedDelivery = {
  readonly id: DeliveryId;
  readonly domain: string;
  readonly recipients: number;
  /** Exit of the last attempt; null: none was made. */
  readonly egress: string | null;
  /** Host that the last attempt talked to; null: none was reached. */
  readonly host: string | null;
  readonly attempts: number;
  /** When the last of its recipients' stories ended, wall ms; null: one has not. */
  readonly endedAtMs: number | null;
  /** How that one ended; null: it has not. */
  readonly end: FinalState | null;
};

/** A message that came, and what became of it so far. */
export type PassedMessage = {
  readonly id: MessageId;
  readonly receivedAtMs: number;
  /** Not to be sent before this wall time. */
  readonly sendAtMs?: number;
  readonly client: string;
  readonly stream: string;
  readonly priority: Priority;
  /** Canonical; '' is the null sender. */
  readonly sender: string;
  readonly tag: string | null;
  readonly sizeBytes: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** By ordinal. */
  readonly deliveries: readonly PassedDelivery[];
};

/** @property after the `next` of the page before; null: from the beginning */
export type TrafficAsk = { readonly sinceMs: number; readonly after: string | null };

/** `next`: where the next page begins; null: that was the last. A page may be empty. */
export type TrafficPage = { readonly messages: readonly PassedMessage[]; readonly next: string | null };

export interface Traffic {
  /**
   * Messages received since a wall time that are in the queue or in the history, in no order, at most some hundred a page.
   * One that ends while pages are read may come twice: what came last is how it is.
   */
  traffic(ask: TrafficAsk): Promise<TrafficPage>;
}

/** A delivery that has not ended. */
export type StillQueued = Pick<PassedDelivery, 'id' | 'domain' | 'recipients' | 'egress' | 'attempts'>;

const FINAL: ReadonlySet<string> = new Set(FINAL_STATES);

type Story = {
  readonly message: Message;
  readonly events: readonly MessageEvent[];
  readonly queued: readonly StillQueued[];
};

/** The same message, from its story. */
export function passedMessage({ message, events, queued }: Story): PassedMessage {
  const { id, receivedAtMs, sendAtMs, client, stream, priority, tag, sizeBytes, headers, envelope } = message;
  const deliveries = new Map<DeliveryId, PassedDelivery>();
  for (const event of events) {
    if (event.event !== 'attempted' && !isEnd(event)) continue;
    const before = deliveries.get(event.deliveryId);
    deliveries.set(event.deliveryId, afterEvent(before, event));
  }
  for (const { recipients, ...one } of queued) {
    const before = deliveries.get(one.id);
    deliveries.set(one.id, {
      ...one,
      recipients: recipients + (before?.recipients ?? 0),
      egress: one.egress ?? before?.egress ?? null,
      host: before?.host ?? null,
      endedAtMs: null,
      end: null,
    });
  }
  return {
    id,
    receivedAtMs,
    ...(sendAtMs === undefined ? {} : { sendAtMs }),
    client,
    stream,
    priority,
    sender: envelope.sender,
    tag,
    sizeBytes,
    ...(headers === undefined ? {} : { headers }),
    deliveries: [...deliveries.values()].sort((left, right) => ordinalOf(left) - ordinalOf(right)),
  };
}

type End = MessageEvent & { readonly event: FinalState };

function isEnd(event: MessageEvent): event is End {
  return FINAL.has(event.event);
}

function afterEvent(
  before: PassedDelivery | undefined,
  event: End | (MessageEvent & { readonly event: 'attempted' }),
): PassedDelivery {
  const { deliveryId: id, domain } = event;
  const known = before ?? {
    id,
    domain,
    recipients: 0,
    egress: null,
    host: null,
    attempts: 0,
    endedAtMs: null,
    end: null,
  };
  if (event.event === 'attempted') {
    const { egress: by, host } = event.attempt;
    return { ...known, egress: by, host: host ?? known.host, attempts: known.attempts + 1 };
  }
  const egress = event.egress ?? known.egress;
  const recipients = known.recipients + event.recipients.length;
  return { ...known, egress, recipients, endedAtMs: event.atMs, end: event.event };
}

function ordinalOf({ id }: PassedDelivery): number {
  return Number(id.slice(27));
}

/** The domain of its envelope sender; '' of the null sender. */
export function senderDomainOf({ sender }: Pick<PassedMessage, 'sender'>): string {
  return sender === '' ? '' : domainOf(sender);
}
