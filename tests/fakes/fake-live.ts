import type { LiveRelay, OperatorMail } from '../../src/operations/operations.ts';
import type { QueueFilter } from '../../src/spool/spool.ts';
import { aSubmission } from './submission.ts';

/** What a running relay does, written down. */
export class FakeLive implements LiveRelay {
  readonly mails: OperatorMail[] = [];
  readonly bounces: QueueFilter[] = [];
  wakes = 0;

  status() {
    const versions = { version: '0.0.0-test', policyVersion: 'abc', policyProblems: [] };
    return { ...versions, pid: process.pid, startedAtMs: 1, notReady: [], alerts: [] };
  }
  explain() {
    return ['every exit of route default rests'];
  }
  async submit(mail: OperatorMail) {
    this.mails.push(mail);
    if (mail.recipients.includes('nobody@dest.test'))
      return { kind: 'refused', reply: { code: 550, detail: '7.1', text: 'not permitted' } } as const;
    return { kind: 'accepted', messageId: aSubmission({ atMs: 0 }).message.id } as const;
  }
  async bounce(filter: QueueFilter) {
    this.bounces.push(filter);
    return 2;
  }
  wake() {
    this.wakes += 1;
  }
}
