/** Mail in doubt by whichever exit had it, or by several: every one that can be asked is. */
import { describe, expect } from 'vitest';
import { reached, scheduled, type Scheduling } from '../../../tests/fakes/scheduling.ts';
import { OUTCOMES } from '../../../tests/fakes/scripted-egress.ts';
import { aSettlement } from '../../../tests/fakes/submission.ts';
import type { Mail, Whether } from '../../egress/egress.ts';
import { ANY_EXIT } from '../../message/delivery.ts';
import type { PolicyInput } from '../../policy/schema.ts';
import { REAPED } from '../../spool/last-reply.ts';

const MINUTE = 60_000;

const CLOUD = { type: 'mailgun' as const, domain: 'mg.test', apiKeys: ['k'] };
const both: Partial<PolicyInput> = {
  egress: { cloud: CLOUD, other: { ...CLOUD, domain: 'other.test' } },
  routes: [{ name: 'all', use: ['cloud', 'other'] }],
};

function said({ events }: Scheduling, event: string): number {
  return events.filter((one) => one.event === event).length;
}

describe('what may have left by any exit of its route', () => {
  /** Asked of whom, in order; `other` and `cloud` answer so. */
  function answering(scheduling: Scheduling, answers: Readonly<Record<string, Whether>>): readonly string[] {
    const asked: string[] = [];
    for (const [name, whether] of Object.entries(answers))
      Object.assign(scheduling.exit(name), {
        whether: async (mail: Mail) => {
          asked.push(`${name} ${mail.recipients.map(({ address }) => address).join()}`);
          return whether;
        },
      });
    return asked;
  }

  /** The relay is killed while the message is with `cloud`. */
  async function killed(scheduling: Scheduling): Promise<void> {
    const { clock } = scheduling;
    scheduling.exit('cloud').answer = async ({ number }) => {
      if (number === 1) await clock.sleep(MINUTE);
      return OUTCOMES.delivered;
    };
    await scheduling.accept();
    await reached(scheduling, 'cloud', 1);
    await scheduling.restart();
  }

  function sent(scheduling: Scheduling): readonly number[] {
    return ['cloud', 'other'].map((name) => scheduling.exit(name).attempts.length);
  }

  scheduled(
    'as its relay was killed: each is asked, and no copy is made of what one took',
    async (scheduling) => {
      const taken = { kind: 'taken', providerId: '9@other.test' } as const;
      const asked = answering(scheduling, { cloud: { kind: 'not-taken' }, other: taken });
      await killed(scheduling);
      await scheduling.drained();
      expect(asked.map((one) => one.split(' ')[0])).toEqual(['cloud', 'other']);
      expect(sent(scheduling)).toEqual([1, 0]);
      expect(scheduling.events.filter(({ event }) => event === 'delivered')).toMatchObject([{ egress: 'other' }]);
    },
    { policy: both },
  );

  scheduled(
    'and was taken by none goes out',
    async (scheduling) => {
      const asked = answering(scheduling, { cloud: { kind: 'not-taken' }, other: { kind: 'not-taken' } });
      await killed(scheduling);
      await scheduling.drained();
      // At once, and again when they can be expected to tell of it.
      expect([asked.length, sent(scheduling)]).toEqual([4, [2, 0]]);
      const [first, second] = scheduling.exit('cloud').attempts;
      expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(5 * MINUTE);
    },
    { policy: both },
  );

  scheduled(
    'and one cannot say is held where no copy may be made, and goes out once it is released from that',
    async (scheduling) => {
      const asked = answering(scheduling, { cloud: { kind: 'not-taken' }, other: { kind: 'unknown' } });
      await killed(scheduling);
      await scheduling.elapsed(7 * MINUTE);
      const [queued] = await scheduling.spool.list({}, { limit: 1 });
      expect(queued?.delivery).toMatchObject({ state: 'held', doubtBy: ANY_EXIT });
      const reasons = scheduling.events.flatMap((event) => (event.event === 'held' ? [event.reason] : []));
      expect(reasons).toEqual(['in doubt, and other cannot say whether it took it: waits for an operator']);
      expect([asked.length, sent(scheduling)]).toEqual([4, [1, 0]]);
      await scheduling.spool.release({}, scheduling.clock.nowMs());
      scheduling.scheduler.wake();
      await scheduling.drained();
      expect(sent(scheduling)).toEqual([2, 0]);
    },
    { policy: { ...both, streams: { transactional: { onDoubt: 'hold' } } } },
  );

  scheduled(
    'and was held as its owner died goes out once it is released, though nobody can say',
    async (scheduling) => {
      const { spool, clock } = scheduling;
      answering(scheduling, { other: { kind: 'unknown' } });
      await scheduling.store({ dueAtMs: clock.nowMs() + 60 * MINUTE });
      const [leased] = await spool.take({}, clock.nowMs() + MINUTE, 1);
      if (leased === undefined) throw new Error('it waits');
      const rest = { dueAtMs: clock.nowMs(), lastReply: REAPED, doubtBy: ANY_EXIT };
      await spool.settle(aSettlement(leased, { atMs: clock.nowMs(), addresses: [], rest }));
      scheduling.scheduler.wake();
      await scheduling.drained();
      expect([sent(scheduling), said(scheduling, 'held')]).toEqual([[1, 0], 0]);
    },
    { policy: { ...both, streams: { transactional: { onDoubt: 'hold' } } } },
  );

  scheduled(
    'as two are in doubt for some recipients each: both are asked',
    async (scheduling) => {
      const asked = answering(scheduling, {
        cloud: { kind: 'taken', providerId: null, addresses: ['a@d.test'] },
        other: { kind: 'taken', providerId: null, addresses: ['b@d.test'] },
      });
      scheduling.exit('cloud').answer = ({ mail }) =>
        mail.recipients.map(({ address }) => (address === 'a@d.test' ? OUTCOMES.doubt : OUTCOMES.unreachable));
      scheduling.exit('other').answer = () => OUTCOMES.doubt;
      await scheduling.accept({ to: ['a@d.test', 'b@d.test'] });
      await scheduling.drained(10 * MINUTE);
      expect(asked).toEqual(['other a@d.test,b@d.test', 'cloud a@d.test']);
      expect(sent(scheduling)).toEqual([1, 1]);
      expect(said(scheduling, 'delivered')).toBe(2);
    },
    { policy: both },
  );
});
