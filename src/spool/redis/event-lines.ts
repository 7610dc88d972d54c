/** Events as lines of a message's record: JSON without what the record says already. */
import { deliveryIdOf, type MessageId } from '../../message/ids.ts';
import type { Message } from '../../message/message.ts';
import type { MessageEvent } from '../../message/event.ts';
import { parseJson } from './records.ts';

/** What a `received` event shares with its message. Their order is part of the form. */
const SHARED: readonly (readonly [letter: string, field: string, of: (message: Message) => unknown])[] = [
  ['a', 'atMs', (message) => message.receivedAtMs],
  ['c', 'client', (message) => message.client],
  ['s', 'sender', (message) => message.envelope.sender],
  ['b', 'sizeBytes', (message) => message.sizeBytes],
  ['t', 'stream', (message) => message.stream],
  ['p', 'priority', (message) => message.priority],
  ['m', 'messageIdHeader', (message) => message.messageIdHeader],
  ['j', 'subject', (message) => message.subject],
];

type Fields = Record<string, unknown>;

/** @param message where it is at hand; its fields are not repeated then */
export function packEvent(event: MessageEvent, message: Message | null = null): string {
  const { messageId: _, deliveryId, ...fields } = event as MessageEvent & { readonly deliveryId?: string };
  const line: Fields = { ...fields };
  if (deliveryId !== undefined) line['n'] = Number(deliveryId.slice(27));
  if (message !== null && event.event === 'received') {
    let shared = '';
    for (const [letter, field, of] of SHARED) {
      if (!(field in line) || line[field] !== of(message)) continue;
      delete line[field];
      shared += letter;
    }
    line['~'] = shared;
  }
  return JSON.stringify(line);
}

/** null: it cannot be read. */
export function parseEvent(line: string, id: MessageId, message: Message | null): MessageEvent | null {
  const value = parseJson(line);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const { n, '~': shared, ...fields } = value as Fields;
  const event: Fields = { ...fields, messageId: id };
  if (typeof n === 'number') event['deliveryId'] = deliveryIdOf(id, n);
  if (typeof shared === 'string') {
    if (message === null) return null;
    for (const [letter, field, of] of SHARED) {
      if (shared.includes(letter)) event[field] = of(message);
    }
  }
  return event as unknown as MessageEvent;
}
