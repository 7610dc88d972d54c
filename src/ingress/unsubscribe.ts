/** Header fields by which a recipient unsubscribes with one click (RFC 8058), put into mail of streams that ask for it. */
import { type HeaderField, rawOf, unfoldedValue } from '../message/header.ts';
import type { MessageId } from '../message/ids.ts';
import type { Policy } from '../policy/schema.ts';
import type { Canonical } from './canonical.ts';
import type { Terms } from './new-message.ts';
import type { Incoming } from './receive.ts';

/** Where this recipient unsubscribes from this client's mail of this stream; null: it cannot be signed now. */
export type UnsubscribeUrl = (of: {
  readonly messageId: MessageId;
  readonly client: string;
  readonly stream: string;
  readonly address: string;
}) => string | null;

type Taken = {
  readonly id: MessageId;
  readonly incoming: Pick<Incoming, 'client' | 'recipients'>;
  readonly canonical: Pick<Canonical, 'fields'>;
  readonly terms: Pick<Terms, 'stream' | 'warning'>;
  readonly policy: Policy;
};

/**
 * The fields of a message with those that it lacks, and what is amiss still. One content goes to all of its recipients, and
 * the address in it must name the one who clicks (RFC 8058 §3.1): only a message with one recipient gets it.
 */
export function withUnsubscribe(
  { id, incoming, canonical: { fields }, terms, policy }: Taken,
  urlOf: UnsubscribeUrl | undefined,
): { readonly fields: readonly HeaderField[]; readonly warning: string | null } {
  const { stream, warning } = terms;
  const isAdded = Object.hasOwn(policy.streams, stream) && policy.streams[stream]?.unsubscribe === 'add';
  if (!isAdded || warning === null) return { fields, warning };
  const [recipient, ...others] = incoming.recipients;
  if (recipient === undefined || others.length > 0)
    return { fields, warning: `${warning}; it is added to mail with one recipient` };
  const url = urlOf?.({ messageId: id, client: incoming.client.name, stream, address: recipient.address }) ?? null;
  if (url === null) return { fields, warning };
  const given = fields.find(({ name }) => name === 'list-unsubscribe');
  const before = given === undefined ? '' : unfoldedValue(given).trim();
  const ways = before === '' ? `<${url}>` : `<${url}>,\r\n ${before}`;
  const added = [
    field('List-Unsubscribe', `\r\n ${ways}`),
    field('List-Unsubscribe-Post', ' List-Unsubscribe=One-Click'),
  ];
  const kept = fields.filter(({ name }) => name !== 'list-unsubscribe' && name !== 'list-unsubscribe-post');
  return { fields: [...kept, ...added], warning: null };
}

function field(name: string, value: string): HeaderField {
  return { name: name.toLowerCase(), raw: rawOf(`${name}:${value}\r\n`) };
}
