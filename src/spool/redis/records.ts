/**
 * The records of messages and deliveries: fixed figures that the scripts change (big-endian, as `DELIVERY` and `MESSAGE`
 * in shard.lua), then text that they only pass on. What cannot be read becomes null.
 *
 * Message: priority 1 byte, deliveries 4, of them open 4, received at 8 (double), finished at 8 (0: not yet), size 4, fields
 * in `events` 4; the rest of it as JSON; its first events, each behind a line feed. A field has events as well, by lines.
 * Delivery: state 1, priority 1, token 4, attempts 4, due at 8, leased until 8 (0: not), warned at 8 (0: not); node of the
 * lease (without one: that it waits for), domain, client, last egress, each ended by a zero; last reply as JSON; its recipients, each behind a line feed.
 */
import type { Delivery, DeliveryState } from '../../message/delivery.ts';
import { deliveryIdOf, type MessageId } from '../../message/ids.ts';
import { PRIORITIES, type Message, type Recipient } from '../../message/message.ts';
import { parseLastReply } from '../last-reply.ts';
import { SpoolError } from '../spool.ts';

/** In the order of their numbers in a record. */
export const STATES = ['queued', 'held', 'quarantined'] as const satisfies readonly DeliveryState[];

const MESSAGE_HEAD_BYTES = 33;
const DELIVERY_HEAD_BYTES = 34;
/** So long a record may become by events; as in shard.lua. */
const RECORD_BYTES = 1_500;
/** Of events that come all at once, so much to a field. */
const FIELD_BYTES = 8_192;

export type MessageRecord = {
  readonly id: MessageId;
  readonly open: number;
  readonly receivedAtMs: number;
  readonly finishedAtMs: number | null;
  readonly sizeBytes: number;
  /** null: it cannot be read. */
  readonly message: Message | null;
  /** Those in the record: packed, in order; empty when they were not asked for. `linesOf` has all. */
  readonly events: readonly string[];
  /** How many fields of `events` it has. */
  readonly fields: number;
};

/** A delivery as it is kept. Text is as it is in the record. */
export type DeliveryRecord = {
  readonly ordinal: number;
  readonly state: number;
  readonly priority: number;
  readonly token: number;
  readonly attempts: number;
  readonly dueAtMs: number;
  readonly leasedUntilMs: number;
  readonly warnedAtMs: number;
  readonly node: string;
  readonly domain: string;
  readonly client: string;
  readonly lastEgress: string;
  readonly lastReply: string;
  readonly recipients: readonly string[];
};

export type PackedMessage = {
  readonly record: Buffer;
  /** Events that are not in the record: the fields of `events`, from the first on. */
  readonly fields: readonly string[];
};

/** @param deliveries how many it has; `events`: packed */
export function packMessage(message: Message, deliveries: number, events: readonly string[]): PackedMessage {
  const { receivedAtMs, priority, sizeBytes } = message;
  const { text, fields } = spread(metaOf(message), events);
  const record = Buffer.allocUnsafe(MESSAGE_HEAD_BYTES + Buffer.byteLength(text));
  record.writeUInt8(PRIORITIES.indexOf(priority), 0);
  record.writeUInt32BE(deliveries, 1);
  record.writeUInt32BE(deliveries, 5);
  record.writeDoubleBE(receivedAtMs, 9);
  record.writeDoubleBE(deliveries === 0 ? receivedAtMs : 0, 17);
  record.writeUInt32BE(sizeBytes, 25);
  record.writeUInt32BE(fields.length, 29);
  record.write(text, MESSAGE_HEAD_BYTES);
  return { record, fields };
}

/** What stands in its record as JSON. */
export function metaOf(message: Message): string {
  const { id: _, receivedAtMs: __, priority: ___, sizeBytes: ____, ...rest } = message;
  return JSON.stringify(rest);
}

/** The first events behind the meta, the others in fields. */
function spread(
  meta: string,
  events: readonly string[],
): { readonly text: string; readonly fields: readonly string[] } {
  let text = meta;
  let bytes = MESSAGE_HEAD_BYTES + Buffer.byteLength(meta);
  const fields: string[] = [];
  let fieldBytes = 0;
  for (const line of events) {
    const lineBytes = Buffer.byteLength(line) + 1;
    if (fields.length === 0 && bytes + lineBytes <= RECORD_BYTES) {
      text += `\n${line}`;
      bytes += lineBytes;
    } else if (fields.length > 0 && fieldBytes + lineBytes <= FIELD_BYTES) {
      fields.push(`${fields.pop() ?? ''}\n${line}`);
      fieldBytes += lineBytes;
    } else {
      fields.push(line);
      fieldBytes = lineBytes;
    }
  }
  return { text, fields };
}

/**
 * A record of a message that has a past.
 * @param deliveries how many it ever had; `open`: of them, so many have not ended
 */
export function withFigures(
  record: Buffer,
  of: { readonly deliveries: number; readonly open: number; readonly finishedAtMs: number | null },
): Buffer {
  const changed = Buffer.from(record);
  changed.writeUInt32BE(of.deliveries, 1);
  changed.writeUInt32BE(of.open, 5);
  changed.writeDoubleBE(of.finishedAtMs ?? 0, 17);
  return changed;
}

