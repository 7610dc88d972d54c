/** Rows of the database as the nouns they stand for. What cannot be parsed becomes null: a disk may have changed it. */
import { deliveryIdOf, type MessageId } from '../../message/ids.ts';
import type { Delivery, DeliveryState } from '../../message/delivery.ts';
import { PRIORITIES, type Message, type Recipient } from '../../message/message.ts';
import { parseLastReply } from '../last-reply.ts';
import type { QueuedDelivery } from '../spool.ts';

/** In the order of the numbers in `delivery.state`. */
export const STATES = ['queued', 'held', 'quarantined'] as const satisfies readonly DeliveryState[];

/** A delivery with what is needed of its message. */
export type DeliveryRow = {
  readonly seq: number;
  readonly message: number;
  readonly ordinal: number;
  readonly domain: string;
  readonly client: string;
  readonly priority: number;
  readonly state: number;
  readonly dueAt: number;
  readonly leaseUntil: number | null;
  readonly token: number;
  readonly attempts: number;
  readonly warnedAt: number | null;
  readonly lastReply: string | null;
  readonly lastEgress: string | null;
  readonly recipients: string;
  readonly messageId: MessageId;
  readonly sender: string;
  readonly size: number;
  readonly receivedAt: number;
  readonly open: number;
  readonly meta: string;
};

/** To be followed by `FROM delivery d JOIN message m ON m.seq = d.message`. */
export const DELIVERY_COLUMNS = `d.seq, d.message, d.ordinal, d.domain, d.client, d.priority, d.state,
  d.due_at AS dueAt, d.lease_until AS leaseUntil, d.token, d.attempts, d.warned_at AS warnedAt,
  d.last_reply AS lastReply, d.last_egress AS lastEgress, d.recipients,
  m.id AS messageId, m.sender, m.size, m.received_at AS receivedAt, m.open, m.meta`;

/** null: the row does not hold the message that it claims to. */
export function parseMessage(row: Pick<DeliveryRow, 'meta' | 'messageId'>): Message | null {
  const value = parseObject(row.meta);
  if (value === null || value['id'] !== row.messageId || typeof value['envelope'] !== 'object') return null;
  return value as Message;
}

/** null: not a list of at least one recipient. */
export function parseRecipients(json: string): readonly Recipient[] | null {
  const value = parseJson(json);
  if (!Array.isArray(value) || value.length === 0) return null;
  return value.every(isRecipient) ? value : null;
}

function isRecipient(value: unknown): value is Recipient {
  return typeof value === 'object' && value !== null && 'address' in value && typeof value.address === 'string';
}

export function addressesOf(json: string): readonly string[] | null {
  return parseRecipients(json)?.map((recipient) => recipient.address) ?? null;
}

/** The delivery of a row whose parts could be read. */
export function parseDelivery(row: DeliveryRow, message: Message, recipients: readonly Recipient[]): Delivery {
  return {
    id: deliveryIdOf(row.messageId, row.ordinal),
    messageId: row.messageId,
    domain: row.domain,
    recipients,
    client: row.client,
    stream: message.stream,
    priority: PRIORITIES[row.priority] ?? 'normal',
    state: STATES[row.state] ?? 'quarantined',
    attempts: row.attempts,
    createdAtMs: row.receivedAt,
    dueAtMs: row.dueAt,
    warnedAtMs: row.warnedAt,
    ...parseLastReply(row.lastReply === null ? null : parseObject(row.lastReply)),
    lastEgress: row.lastEgress,
  };
}

/** For operators: shows also what cannot be parsed, with nobody for recipients. */
export function parseQueued(row: DeliveryRow): QueuedDelivery {
  const message = { stream: streamOf(row) } as Message;
  const sendAtMs = parseObject(row.meta)?.['sendAtMs'];
  return {
    delivery: parseDelivery(row, message, parseRecipients(row.recipients) ?? []),
    sender: row.sender,
    sizeBytes: row.size,
    leasedUntilMs: row.leaseUntil,
    ...(typeof sendAtMs === 'number' ? { sendAtMs } : {}),
  };
}

/** Empty where it cannot be read. */
export function streamOf(row: Pick<DeliveryRow, 'meta'>): string {
  const stream = parseObject(row.meta)?.['stream'];
  return typeof stream === 'string' ? stream : '';
}

/** null: not a JSON object. */
export function parseObject(json: string): Readonly<Record<string, unknown>> | null {
  const value = parseJson(json);
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
