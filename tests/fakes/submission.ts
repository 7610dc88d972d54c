/** Submissions and settlements for tests of the spool and of what uses it. */
import { randomBytes } from 'node:crypto';
import { domainOf } from '../../src/message/address.ts';
import type { MessageEvent } from '../../src/message/event.ts';
import { deliveryIdOf, newMessageId, type MessageId } from '../../src/message/ids.ts';
import type { Message, Priority } from '../../src/message/message.ts';
import type { FinalState } from '../../src/message/outcome.ts';
import type { LeasedDelivery, Settlement, Submission } from '../../src/spool/spool.ts';

export type SubmissionOptions = {
  readonly atMs: number;
  readonly id?: MessageId;
  readonly client?: string;
  readonly sender?: string;
  readonly priority?: Priority;
  readonly stream?: string;
  /** Grouped by domain into deliveries, in order of appearance. */
  readonly to?: readonly string[];
  readonly dueAtMs?: number;
  readonly leaseUntilMs?: number | null;
  readonly content?: Buffer;
  readonly dedupe?: Submission['dedupe'];
  /** Of whose failure its sender wants no report. */
  readonly unasked?: readonly string[];
  /** What else it says of itself. */
  readonly terms?: Partial<Message>;
};

export function aSubmission(options: SubmissionOptions): Submission {
  const to = options.to ?? ['bob@dest.test'];
  const content = options.content ?? Buffer.from('Subject: hello\r\n\r\nHello.\r\n');
  const message = aMessage(options, content.length);
  return {
    message,
    deliveries: [...new Set(to.map(domainOf))].map((domain) => ({
      domain,
      recipients: to
        .filter((address) => domainOf(address) === domain)
        .map((address) => ({ address, notify: null, orcpt: null })),
      dueAtMs: options.dueAtMs ?? options.atMs,
      leaseUntilMs: options.leaseUntilMs ?? null,
    })),
    content,
    received: {
      event: 'received',
      atMs: options.atMs,
      messageId: message.id,
      client: message.client,
      sender: message.envelope.sender,
      recipients: to,
      ...(options.unasked === undefined ? {} : { unasked: options.unasked }),
      sizeBytes: content.length,
      stream: message.stream,
      priority: message.priority,
      protocol: 'ESMTPSA',
      peer: '192.0.2.1',
      messageIdHeader: message.messageIdHeader,
      tookMs: 3,
    },
    dedupe: options.dedupe ?? null,
  };
}

function aMessage(options: SubmissionOptions, sizeBytes: number): Message {
  const id = options.id ?? newMessageId(options.atMs, randomBytes(10));
  return {
    id,
    receivedAtMs: options.atMs,
    client: options.client ?? 'shop',
    stream: options.stream ?? 'transactional',
    priority: options.priority ?? 'normal',
    tag: null,
    envelope: {
      sender: options.sender ?? 'shop@example.com',
      ret: null,
      envid: null,
      eightBit: false,
      smtpUtf8: false,
    },
    sizeBytes,
    messageIdHeader: `<${id}@example.com>`,
    fromDomain: 'example.com',
    subject: 'hello',
    ...options.terms,
  };
}

export type SettlementOptions = {
  readonly atMs: number;
  /** Those of these recipients end; default: all. */
  readonly addresses?: readonly string[];
  readonly state?: FinalState;
  readonly rest?: Partial<Settlement['rest']>;
  readonly before?: readonly MessageEvent[];
};

/** What an attempt came to, with the events that belong to it. */
export function aSettlement({ delivery, lease }: LeasedDelivery, options: SettlementOptions): Settlement {
  const state = options.state ?? 'delivered';
  const addresses = options.addresses ?? delivery.recipients.map((recipient) => recipient.address);
  const left = delivery.recipients.map((one) => one.address).filter((address) => !addresses.includes(address));
  const of = {
    atMs: options.atMs,
    messageId: delivery.messageId,
    deliveryId: delivery.id,
    domain: delivery.domain,
  };
  const dueAtMs = options.rest?.dueAtMs ?? options.atMs + 60_000;
  const events: MessageEvent[] = [...(options.before ?? [])];
  if (addresses.length > 0) events.push({ event: state, reply: null, egress: 'direct', ...of, recipients: addresses });
  if (left.length > 0) events.push({ event: 'deferred', dueAtMs, reason: 'greylisted', ...of, recipients: left });
  return {
    deliveryId: delivery.id,
    token: lease.token,
    atMs: options.atMs,
    finished: addresses.map((address) => ({ address, state })),
    rest: {
      dueAtMs,
      attempts: delivery.attempts + 1,
      lastReply: { code: 450, detail: '4.1', text: 'greylisted' },
      lastEgress: 'direct',
      warnedAtMs: null,
      state: 'queued',
      ...options.rest,
    },
    events,
  };
}

/** The id of a message's n-th delivery. */
export function deliveryOf(submission: Submission, ordinal = 1): LeasedDelivery['delivery']['id'] {
  return deliveryIdOf(submission.message.id, ordinal);
}

/** A settlement with an attempt that a provider took. */
export function takenBy(
  leased: LeasedDelivery,
  providerId: string,
  options: Parameters<typeof aSettlement>[1],
): Settlement {
  const settlement = aSettlement(leased, options);
  const { id, messageId, domain, recipients } = leased.delivery;
  const attempted: MessageEvent = {
    event: 'attempted',
    atMs: options.atMs,
    messageId,
    deliveryId: id,
    domain,
    recipients: recipients.map(({ address }) => address),
    attempt: {
      number: 1,
      egress: 'ses',
      host: null,
      address: null,
      source: null,
      tls: null,
      reply: { code: 250, detail: '0.0', text: 'taken' },
      providerId,
      tookMs: 5,
    },
  };
  return { ...settlement, events: [attempted, ...settlement.events] };
}
