import { expect } from 'vitest';
import { scheduled } from '../../tests/fakes/scheduling.ts';
import { OUTCOMES } from '../../tests/fakes/scripted-egress.ts';
import { aSubmission } from '../../tests/fakes/submission.ts';

const NOTIFY = ['success', 'failure'] as const;
const FIRST = { host: 'mx1.dest.test', address: '192.0.2.1', source: null, tls: 'TLSv1.3', reportsSuccess: true };
const SECOND = { host: 'mx2.dest.test', address: '192.0.2.2', source: null, tls: null, reportsSuccess: false };

scheduled(
  'who reports success is asked of the server that took the recipient, and the attempt names the server that spoke',
  async (scheduling) => {
    const { clock, spool, notices, events } = scheduling;
    scheduling.exit('direct').peers = [FIRST, SECOND, SECOND];
    scheduling.exit('direct').answer = () => [OUTCOMES.delivered, OUTCOMES.delivered, OUTCOMES.unknownUser];
    const to = ['one@dest.test', 'two@dest.test', 'three@dest.test'];
    const submission = aSubmission({ atMs: clock.nowMs(), to });
    const deliveries = submission.deliveries.map((delivery) => ({
      ...delivery,
      recipients: delivery.recipients.map(({ address }) => ({ address, notify: NOTIFY, orcpt: null })),
    }));
    await spool.accept({ ...submission, deliveries });
    scheduling.scheduler.wake();
    await scheduling.drained();
    expect(notices.map(({ kind, recipients }) => [kind, ...recipients.map((one) => one.recipient.address)])).toEqual([
      ['failed', 'three@dest.test'],
      ['relayed', 'two@dest.test'],
    ]);
    expect(notices.flatMap(({ recipients }) => recipients.map(({ host }) => host))).toEqual([SECOND.host, SECOND.host]);
    const attempts = events.flatMap((event) => (event.event === 'attempted' ? [event.attempt] : []));
    expect(attempts).toMatchObject([{ host: SECOND.host, address: SECOND.address, tls: null, reply: { code: 550 } }]);
  },
);
