/** The relay's own mail (bounces, notices): signed and spooled like any other, from nobody. */
import { isAscii } from 'node:buffer';
import { domainOf, needsSmtpUtf8 } from '../message/address.ts';
import { ofMail } from '../message/event.ts';
import { bodyOffsetOf, type HeaderField, parseHeaderBlock, unfoldedValue } from '../message/header.ts';
import type { MessageId } from '../message/ids.ts';
import { type Message, OWN_CLIENT, type Priority } from '../message/message.ts';
import { routedHeaders } from '../policy/routed-headers.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock, Emit } from '../ports.ts';
import type { Spool } from '../spool/spool.ts';

/** Mail of the relay itself: from the null sender, under `OWN_CLIENT`. */
export type OwnMail = {
  /** Derived from what it tells of: the same news twice is one message. */
  readonly id: MessageId;
  readonly recipient: string;
  /** CR LF line ends, header fields From, Date and Message-ID included. */
  readonly content: Buffer;
  /** Other mail comes to its end once this is kept; a notice of delay ends nothing. */
  readonly endsMail: boolean;
  /** Default: normal. */
  readonly priority?: Priority;
  /** Exits by which it does not go. Default: none. */
  readonly avoids?: readonly string[];
  /** Of no use from this wall time on. Default: as all mail. */
  readonly expiresAtMs?: number | null;
};

export type OwnMailNeeds = {
  readonly policy: () => Policy;
  readonly spool: Pick<Spool, 'accept'>;
  readonly sign: (unsigned: {
    readonly fromDomain: string | null;
    readonly fields: readonly HeaderField[];
    readonly body: Buffer;
    readonly nowMs: number;
  }) => Promise<{ readonly headers: Buffer }>;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Something was queued: claim soon. */
  readonly wake: () => void;
};

/** @returns what stores one such message; it resolves once that is durable and rejects when it could not be stored */
export function ownMailStore(needs: OwnMailNeeds): (mail: OwnMail) => Promise<void> {
  return async (mail) => {
    const { policy, spool, sign, clock, emit, wake } = needs;
    const atMs = clock.nowMs();
    const bodyAt = bodyOffsetOf(mail.content);
    const body = mail.content.subarray(bodyAt);
    const { fields } = parseHeaderBlock(mail.content.subarray(0, Math.max(0, bodyAt - 2)));
    const { headers } = await sign({ fromDomain: policy().hostname, fields, body, nowMs: atMs });
    const content = Buffer.concat([headers, mail.content]);
    const message = messageOf(mail, { fields, atMs, policy: policy(), content });
    const received = {
      event: 'received',
      atMs,
      messageId: mail.id,
      client: OWN_CLIENT,
      sender: '',
      recipients: [mail.recipient],
      sizeBytes: content.length,
      stream: message.stream,
      priority: message.priority,
      protocol: 'local',
      peer: '',
      messageIdHeader: message.messageIdHeader,
      tookMs: clock.nowMs() - atMs,
    } as const;
    const recipient = { address: mail.recipient, notify: 'never', orcpt: null } as const;
    const delivery = { domain: domainOf(mail.recipient), recipients: [recipient], dueAtMs: atMs, leaseUntilMs: null };
    const result = await spool.accept({
      message,
      deliveries: [delivery],
      content,
      received,
      dedupe: null,
      endsMail: mail.endsMail,
    });
    // A second `accept` of the same id stored nothing, and is no second event.
    if (result.kind === 'accepted') emit(ofMail(received, message));
    wake();
  };
}

type About = {
  readonly fields: readonly HeaderField[];
  readonly atMs: number;
  readonly policy: Policy;
  readonly content: Buffer;
};

function messageOf(mail: OwnMail, { fields, atMs, policy, content }: About): Message {
  const { hostname } = policy;
  const { id, recipient, priority = 'normal', avoids = [], expiresAtMs = null } = mail;
  const headers = routedHeaders(policy, fields);
  const value = (name: string): string | null => {
    const field = fields.find((candidate) => candidate.name === name);
    return field === undefined ? null : unfoldedValue(field).trim();
  };
  return {
    id,
    receivedAtMs: atMs,
    client: OWN_CLIENT,
    stream: 'transactional',
    priority,
    tag: null,
    envelope: {
      sender: '',
      ret: null,
      envid: null,
      eightBit: !isAscii(content),
      smtpUtf8: needsSmtpUtf8(recipient),
    },
    sizeBytes: content.length,
    messageIdHeader: value('message-id') ?? `<${id}@${hostname}>`,
    fromDomain: hostname,
    subject: value('subject')?.slice(0, 200) ?? null,
    ...(headers === undefined ? {} : { headers }),
    ...(avoids.length === 0 ? {} : { avoids }),
    ...(expiresAtMs === null ? {} : { expiresAtMs }),
  };
}
