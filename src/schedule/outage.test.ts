/** While the exits rest: what waits for them costs nothing, ends in time, and goes as soon as one works. */
import { describe, expect } from 'vitest';
import { scheduled, type Scheduling } from '../../tests/fakes/scheduling.ts';
import { OUTCOMES } from '../../tests/fakes/scripted-egress.ts';
import { spoolWith } from '../../tests/fakes/spool-between.ts';
import { policySchema, type PolicyInput } from '../policy/schema.ts';
import type { Spool } from '../spool/spool.ts';

const SECOND = 1_000;
const MINUTE = 60_000;

const UPSTREAM: Partial<PolicyInput> = {
  egress: { up: { type: 'smtp', host: 'up.test' } },
  routes: [{ name: 'all', use: ['up'] }],
};

/** The upstream is down, and so much mail for it is in the store. */
async function queued(scheduling: Scheduling, count: number): Promise<void> {
  scheduling.exit('up').answer = () => OUTCOMES.exitDown;
  await scheduling.accept({ to: ['first@d.test'] });
  await scheduling.elapsed(15 * SECOND);
  for (let sent = 1; sent < count; sent++) await scheduling.accept({ to: [`a${sent}@d${sent % 3}.test`] });
}

function settlements(): { readonly between: (spool: Spool) => Spool; readonly count: () => number } {
  let count = 0;
  const between = (spool: Spool): Spool =>
    spoolWith(spool, {
      settle: (settlement) => {
        count += 1;
        return spool.settle(settlement);
      },
    });
  return { between, count: () => count };
}

describe('mail for an upstream that is down', () => {
  const written = settlements();
  scheduled(
    'is left as it is in the store: only probes are written',
    async (scheduling) => {
      await queued(scheduling, 600);
      const before = written.count();
      const probes = scheduling.exit('up').attempts.length;
      await scheduling.elapsed(5 * MINUTE);
      const probed = scheduling.exit('up').attempts.length - probes;
      expect(probed).toBeGreaterThan(3);
      expect(probed).toBeLessThan(9);
      expect(written.count() - before).toBe(probed);
      const late = await scheduling.spool.list({}, { limit: 1_000 });
      expect(late.filter(({ delivery }) => delivery.dueAtMs <= scheduling.clock.nowMs()).length).toBeGreaterThan(590);
      // Between two probes nothing of it is in memory.
      const soon = { stepMs: 500, withinMs: 30 * SECOND };
      await scheduling.clock.advanceUntil(() => scheduling.scheduler.stats().held < 10, soon);
    },
    { policy: UPSTREAM, between: written.between },
  );

  scheduled(
    'goes at once when the relay starts again and the upstream works',
    async (scheduling) => {
      await queued(scheduling, 300);
      await scheduling.elapsed(3 * MINUTE);
      scheduling.exit('up').answer = () => OUTCOMES.delivered;
      const tried = scheduling.exit('up').attempts.length;
      await scheduling.restart();
      const soon = { stepMs: 20, withinMs: 5 * SECOND };
      await scheduling.clock.advanceUntil(() => scheduling.exit('up').attempts.length > tried + 100, soon);
      await scheduling.drained(2 * MINUTE);
    },
    { policy: UPSTREAM },
  );

  scheduled(
    'goes within a minute and a half once the upstream works again',
    async (scheduling) => {
      await queued(scheduling, 300);
      await scheduling.elapsed(10 * MINUTE);
      scheduling.exit('up').answer = () => OUTCOMES.delivered;
      await scheduling.drained(1.5 * MINUTE);
    },
    { policy: UPSTREAM },
  );

  scheduled(
    'goes at once by another way that a new policy has',
    async (scheduling) => {
      await queued(scheduling, 50);
      const { egress } = UPSTREAM;
      scheduling.policy = { ...scheduling.policy, ...policyOf({ ...egress, other: { type: 'smtp', host: 'o.test' } }) };
      scheduling.scheduler.applyPolicy();
      const soon = { stepMs: 20, withinMs: 5 * SECOND };
      // Three of them found out that the upstream is down, and have their next try later.
      await scheduling.clock.advanceUntil(() => scheduling.exit('other').attempts.length === 47, soon);
      await scheduling.drained(2 * MINUTE);
    },
    { policy: UPSTREAM },
  );

  scheduled(
    'expires in its time, all of it, though nothing can be tried',
    async (scheduling) => {
      await queued(scheduling, 400);
      await scheduling.elapsed(58 * MINUTE);
      expect(await scheduling.audit()).toMatchObject({ queued: 400, finished: { expired: 0 } });
      await scheduling.elapsed(4 * MINUTE);
      expect(await scheduling.audit()).toMatchObject({ queued: 0, finished: { expired: 400 } });
    },
    { policy: { ...UPSTREAM, retry: { delays: ['5m'], expire: '1h', warnAfter: null } } },
  );

  scheduled(
    'is told of to its sender in time, once',
    async (scheduling) => {
      await queued(scheduling, 50);
      await scheduling.elapsed(35 * MINUTE);
      expect(scheduling.notices.filter(({ kind }) => kind === 'delayed')).toHaveLength(50);
    },
    { policy: { ...UPSTREAM, retry: { delays: ['5m'], expire: '4h', warnAfter: '30m' } } },
  );
});

