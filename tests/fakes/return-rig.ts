/** Return paths over a real spool, with a clock that stands still: mail that was sent, and what is told of its bounces. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { ownMailStore } from '../../src/feedback/own-mail.ts';
import { openReturnPaths, type ReturnPaths } from '../../src/feedback/return-paths.ts';
import type { VerpKeys } from '../../src/feedback/verp.ts';
import type { CameBack, MessageEvent } from '../../src/message/event.ts';
import type { DeliveryId } from '../../src/message/ids.ts';
import { OWN_CLIENT } from '../../src/message/message.ts';
import type { Reply } from '../../src/message/reply.ts';
import { type Policy, type PolicyInput, policySchema } from '../../src/policy/schema.ts';
import { openEmbeddedSpool } from '../../src/spool/embedded/spool.ts';
import type { Spool, Submission } from '../../src/spool/spool.ts';
import { FakeClock } from './clock.ts';
import { aSettlement, aSubmission, type SubmissionOptions } from './submission.ts';

export const DAY_MS = 86_400_000;
/** example.com has a return path. */
export const DOMAINS = { 'example.com': { returnPath: 'bounces.example.com' } };

export class ReturnRig {
  readonly clock: FakeClock;
  readonly folder: string;
  readonly spool: Spool;
  readonly paths: ReturnPaths;
  readonly events: CameBack[] = [];
  /** What was said to whoever keeps addresses that are not to be written to. */
  readonly learnt: MessageEvent[] = [];
  /** What happens before that is kept. */
  learning: () => Promise<void> = async () => undefined;
  policy: Policy = policySchema.parse({ hostname: 'relay.test', domains: DOMAINS });
  keys: VerpKeys | null = [Buffer.alloc(32, 7)];

  constructor(parts: { readonly clock: FakeClock; readonly folder: string; readonly spool: Spool }) {
    const { clock, folder, spool } = parts;
    this.clock = clock;
    this.folder = folder;
    this.spool = spool;
    const policy = (): Policy => this.policy;
    const sign = async () => ({ headers: Buffer.alloc(0) });
    this.paths = openReturnPaths({
      policy,
      clock,
      spool,
      keys: () => this.keys,
      submitOwn: ownMailStore({ policy, clock, spool, sign, emit: () => undefined, wake: () => undefined }),
      learn: async (events) => {
        await this.learning();
        this.learnt.push(...events);
      },
      emit: (event) => void this.events.push(event as CameBack),
    });
  }

  inForce(input: Partial<PolicyInput>): void {
    this.policy = policySchema.parse({ hostname: 'relay.test', ...input });
  }

  /** A message that was delivered. */
  async sent(options: Partial<SubmissionOptions> = {}): Promise<Submission> {
    const submission = aSubmission({ atMs: this.clock.nowMs(), to: ['gone@dest.test'], ...options });
    await this.spool.accept(submission);
    const nowMs = this.clock.nowMs();
    const claim = { nowMs, leaseUntilMs: nowMs + 60_000, limit: 100, perLane: 100, exclude: [] };
    for (const leased of (await this.spool.claim(claim)).leased) {
      if (leased.message.client !== OWN_CLIENT) await this.spool.settle(aSettlement(leased, { atMs: nowMs }));
    }
    return submission;
  }

  pathOf({ message }: Submission, deliveryId: DeliveryId): string {
    return this.paths.reversePath(message, deliveryId);
  }

  /** It comes from mx.dest.test. */
  take(mail: { readonly address: string; readonly content: Buffer; readonly isCut?: boolean }): Promise<Reply> {
    return this.paths.take({ ...mail, trace: (id) => `Received: from mx.dest.test by relay.test id ${id}; now\r\n` });
  }

  /** What is queued of the relay's own mail: for whom, and its content. */
  async told(): Promise<readonly { readonly to: string; readonly content: string }[]> {
    const queued = await this.spool.list({ client: OWN_CLIENT }, { limit: 1_000 });
    return await Promise.all(
      queued.map(async ({ delivery, sender }) => {
        if (sender !== '') throw new Error(`the relay’s own mail is from ${sender}`);
        const found = await this.spool.content(delivery.messageId);
        const content = found.kind === 'found' ? found.content.toString('latin1') : found.kind;
        return { to: delivery.recipients.map(({ address }) => address).join(), content };
      }),
    );
  }
}

/** A rig for each test; in the end the books must hold. */
export function eachWithReturnPaths(): () => ReturnRig {
  let rig: ReturnRig | null = null;
  beforeEach(async () => {
    const [folder, clock] = [await mkdtemp(join(tmpdir(), 'relevo-return-')), new FakeClock()];
    rig = new ReturnRig({
      folder,
      clock,
      spool: await openEmbeddedSpool({ path: folder, durability: 'relaxed', clock }),
    });
  });
  afterEach(async () => {
    if (rig === null) return;
    expect((await rig.spool.audit()).violations).toEqual([]);
    await rig.spool[Symbol.asyncDispose]();
    await rm(rig.folder, { recursive: true, force: true });
  });
  return () => {
    if (rig === null) throw new Error('no test is running');
    return rig;
  };
}

/** A report that an address is not known to the server that had taken the mail. */
export function bounceOf(address: string, note = ''): Buffer {
  const text = `From: MAILER-DAEMON@dest.test
Subject: failure ${note}
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

no such user
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.dest.test

Final-Recipient: rfc822; ${address}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user
--b--
`;
  return Buffer.from(text.replaceAll('\n', '\r\n'));
}
