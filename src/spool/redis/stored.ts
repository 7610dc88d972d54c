/** What the shards hold of messages, as records that go whole into another store, and back. */
import type { MessageEvent } from '../../message/event.ts';
import type { DeliveryId, MessageId } from '../../message/ids.ts';
import { PRIORITIES } from '../../message/message.ts';
import { checksumOf } from '../checksum.ts';
import { packLastReply } from '../last-reply.ts';
import { sizeOf, type StoredDelivery, type StoredEvent, type StoredMessage } from '../move.ts';
import { providerIdsIn } from '../provider-ids.ts';
import { SpoolError } from '../spool.ts';
import { contentWith, packContent, unpackContent } from './content-form.ts';
import { packEvent, parseEvent } from './event-lines.ts';
import { linesOf } from './events.ts';
import {
  deliveryOf,
  packDelivery,
  packMessage,
  packRecipient,
  parseJson,
  recipientsOf,
  STATES,
  withFigures,
} from './records.ts';
import { SCRIPTS } from './scripts.ts';
import { listOf, textOf, type Store } from './store.ts';
import { messagesOf, type FoundMessage } from './walk.ts';

const PAGE_BYTES = 8 * 1024 * 1024;
/** What a field of events has in it, roughly. */
const FIELD_BYTES = 512;

/** The first of these messages, as many as a page may have, in this order. */
export async function storedMessages(store: Store, ids: readonly MessageId[]): Promise<readonly StoredMessage[]> {
  const found = new Map((await messagesOf(store, ids, 'all')).map((one) => [one.of.id, one]));
  const page: FoundMessage[] = [];
  let bytes = 0;
  for (const one of ids.map((id) => found.get(id))) {
    if (one === undefined) continue;
    page.push(one);
    if (one.of.finishedAtMs === null) bytes += one.of.sizeBytes;
    bytes += one.of.fields * FIELD_BYTES;
    if (bytes >= PAGE_BYTES) break;
  }
  return Promise.all(page.map((one) => storedMessage(store, one)));
}

async function storedMessage(store: Store, { of, deliveries }: FoundMessage): Promise<StoredMessage> {
  const { id, message, finishedAtMs } = of;
  if (message === null) throw unreadable(id, 'its record');
  const lines = (await linesOf(store, of)) ?? [];
  return {
    kind: 'message',
    message,
    content: finishedAtMs === null ? await storedContent(store, id) : null,
    deliveries: deliveries.map(({ record }): StoredDelivery => {
      if (recipientsOf(record) === null) throw unreadable(id, 'whom it is for');
      return { delivery: deliveryOf(record, of), token: record.token };
    }),
    events: lines.map((line): StoredEvent => {
      const event = parseEvent(line, id, message);
      if (event === null) return { kind: 'unreadable', atMs: of.receivedAtMs, body: line };
      return { kind: event.event, atMs: event.atMs, body: JSON.stringify(event) };
    }),
    finishedAtMs,
  };
}

function unreadable(id: MessageId, what: string): SpoolError {
  return new SpoolError('unavailable', `message ${id} cannot be carried over: ${what} cannot be read`);
}

async function storedContent(store: Store, id: MessageId): Promise<StoredMessage['content']> {
  const [kind, stored] = listOf(await store.run(store.keys.shardOf(id), SCRIPTS.content, [id]));
  if (textOf(kind) !== 'found' || !Buffer.isBuffer(stored)) return null;
  const content = await unpackContent(stored);
  if (content !== null) return { bytes: content, checksum: checksumOf(content) };
  // Damaged: so it stays, by a checksum that does not hold.
  return { bytes: stored, checksum: ~checksumOf(stored) >>> 0 };
}

export type Written = 'written' | 'known' | 'conflict';

/** `conflict`: the spool had it by itself. Durable once it resolves. */
export async function writeMessage(store: Store, record: StoredMessage): Promise<Written> {
  const { message, content, deliveries, events, finishedAtMs } = record;
  const shard = store.keys.shardOf(message.id);
  const at = { shard, extra: store.keys.arrived(shard) };
  const sized = { ...message, sizeBytes: sizeOf(record) };
  const lines = events.map((event) => lineOf(event, record));
  const ordinals = [...deliveries.map(({ delivery }) => ordinalOf(delivery.id)), ...events.map(ordinalIn)];
  const { record: head, fields } = packMessage(sized, deliveries.length, lines);
  const args = [
    message.id,
    withFigures(head, { deliveries: Math.max(0, ...ordinals), open: deliveries.length, finishedAtMs }),
    content === null ? '' : await packed(content),
    sized.sizeBytes,
    finishedAtMs ?? '',
    providerIdsIn(events.map(({ body }) => body)).join(' '),
    fields.length,
    ...fields,
    ...deliveries.flatMap((stored) => [stored.delivery.id, packStored(stored)]),
  ];
  return textOf(await store.durably(at, SCRIPTS.arrive, args)) as Written;
}

async function packed({ bytes, checksum }: NonNullable<StoredMessage['content']>): Promise<Buffer> {
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return contentWith(await packContent(content), checksum);
}

/** An event that cannot be read stays so: a text is no event. */
function lineOf({ body }: StoredEvent, { message }: StoredMessage): string {
  const event = parseJson(body);
  if (typeof event !== 'object' || event === null || Array.isArray(event)) return JSON.stringify(body);
  return packEvent(event as MessageEvent, message);
}

function ordinalIn({ body }: StoredEvent): number {
  const event = parseJson(body) as { readonly deliveryId?: unknown } | null | undefined;
  return typeof event?.deliveryId === 'string' ? ordinalOf(event.deliveryId as DeliveryId) : 0;
}

function ordinalOf(id: DeliveryId): number {
  return Number(id.slice(27)) || 0;
}

function packStored({ delivery, token }: StoredDelivery): Buffer {
  return packDelivery({
    state: STATES.indexOf(delivery.state),
    priority: PRIORITIES.indexOf(delivery.priority),
    token,
    attempts: delivery.attempts,
    dueAtMs: Math.ceil(delivery.dueAtMs),
    leasedUntilMs: 0,
    warnedAtMs: delivery.warnedAtMs ?? 0,
    node: '',
    domain: delivery.domain,
    client: delivery.client,
    lastEgress: delivery.lastEgress ?? '',
    lastReply: packLastReply(delivery) ?? '',
    recipients: delivery.recipients.map(packRecipient),
  });
}