describe('where only some of the exits rest', () => {
  scheduled(
    'mail goes on by another at once, though what is left of the limit of that one has to be asked for first',
    async (scheduling) => {
      scheduling.exit('up').answer = () => OUTCOMES.exitDown;
      await scheduling.accept({ to: ['a@d.test'] });
      await scheduling.elapsed(3 * SECOND);
      expect(scheduling.exit('other').attempts).toHaveLength(1);
    },
    {
      policy: {
        egress: {
          up: { type: 'smtp', host: 'up.test' },
          other: { type: 'smtp', host: 'other.test', dailyLimit: 10 },
        },
        routes: [{ name: 'all', use: ['up', 'other'] }],
      },
    },
  );

  scheduled(
    'mail of the other streams to the same destination passes by',
    async (scheduling) => {
      scheduling.exit('up').answer = () => OUTCOMES.exitDown;
      for (let sent = 0; sent < 700; sent++) await scheduling.store({ to: [`a${sent}@d.test`], stream: 'marketing' });
      const last = await scheduling.store({ to: ['reset@d.test'] });
      scheduling.scheduler.wake();
      const soon = { stepMs: 50, withinMs: 20 * SECOND };
      await scheduling.clock.advanceUntil(async () => {
        const story = await scheduling.spool.story(last.message.id);
        return story?.queued.length === 0;
      }, soon);
      expect(scheduling.exit('other').attempts).toHaveLength(1);
    },
    {
      policy: {
        egress: { up: { type: 'smtp', host: 'up.test' }, other: { type: 'smtp', host: 'other.test' } },
        routes: [
          { name: 'bulk', match: { stream: ['marketing'] }, use: ['up'] },
          { name: 'all', use: ['other'] },
        ],
      },
    },
  );

  const written = settlements();
  scheduled(
    'a long queue that no exit takes now is put off in its own time: the store has others to serve',
    async (scheduling) => {
      scheduling.exit('up').answer = () => OUTCOMES.exitDown;
      await scheduling.accept({ to: ['first@d.test'], stream: 'marketing' });
      await scheduling.elapsed(3 * SECOND);
      for (let sent = 0; sent < 600; sent++) await scheduling.store({ to: [`a${sent}@d.test`], stream: 'marketing' });
      const before = written.count();
      scheduling.scheduler.wake();
      await scheduling.elapsed(250);
      expect(written.count() - before).toBeGreaterThan(0);
      expect(written.count() - before).toBeLessThan(400);
      const soon = { stepMs: 50, withinMs: 3 * SECOND };
      await scheduling.clock.advanceUntil(() => written.count() - before >= 600, soon);
    },
    {
      policy: {
        egress: { up: { type: 'smtp', host: 'up.test' }, other: { type: 'smtp', host: 'other.test' } },
        routes: [
          { name: 'bulk', match: { stream: ['marketing'] }, use: ['up'] },
          { name: 'all', use: ['other'] },
        ],
      },
      between: written.between,
    },
  );

  scheduled(
    'mail to other destinations does not wait, and that for the dead one is left alone',
    async (scheduling) => {
      scheduling.exit('up').answer = () => OUTCOMES.exitDown;
      for (let sent = 0; sent < 300; sent++) await scheduling.store({ to: [`a${sent}@far.test`] });
      await scheduling.elapsed(10 * SECOND);
      for (let sent = 0; sent < 20; sent++) await scheduling.accept({ to: [`a${sent}@near.test`] });
      await scheduling.elapsed(3 * SECOND);
      expect(scheduling.exit('other').attempts).toHaveLength(20);
      const left = await scheduling.spool.list({}, { limit: 1_000 });
      expect(left.filter(({ delivery }) => delivery.lastReply === null).length).toBeGreaterThan(295);
    },
    {
      policy: {
        egress: { up: { type: 'smtp', host: 'up.test' }, other: { type: 'smtp', host: 'other.test' } },
        routes: [
          { name: 'far', match: { recipientDomain: ['far.test'] }, use: ['up'] },
          { name: 'all', use: ['other'] },
        ],
      },
    },
  );
});

function policyOf(egress: PolicyInput['egress']): Pick<Scheduling['policy'], 'egress' | 'routes'> {
  const { egress: exits, routes } = policySchema.parse({
    hostname: 'relay.test',
    egress,
    routes: [{ name: 'all', use: ['up', 'other'] }],
  });
  return { egress: exits, routes };
}
