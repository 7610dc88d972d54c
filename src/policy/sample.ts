/** A message that might come, as the policy's tests and operators describe one: what would be made of it. Pure. */
import { domainOf, formatMailbox, parseMailbox } from '../message/address.ts';
import { type HeaderField, rawOf } from '../message/header.ts';
import { clientByName, senderAllowed, streamAndPriority, streamPriority, type Handling } from './admit.ts';
import { isBulk, missingForUnsubscribe } from './bulk.ts';
import type { MessageFacts } from './match.ts';
import { routedHeaders } from './routed-headers.ts';
import type { ClientPolicy, Policy } from './schema.ts';

export type Sample = Policy['tests'][number]['message'];

export type Judged =
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'accepted'; readonly facts: MessageFacts };

/** Of a message without a size. */
const USUAL_SIZE_BYTES = 4096;

/** Whether the relay would take such a message, and what the routes would be asked of it. */
export function judge(policy: Policy, sample: Sample): Judged {
  const recipient = parseMailbox(sample.to);
  if (recipient === null) return refused(`${JSON.stringify(sample.to)} is no address`);
  const named = sample.client === undefined ? null : clientByName(policy, sample.client);
  if (sample.client !== undefined && named === null) return refused(`there is no client ${sample.client}`);
  const client = named?.client ?? null;
  const sender = senderOf(sample, client);
  if (sender === null) return refused(`${JSON.stringify(sample.from)} is no address`);
  if (client !== null && sample.from !== undefined && !senderAllowed(client, sender))
    return refused(`${sample.client ?? ''} may not send as ${sample.from}`);
  const sizeBytes = sample.size ?? USUAL_SIZE_BYTES;
  const limitBytes = Math.min(policy.limits.messageSizeBytes, client?.messageSizeBytes ?? Number.POSITIVE_INFINITY);
  if (sizeBytes > limitBytes) return refused(`larger than ${limitBytes} bytes`);

  const handling = handlingOf(policy, { sample, client });
  const { unsubscribe = 'off' } = Object.hasOwn(policy.streams, handling.stream)
    ? (policy.streams[handling.stream] ?? {})
    : {};
  const missing = unsubscribe === 'required' ? missingForUnsubscribe(fieldsOf(sample)) : null;
  if (missing !== null) return refused(`no ${missing} field, which the stream ${handling.stream} requires`);
  const facts = {
    ...handling,
    client: sample.client ?? '',
    senderDomain: domainOf(sender),
    recipientDomain: recipient.domain,
    tag: sample.tag ?? null,
    sizeBytes,
    headers: routedHeaders(policy, fieldsOf(sample)) ?? {},
  };
  return { kind: 'accepted', facts };
}

function fieldsOf({ header = {} }: Sample): HeaderField[] {
  return Object.entries(header).map(([name, value]) => ({
    name: name.toLowerCase(),
    raw: rawOf(`${name}: ${value}\r\n`),
  }));
}

/** '' is the null sender; null: no address. Of a client with one domain to send from, an address of that. */
function senderOf(sample: Sample, client: ClientPolicy | null): string | null {
  if (sample.from === '' || sample.from === '<>') return '';
  if (sample.from !== undefined) {
    const mailbox = parseMailbox(sample.from);
    return mailbox === null ? null : formatMailbox(mailbox);
  }
  const [only = '', ...others] = client?.senders ?? [];
  return others.length > 0 || domainOf(only).includes('*') ? '' : only;
}

function handlingOf(policy: Policy, { sample, client }: { sample: Sample; client: ClientPolicy | null }): Handling {
  const overrides = {
    stream: sample.stream ?? null,
    priority: sample.priority ?? null,
    isBulk: isBulk(fieldsOf(sample)),
  };
  if (client !== null) return streamAndPriority(policy, client, overrides);
  const { stream: asked = '' } = sample;
  // As with a client: a stream that the policy does not know is as good as none.
  const stream = Object.hasOwn(policy.streams, asked) ? asked : 'transactional';
  return { stream, priority: sample.priority ?? streamPriority(policy, stream) };
}

function refused(reason: string): Judged {
  return { kind: 'refused', reason };
}
