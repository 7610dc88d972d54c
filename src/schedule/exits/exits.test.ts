import { describe, expect } from 'vitest';
import { scheduled, type Scheduling } from '../../../tests/fakes/scheduling.ts';
import { after, OUTCOMES } from '../../../tests/fakes/scripted-egress.ts';
import { policySchema, type PolicyInput } from '../../policy/schema.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const CLEAN = { violations: [], queued: 0 };

function told({ events }: Scheduling, kind: string): unknown[] {
  return events.filter(({ event }) => event === kind);
}

const TWO_EXITS: Partial<PolicyInput> = {
  egress: { one: { type: 'smtp', host: 'one.test' }, two: { type: 'smtp', host: 'two.test' } },
  pools: { both: { members: ['one', 'two'] } },
  routes: [{ name: 'all', use: ['both'] }],
};

describe('exits', () => {
  scheduled(
    'of a pool take turns',
    async (scheduling) => {
      for (let count = 0; count < 6; count++) await scheduling.accept({ to: [`a@d${count}.test`] });
      await scheduling.drained();
      expect(scheduling.exit('one').attempts.map(({ mail }) => mail.domain)).toEqual(['d0.test', 'd2.test', 'd4.test']);
      expect(scheduling.exit('two').attempts.map(({ mail }) => mail.domain)).toEqual(['d1.test', 'd3.test', 'd5.test']);
    },
    { policy: TWO_EXITS },
  );

  scheduled(
    'one that fails is passed over within the turn, and no try is used up',
    async (scheduling) => {
      scheduling.exit('one').answer = () => OUTCOMES.signInRefused;
      const started = scheduling.clock.nowMs();
      for (let count = 0; count < 4; count++) await scheduling.accept({ to: [`a@d${count}.test`] });
      await scheduling.drained();
      expect(scheduling.exit('two').attempts.map(({ atMs }) => atMs)).toEqual([started, started, started, started]);
      expect(told(scheduling, 'attempted')).toContainEqual(
        expect.objectContaining({ attempt: expect.objectContaining({ number: 1, egress: 'two' }) }),
      );
      expect(told(scheduling, 'deferred')).toEqual([]);
      expect(told(scheduling, 'alert')).toMatchObject([{ name: 'egress-resting:one', raised: true }]);
    },
    { policy: TWO_EXITS },
  );

  scheduled(
    'all of them failing, mail waits without using up tries, and goes when one works again',
    async (scheduling) => {
      const broken = () => OUTCOMES.signInRefused;
      scheduling.exit('one').answer = broken;
      scheduling.exit('two').answer = broken;
      const { message } = await scheduling.accept();
      for (let count = 0; count < 20; count++) await scheduling.accept({ to: [`a@d${count}.test`] });
      await scheduling.clock.advanceUntil(() => scheduling.clock.monotonicMs() > 20 * MINUTE, {
        stepMs: SECOND,
        withinMs: HOUR,
      });
      const story = await scheduling.spool.story(message.id);
      expect(story?.queued).toMatchObject([{ delivery: { attempts: 0 } }]);
      // The exits are probed, not stormed: after 30 s, then once a minute.
      expect(scheduling.exit('one').attempts.length).toBeGreaterThan(15);
      expect(scheduling.exit('one').attempts.length).toBeLessThan(23);
      scheduling.exit('one').answer = () => OUTCOMES.delivered;
      await scheduling.drained(15 * MINUTE);
      const alerts = scheduling.events.filter(
        (event) => event.event === 'alert' && event.name === 'egress-resting:one',
      );
      expect(alerts.at(-1)).toMatchObject({ raised: false });
      expect(await scheduling.audit()).toMatchObject({ ...CLEAN, finished: { delivered: 21 } });
    },
    { policy: TWO_EXITS },
  );

  scheduled(
    'a greylisted delivery keeps its exit',
    async (scheduling) => {
      const grey = {
        kind: 'deferred',
        reply: { code: 451, detail: '7.1', text: 'greylisted' },
        scope: 'recipient',
      } as const;
      for (const name of ['one', 'two']) {
        scheduling.exit(name).answer = ({ number }) => (number === 1 ? grey : OUTCOMES.delivered);
      }
      await scheduling.accept({ to: ['a@first.test'] });
      await scheduling.accept({ to: ['a@second.test'] });
      await scheduling.drained();
      const domains = (name: string): string[] => scheduling.exit(name).attempts.map(({ mail }) => mail.domain);
      expect([domains('one'), domains('two')]).toEqual([
        ['first.test', 'first.test'],
        ['second.test', 'second.test'],
      ]);
    },
    { policy: TWO_EXITS },
  );

  scheduled('carry no more at once than they say', async (scheduling) => {
    const exit = scheduling.exit('direct');
    exit.concurrency = 3;
    exit.answer = after(scheduling.clock, SECOND);
    for (let count = 0; count < 20; count++) await scheduling.accept({ to: [`a@d${count}.test`] });
    await scheduling.drained();
    expect(exit.mostInFlight).toBe(3);
  });

  scheduled(
    'none that may carry it: mail waits, says why, and leaves by the policy that lets it',
    async (scheduling) => {
      const { message } = await scheduling.accept();
      await scheduling.clock.advance(3 * SECOND);
      await scheduling.clock.advanceUntil(() => scheduling.scheduler.stats().held === 0);
      const [why] = await scheduling.scheduler.explain(message.id);
      expect(why).toMatchObject({
        state: 'queued',
        route: 'all',
        exits: [{ egress: 'one', gate: 'stream' }],
        attempts: 0,
      });
      expect(why?.why).toContain('one does not carry this stream');
      const { policy } = scheduling;
      const one = policy.egress['one'];
      if (one === undefined) throw new Error('it has an exit');
      scheduling.policy = { ...policy, egress: { one: { ...one, streams: null } } };
      scheduling.scheduler.applyPolicy();
      await scheduling.drained();
      expect(scheduling.exit('one').attempts.length).toBe(1);
    },
    {
      policy: {
        egress: { one: { type: 'smtp', host: 'one.test', streams: ['marketing'] } },
        routes: [{ name: 'all', use: ['one'] }],
      },
    },
  );

  scheduled(
    'that rest are tried at once with new settings, and only those',
    async (scheduling) => {
      const [one, two] = [scheduling.exit('one'), scheduling.exit('two')];
      one.answer = () => OUTCOMES.signInRefused;
      two.answer = () => OUTCOMES.signInRefused;
      await scheduling.accept();
      await scheduling.elapsed(5 * SECOND);
      expect([one.attempts.length, two.attempts.length]).toEqual([1, 1]);
      one.answer = () => OUTCOMES.delivered;
      two.answer = () => OUTCOMES.delivered;
      const { two: unchanged } = TWO_EXITS.egress ?? {};
      scheduling.policy = policySchema.parse({
        hostname: 'relay.test',
        ...TWO_EXITS,
        egress: { one: { type: 'smtp', host: 'new.test' }, two: unchanged },
      });
      scheduling.scheduler.applyPolicy();
      for (let count = 0; count < 4; count++) await scheduling.accept({ to: [`a@d${count}.test`] });
      await scheduling.elapsed(5 * SECOND);
      expect([one.attempts.length, two.attempts.length]).toEqual([5, 1]);
      expect(told(scheduling, 'alert')).toMatchObject([
        { name: 'egress-resting:one', raised: true },
        { name: 'egress-resting:two', raised: true },
        { name: 'egress-resting:one', raised: false },
      ]);
      await scheduling.drained();
    },
    { policy: TWO_EXITS },
  );
});
