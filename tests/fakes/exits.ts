/** What tests of exits need: policies with short patience, ports, mail. */
import { newMessageId } from '../../src/message/ids.ts';
import type { Envelope, Message, Notify } from '../../src/message/message.ts';
import type { Mail } from '../../src/egress/egress.ts';
import { DeadHosts } from '../../src/egress/smtp/dead-hosts.ts';
import type { ExitPorts } from '../../src/egress/smtp/smtp-exit.ts';
import type { RelayEvent } from '../../src/message/event.ts';
import {
  policySchema,
  type MxEgressPolicy,
  type Policy,
  type PolicyInput,
  type SmtpEgressPolicy,
} from '../../src/policy/schema.ts';
import type { Dns, Dial } from '../../src/ports.ts';
import { systemClock, systemDial, systemDns, systemRandom } from '../../src/system.ts';

/** Long enough on a busy machine for what happens, short enough for what does not. */
export const PATIENT = { connect: '20s', reply: '20s', data: '20s' };
export const HASTY = { connect: '2s', reply: '300ms', data: '300ms' };

export function testPolicy(input: Partial<PolicyInput> = {}): Policy {
  return policySchema.parse({ hostname: 'relay.example.com', ...input });
}

/** An `mx` exit to loopback addresses at that port. @param more settings as in the file */
export function mxPolicy(port: number, more: Record<string, unknown> = {}): MxEgressPolicy {
  const settings = { type: 'mx' as const, port, privateAddresses: true, timeouts: PATIENT, ...more };
  const egress = testPolicy({ egress: { it: settings } }).egress['it'];
  if (egress?.type !== 'mx') throw new Error('not an mx exit');
  return egress;
}

/** An `smtp` exit through 127.0.0.1 in clear text. @param more settings as in the file */
export function smtpPolicy(port: number, more: Record<string, unknown> = {}): SmtpEgressPolicy {
  const settings = { type: 'smtp' as const, host: '127.0.0.1', port, tls: 'none' as const, timeouts: PATIENT, ...more };
  const egress = testPolicy({ egress: { it: settings } }).egress['it'];
  if (egress?.type !== 'smtp') throw new Error('not an smtp exit');
  return egress;
}

/** Real ones but for what is given; `failures` has every `failed` event that was told. */
export function exitPorts(
  more: {
    readonly dns?: Dns;
    readonly dial?: Dial;
    readonly policy?: Policy;
    readonly isOwn?: ExitPorts['isOwn'];
  } = {},
): ExitPorts & { readonly failures: RelayEvent[] } {
  const policy = more.policy ?? testPolicy();
  const failures: RelayEvent[] = [];
  return {
    clock: systemClock,
    random: systemRandom,
    dns: more.dns ?? systemDns(() => null),
    dial: more.dial ?? systemDial,
    policy: () => policy,
    dead: new DeadHosts(systemClock),
    isOwn: more.isOwn ?? (() => false),
    emit: (event) => {
      if (event.event === 'failed') failures.push(event);
    },
    failures,
  };
}

export type MailOptions = {
  readonly to?: readonly string[];
  readonly sender?: string;
  readonly content?: Buffer | string;
  readonly envelope?: Partial<Envelope>;
  readonly notify?: Notify;
  readonly orcpt?: string;
  /** What else the message says of itself. */
  readonly terms?: Partial<Message>;
};

export const CONTENT = 'From: a@example.com\r\nTo: b@example.net\r\nSubject: hello\r\n\r\nHello.\r\n';

/** Larger than what systems take before anybody reads it. */
export const LARGE_CONTENT = Buffer.from(`Subject: large\r\n\r\n${'A line of a large message.\r\n'.repeat(500_000)}`);

/** All recipients are taken to be of the first one's domain. Each call is another message. */
export function mailTo({ to = ['b@example.net'], sender = 'a@example.com', ...more }: MailOptions = {}): Mail {
  const content = Buffer.from(more.content ?? CONTENT);
  const id = newMessageId(systemClock.nowMs(), systemRandom.bytes(10));
  return {
    message: {
      id,
      receivedAtMs: systemClock.nowMs(),
      client: 'app',
      stream: 'transactional',
      priority: 'normal',
      tag: null,
      envelope: { sender, ret: null, envid: null, eightBit: false, smtpUtf8: false, ...more.envelope },
      sizeBytes: content.length,
      messageIdHeader: `<${id}@example.com>`,
      fromDomain: 'example.com',
      subject: null,
      ...more.terms,
    },
    domain: to[0]?.slice(to[0].lastIndexOf('@') + 1) ?? '',
    recipients: to.map((address) => ({ address, notify: more.notify ?? null, orcpt: more.orcpt ?? null })),
    sender,
    content,
  };
}

export const NEVER = new AbortController().signal;