/** null: it is no record. */
export function parseMessageRecord(id: MessageId, record: Buffer): MessageRecord | null {
  if (record.length < MESSAGE_HEAD_BYTES) return null;
  const [meta = '', ...events] = record.toString('utf8', MESSAGE_HEAD_BYTES).split('\n');
  const receivedAtMs = record.readDoubleBE(9);
  const finishedAtMs = record.readDoubleBE(17);
  const sizeBytes = record.readUInt32BE(25);
  const rest = parseJson(meta) as Message | undefined;
  const priority = PRIORITIES[record.readUInt8(0)];
  const isRead = typeof rest?.envelope === 'object' && priority !== undefined;
  return {
    id,
    open: record.readUInt32BE(5),
    receivedAtMs,
    finishedAtMs: finishedAtMs === 0 ? null : finishedAtMs,
    sizeBytes,
    message: isRead ? { ...rest, id, receivedAtMs, priority, sizeBytes } : null,
    events,
    fields: record.readUInt32BE(29),
  };
}

/** @throws SpoolError for a name that the record cannot hold */
export function packDelivery(one: Omit<DeliveryRecord, 'ordinal'>): Buffer {
  const names = [one.node, one.domain, one.client, one.lastEgress];
  if (names.some((name) => name.includes('\0'))) {
    throw new SpoolError('unavailable', 'a name has a zero in it', { isFinal: true });
  }
  const text = `${names.map((name) => `${name}\0`).join('')}${one.lastReply}\n${one.recipients.join('\n')}`;
  const record = Buffer.allocUnsafe(DELIVERY_HEAD_BYTES + Buffer.byteLength(text));
  record.writeUInt8(one.state, 0);
  record.writeUInt8(one.priority, 1);
  record.writeUInt32BE(one.token, 2);
  record.writeUInt32BE(one.attempts, 6);
  record.writeDoubleBE(one.dueAtMs, 10);
  record.writeDoubleBE(one.leasedUntilMs, 18);
  record.writeDoubleBE(one.warnedAtMs, 26);
  record.write(text, DELIVERY_HEAD_BYTES);
  return record;
}

/** null: it is none. */
export function parseDeliveryRecord(ordinal: number, record: Buffer): DeliveryRecord | null {
  if (record.length < DELIVERY_HEAD_BYTES) return null;
  const [node, domain, client, lastEgress, rest] = record.toString('utf8', DELIVERY_HEAD_BYTES).split('\0');
  if (node === undefined || domain === undefined || client === undefined) return null;
  if (lastEgress === undefined || rest === undefined) return null;
  const [lastReply = '', ...recipients] = rest.split('\n');
  return {
    ordinal,
    state: record.readUInt8(0),
    priority: record.readUInt8(1),
    token: record.readUInt32BE(2),
    attempts: record.readUInt32BE(6),
    dueAtMs: record.readDoubleBE(10),
    leasedUntilMs: record.readDoubleBE(18),
    warnedAtMs: record.readDoubleBE(26),
    node,
    domain,
    client,
    lastEgress,
    lastReply,
    recipients,
  };
}

/** Its address as JSON; where there is more to know, a tab and that. JSON has neither tabs nor line feeds in it. */
export function packRecipient({ address, ...rest }: Recipient): string {
  const isPlain = rest.notify === null && rest.orcpt === null && Object.keys(rest).length === 2;
  return isPlain ? JSON.stringify(address) : `${JSON.stringify(address)}\t${JSON.stringify(rest)}`;
}

function parseRecipient(line: string): Recipient | null {
  const [name = '', rest] = line.split('\t');
  const address = parseJson(name);
  const more = rest === undefined ? { notify: null, orcpt: null } : parseJson(rest);
  if (typeof address !== 'string' || typeof more !== 'object' || more === null) return null;
  return { address, ...(more as Omit<Recipient, 'address'>) };
}

/** null: one of them, or all, cannot be read. */
export function recipientsOf(record: DeliveryRecord): readonly Recipient[] | null {
  const recipients = record.recipients.map(parseRecipient).filter((one) => one !== null);
  return recipients.length === record.recipients.length && recipients.length > 0 ? recipients : null;
}

/** For operators it shows also what cannot be read, with nobody for recipients. */
export function deliveryOf(record: DeliveryRecord, of: MessageRecord): Delivery {
  return {
    id: deliveryIdOf(of.id, record.ordinal),
    messageId: of.id,
    domain: record.domain,
    recipients: recipientsOf(record) ?? [],
    client: record.client,
    stream: of.message?.stream ?? '',
    priority: PRIORITIES[record.priority] ?? 'normal',
    state: STATES[record.state] ?? 'quarantined',
    attempts: record.attempts,
    createdAtMs: of.receivedAtMs,
    dueAtMs: record.dueAtMs,
    warnedAtMs: record.warnedAtMs === 0 ? null : record.warnedAtMs,
    ...parseLastReply(record.lastReply === '' ? null : parseJson(record.lastReply)),
    lastEgress: record.lastEgress === '' ? null : record.lastEgress,
  };
}

/** undefined: it is none. */
export function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
