/** What is kept of a submitted message beside its content and its recipients. Pure. */
import type { MessageId } from '../message/ids.ts';
import type { Message, Recipient } from '../message/message.ts';
import type { Reply } from '../message/reply.ts';
import { formatTraceparent, parseTraceparent } from '../message/traceparent.ts';
import { streamAndPriority } from '../policy/admit.ts';
import { isBulk, missingForUnsubscribe } from '../policy/bulk.ts';
import { routedHeaders } from '../policy/routed-headers.ts';
import type { Policy } from '../policy/schema.ts';
import type { Submission } from '../spool/spool.ts';
import type { Canonical } from './canonical.ts';
import { priorityOf } from './handling-parameters.ts';
import type { Incoming } from './receive.ts';
import { type MessageTiming, messageTiming } from './timing.ts';
import { noUnsubscribe } from './replies.ts';

export type Terms = MessageTiming & {
  readonly stream: string;
  readonly priority: Message['priority'];
  /** What is amiss with it, though it is taken; null: nothing. */
  readonly warning: string | null;
};

type Submitted = {
  readonly incoming: Incoming;
  readonly canonical: Canonical;
  readonly policy: Policy;
  readonly atMs: number;
};

/** On which terms a message is taken, or why it is not. */
export function termsOf({ incoming, canonical, policy, atMs }: Submitted): Terms | Reply {
  const { client } = incoming.client;
  const { directives, fields } = canonical;
  const mtPriority = incoming.mtPriority ?? null;
  const priority = directives.priority ?? (mtPriority === null ? null : priorityOf(mtPriority));
  const overrides = { stream: directives.stream, priority, isBulk: isBulk(fields) };
  const handling = streamAndPriority(policy, client, overrides);
  const stream = Object.hasOwn(policy.streams, handling.stream) ? policy.streams[handling.stream] : undefined;
  const unsubscribe = stream?.unsubscribe ?? 'off';
  const missing = unsubscribe === 'off' ? null : missingForUnsubscribe(fields);
  if (missing !== null && unsubscribe === 'required') return noUnsubscribe(missing);
  const result = messageTiming({
    directives,
    envelope: incoming.timing ?? null,
    nowMs: atMs,
    furthestMs: policy.limits.futureReleaseMs,
    streamExpiresMs: stream?.expiresMs ?? null,
  });
  if (result.kind === 'refused') return result.reply;
  const warning = missing === null ? null : `no ${missing} field for unsubscribing by one click (RFC 8058)`;
  return { ...result.timing, ...handling, warning };
}

/** @param of `content`: what leaves the relay */
export function newMessage(
  of: Submitted & {
    readonly id: MessageId;
    readonly fromDomain: string | null;
    readonly content: Buffer;
    readonly terms: Terms;
  },
): Message {
  const { incoming, canonical, terms, content } = of;
  const { warning: _, ...kept } = terms;
  const { sender, ret, envid, eightBit, mtPriority = null } = incoming;
  const headers = routedHeaders(of.policy, canonical.fields);
  const traceparent = traceparentOf(of);
  return {
    id: of.id,
    receivedAtMs: of.atMs,
    client: incoming.client.name,
    ...kept,
    ...(mtPriority === null ? {} : { mtPriority }),
    tag: canonical.directives.tag,
    envelope: { sender, ret, envid, eightBit, smtpUtf8: incoming.smtpUtf8 && needsUtf8(incoming, canonical) },
    sizeBytes: content.length,
    messageIdHeader: canonical.messageIdHeader,
    fromDomain: of.fromDomain,
    subject: canonical.subject,
    ...(headers === undefined ? {} : { headers }),
    ...(traceparent === null ? {} : { traceparent }),
  };
}

/** What its client said of its trace, where the policy takes that; what is no `traceparent` is not kept. */
function traceparentOf({ incoming, canonical, policy }: Submitted): string | null {
  if (policy.traces?.parents !== true) return null;
  const given = parseTraceparent(canonical.traceparent ?? incoming.traceparent ?? '');
  return given === null ? null : formatTraceparent(given);
}

/** RFC 6531 §3.6: only what really has UTF-8 in an address or the header needs it of the next hop. */
function needsUtf8({ sender, recipients }: Incoming, { fields }: Canonical): boolean {
  const beyondAscii = /[^\p{ASCII}]/u;
  return (
    beyondAscii.test(sender) ||
    recipients.some((recipient) => beyondAscii.test(recipient.address)) ||
    fields.some((field) => beyondAscii.test(field.raw))
  );
}

/** @param nowMs monotonic */
export function receivedEvent(
  of: {
    readonly incoming: Incoming;
    readonly message: Message;
    readonly addresses: readonly string[];
    readonly warning: string | null;
  },
  nowMs: number,
): Submission['received'] {
  const { incoming, message, addresses, warning } = of;
  return {
    event: 'received',
    atMs: message.receivedAtMs,
    messageId: message.id,
    client: message.client,
    sender: incoming.sender,
    recipients: addresses,
    ...unaskedOf(incoming.recipients),
    sizeBytes: message.sizeBytes,
    stream: message.stream,
    priority: message.priority,
    protocol: incoming.origin.protocol,
    peer: incoming.origin.address ?? '',
    messageIdHeader: message.messageIdHeader,
    ...(warning === null ? {} : { warning }),
    tookMs: Math.round(nowMs - incoming.beganMs),
  };
}

/** What `received` keeps of NOTIFY: after its delivery nothing else knows it (RFC 3461 §4.1). */
function unaskedOf(recipients: readonly Recipient[]): { readonly unasked?: readonly string[] } {
  const silent = recipients.filter(
    ({ notify }) => notify !== null && (notify === 'never' || !notify.includes('failure')),
  );
  return silent.length === 0 ? {} : { unasked: silent.map(({ address }) => address) };
}
