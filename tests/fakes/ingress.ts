import { scryptSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ingress, type IngressDeps, startIngress } from '../../src/ingress/server.ts';
import type { LeaveBlank } from '../../src/ingress/sign.ts';
import { NO_RETURN_PATHS, type ReturnPaths } from '../../src/ingress/return-path.ts';
import type { Event } from '../../src/message/event.ts';
import { type Policy, type PolicyInput, policySchema } from '../../src/policy/schema.ts';
import type { Clock } from '../../src/ports.ts';
import { makeSelfSignedCertificate } from '../../src/sign/certificate.ts';
import { systemClock, systemRandom } from '../../src/system.ts';
import { madeSignatures } from './blank-signatures.ts';
import { SmtpDialogue } from './smtp-dialogue.ts';
import { MemoryLedger, RecordingHandoff, RecordingSpool } from './recording-spool.ts';

/** A hash that is cheap to check, so that tests do not wait for scrypt. */
export function cheapHash(password: string): string {
  const salt = Buffer.from('0123456789abcdef');
  const unpadded = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
  const hash = scryptSync(password, salt, 32, { N: 2 ** 10, r: 8, p: 1 });
  return `$scrypt$ln=10,r=8,p=1$${unpadded(salt)}$${unpadded(hash)}`;
}

/** `shop` signs in with `secret` and sends as anyone at shop.example; `host` is whoever comes from 127.0.0.5. */
export const CLIENTS: NonNullable<PolicyInput['clients']> = {
  shop: { password: cheapHash('secret'), senders: ['*@shop.example'], stream: 'transactional' },
  host: { networks: ['127.0.0.5'], senders: ['*'] },
};

/** `AUTH PLAIN` with its response, for `shop`. */
export const SIGN_IN = `AUTH PLAIN ${Buffer.from('\0shop\0secret').toString('base64')}`;

export type IngressFixtureOptions = {
  readonly policy?: Partial<PolicyInput>;
  readonly clock?: Clock;
  readonly leaveBlank?: LeaveBlank;
  readonly returnPaths?: ReturnPaths;
  /** What else ingress has. */
  readonly needs?: Pick<IngressDeps, 'screening' | 'unsubscribeUrl' | 'habits' | 'overQuota'>;
};

/** Ingress on free ports of loopback over a spool in memory: by default a submission, a submissions and an SMTP port. */
export class IngressFixture implements AsyncDisposable {
  readonly spool = new RecordingSpool();
  readonly ledger = new MemoryLedger();
  readonly handoff = new RecordingHandoff();
  readonly events: Event[] = [];
  readonly folder: string;
  policy: Policy;
  ingress!: Ingress;

  private constructor(folder: string, policy: Policy) {
    this.folder = folder;
    this.policy = policy;
  }

  static async open({
    policy,
    clock = systemClock,
    leaveBlank = async () => madeSignatures(),
    returnPaths = NO_RETURN_PATHS,
    needs = {},
  }: IngressFixtureOptions = {}) {
    const folder = await mkdtemp(join(tmpdir(), 'relevo-ingress-'));
    await writeCertificate(folder);
    const fixture = new IngressFixture(folder, policyOf(folder, policy));
    const { spool, ledger, handoff, events } = fixture;
    const emit = (event: Event) => void events.push(event);
    const current = () => fixture.policy;
    const random = systemRandom;
    const ports = { clock, random, emit };
    fixture.ingress = await startIngress({
      policy: current,
      spool,
      ledger,
      handoff,
      leaveBlank,
      returnPaths,
      ...needs,
      ...ports,
    });
    return fixture;
  }

  /** Of the listeners with these settings, the first. */
  port(wanted: { readonly tls?: string; readonly auth?: string } = {}): number {
    const { tls = 'starttls', auth } = wanted;
    const found = this.ingress.addresses().find((one) => one.tls === tls && (auth === undefined || one.auth === auth));
    if (found === undefined) throw new Error(`no ${tls} port`);
    return found.port;
  }

  /** A new policy in force, as after a reload. */
  async reload(policy: Partial<PolicyInput>): Promise<void> {
    this.policy = policyOf(this.folder, policy);
    await this.ingress.apply(this.policy);
  }

  eventsOf<Name extends Event['event']>(name: Name): Extract<Event, { event: Name }>[] {
    return this.events.filter((event): event is Extract<Event, { event: Name }> => event.event === name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.ingress[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A fresh self-signed pair, as `relay.crt` and `relay.key`. */
export async function writeCertificate(folder: string, hostname = 'relay.example'): Promise<void> {
  const { certPem, keyPem } = await makeSelfSignedCertificate({ hostname, nowMs: systemClock.nowMs() });
  await writeFile(join(folder, 'relay.key'), keyPem);
  await writeFile(join(folder, 'relay.crt'), certPem);
}

function policyOf(folder: string, input: Partial<PolicyInput> = {}): Policy {
  const policy = policySchema.parse({
    hostname: 'relay.example',
    listen: [
      { port: 1, tls: 'starttls', auth: 'required' },
      { port: 2, tls: 'implicit', auth: 'required' },
      { port: 3, tls: 'opportunistic', auth: 'none' },
    ],
    tls: { cert: join(folder, 'relay.crt'), key: join(folder, 'relay.key') },
    clients: CLIENTS,
    ...input,
  });
  // Whatever port is free; the schema, rightly, does not know port 0.
  return { ...policy, listen: policy.listen.map((listener) => ({ ...listener, address: '127.0.0.1', port: 0 })) };
}

/** A small message that `shop` may send. */
export const MAIL = 'From: ana@shop.example\r\nMessage-ID: <1@shop.example>\r\nSubject: x\r\n\r\nbody\r\n';

/** A session of `shop` that has said MAIL and RCPT. */
export async function atData(fixture: IngressFixture, to = ['bob@dest.example']): Promise<SmtpDialogue> {
  const dialogue = await SmtpDialogue.greeted(fixture.port());
  await dialogue.all('EHLO app.example', SIGN_IN, 'MAIL FROM:<ana@shop.example>');
  for (const address of to) await dialogue.say(`RCPT TO:<${address}>`);
  return dialogue;
}

/** DATA and a message whose lines need no stuffing; the final reply. */
export async function send(dialogue: SmtpDialogue, content: string): Promise<string> {
  await dialogue.say('DATA');
  return await dialogue.say(`${content}.`);
}
