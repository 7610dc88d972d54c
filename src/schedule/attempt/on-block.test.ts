import { describe, expect } from 'vitest';
import { scheduled, type Scheduling } from '../../../tests/fakes/scheduling.ts';
import { OUTCOMES, type Answer } from '../../../tests/fakes/scripted-egress.ts';
import type { Outcome } from '../../message/outcome.ts';
import { policySchema, type PolicyInput } from '../../policy/schema.ts';
import type { Quotas } from '../../spool/ledger.ts';
import type { Spool } from '../../spool/spool.ts';

const SECOND = 1_000;
const MINUTE = 60_000;

type Exit = NonNullable<PolicyInput['egress']>[string];

/** All in one pool. */
function pool(egress: Readonly<Record<string, Partial<Exit>>>): Partial<PolicyInput> {
  return {
    egress: Object.fromEntries(Object.entries(egress).map(([name, more]) => [name, { type: 'mx', ...more } as Exit])),
    pools: { own: { members: Object.keys(egress) } },
    routes: [{ name: 'all', use: ['own'] }],
  };
}

function namesOf(count: number): string[] {
  return Array.from({ length: count }, (_, number) => `ip-${number + 1}`);
}

function told({ events }: Scheduling, kind: string): unknown[] {
  return events.filter(({ event }) => event === kind);
}

function askedOf(scheduling: Scheduling, names: readonly string[]): number[] {
  return names.map((name) => scheduling.exit(name).attempts.length);
}

/** For now only: not a bounce. */
const BLOCKED_FOR_NOW: Outcome = {
  kind: 'deferred',
  reply: { code: 421, detail: '7.1', text: 'blocked using zen.spamhaus.org' },
  scope: 'egress',
};

function blockedAt(domain: string, elsewhere: Outcome = OUTCOMES.delivered): Answer {
  return ({ mail }) => (mail.domain === domain ? OUTCOMES.blocked : elsewhere);
}

describe('mail that a site refuses for good by one address', () => {
  scheduled(
    'waits for another exit that rests, and leaves by it once that may be tried',
    async (scheduling) => {
      scheduling.exit('ip-1').answer = blockedAt('one.test');
      scheduling.exit('ip-2').answer = ({ number }) => (number === 1 ? OUTCOMES.signInRefused : OUTCOMES.delivered);
      for (const name of ['x', 'y']) await scheduling.accept({ to: [`${name}@else.test`] });
      await scheduling.elapsed(2 * SECOND);
      expect(told(scheduling, 'alert')).toMatchObject([{ name: 'egress-resting:ip-2', raised: true }]);
      await scheduling.accept({ to: ['a@one.test'] });
      await scheduling.drained();
      expect(told(scheduling, 'bounced')).toEqual([]);
      const toOne = scheduling.exit('ip-1').attempts.filter(({ mail }) => mail.domain === 'one.test');
      expect(toOne).toHaveLength(1);
      expect(told(scheduling, 'delivered')).toContainEqual(
        expect.objectContaining({ domain: 'one.test', egress: 'ip-2' }),
      );
    },
    { policy: pool({ 'ip-1': {}, 'ip-2': {} }) },
  );

  scheduled(
    'waits for the hour in which another exit has something left, and ends with its time',
    async (scheduling) => {
      scheduling.exit('ip-1').answer = blockedAt('one.test');
      for (const name of ['x', 'y']) await scheduling.accept({ to: [`${name}@else.test`] });
      await scheduling.elapsed(2 * SECOND);
      const { message } = await scheduling.accept({ to: ['a@one.test'] });
      await scheduling.elapsed(4 * MINUTE);
      const [explained] = await scheduling.scheduler.explain(message.id);
      expect(explained?.why).toContainEqual(
        expect.stringMatching(/^its site refused the address of ip-1 \(5\d\d .+\): other exits come first$/),
      );
      expect(explained?.why.join()).toContain('ip-2: hourly limit');
      expect(told(scheduling, 'deferred')).toHaveLength(1);
      await scheduling.drained();
      expect(told(scheduling, 'bounced')).toEqual([]);
      expect(told(scheduling, 'expired')).toMatchObject([{ reply: OUTCOMES.blocked.reply }]);
      expect(askedOf(scheduling, ['ip-1', 'ip-2'])).toEqual([2, 1]);
    },
    { policy: { ...pool({ 'ip-1': {}, 'ip-2': { hourlyLimit: 1 } }), retry: { expire: '5m' } } },
  );

  scheduled(
    'is offered to every exit of a large pool, over a restart too, and to none of them twice',
    async (scheduling) => {
      const names = namesOf(10);
      for (const name of names) scheduling.exit(name).answer = () => OUTCOMES.blocked;
      const { message } = await scheduling.accept({ to: ['a@one.test'] });
      await scheduling.clock.advanceUntil(() => told(scheduling, 'deferred').length > 0, { stepMs: 10 });
      expect(askedOf(scheduling, names).filter((asked) => asked > 0)).toHaveLength(8);
      expect((await scheduling.spool.story(message.id))?.queued[0]?.delivery.refusedBy).toHaveLength(8);
      await scheduling.restart();
      await scheduling.drained();
      expect(askedOf(scheduling, names)).toEqual(names.map(() => 1));
      expect(told(scheduling, 'bounced')).toMatchObject([{ reply: OUTCOMES.blocked.reply }]);
    },
    { policy: pool(Object.fromEntries(namesOf(10).map((name) => [name, {}]))) },
  );

  scheduled(
    'is not given to the same exit again while it waits for the rate of another, and writes next to nothing meanwhile',
    async (scheduling) => {
      scheduling.exit('ip-1').answer = () => OUTCOMES.blocked;
      for (let count = 0; count < 20; count++) await scheduling.accept({ to: [`a@d${count}.test`] });
      await scheduling.drained();
      expect(told(scheduling, 'delivered')).toHaveLength(20);
      const byOne = scheduling.exit('ip-1').attempts.map(({ mail }) => mail.domain);
      expect(byOne.length).toBe(new Set(byOne).size);
      // One that ends it, one when it was refused, and one where its turn is far off.
      expect(settles.count).toBeLessThan(65);
    },
    { policy: pool({ 'ip-1': {}, 'ip-2': { rate: '6/m' } }), between: (spool) => counting(spool, settles) },
  );

  scheduled(
    'is deferred where the last that another exit had left was used up a moment before',
    async (scheduling) => {
      const ledger = scheduling.spool.ledger as { spend: Quotas['spend'] };
      const spend = ledger.spend.bind(ledger);
      let lost = false;
      ledger.spend = async (ask) => (lost ? 'lost' : spend(ask));
      for (let count = 0; count < 4; count++) await scheduling.accept({ to: [`w@warm${count}.test`] });
      await scheduling.elapsed(5 * SECOND);
      scheduling.exit('ip-1').answer = () => OUTCOMES.blocked;
      lost = true;
      await scheduling.accept({ to: ['a@one.test'] });
      await scheduling.clock.advanceUntil(() => told(scheduling, 'deferred').length > 0, { stepMs: 50 });
      lost = false;
      await scheduling.drained();
      expect(told(scheduling, 'bounced')).toEqual([]);
      expect(told(scheduling, 'delivered')).toContainEqual(
        expect.objectContaining({ domain: 'one.test', egress: 'ip-2' }),
      );
    },
    { policy: pool({ 'ip-1': {}, 'ip-2': { dailyLimit: 500 } }) },
  );

  scheduled(
    'while the relay stops is queued still',
    async (scheduling) => {
      const { clock, scheduler } = scheduling;
      scheduling.exit('ip-1').answer = async () => {
        await clock.sleep(32 * SECOND, new AbortController().signal);
        return OUTCOMES.blocked;
      };
      await scheduling.accept({ to: ['a@one.test'] });
      await clock.advance(10);
      const stopped = scheduler.stop(new AbortController().signal);
      await scheduling.elapsed(40 * SECOND);
      await stopped;
      expect(told(scheduling, 'attempted')).toHaveLength(1);
      expect(told(scheduling, 'bounced')).toEqual([]);
      expect(await scheduling.spool.overview()).toMatchObject({ byState: { queued: 1 } });
    },
    { policy: pool({ 'ip-1': {}, 'ip-2': {} }) },
  );

  scheduled(
    'goes by an exit that a new policy brings while it is refused',
    async (scheduling) => {
      scheduling.exit('ip-1').answer = () => {
        scheduling.policy = policySchema.parse({ hostname: 'relay.test', ...pool({ 'ip-1': {}, 'ip-3': {} }) });
        scheduling.scheduler.applyPolicy();
        return OUTCOMES.blocked;
      };
      await scheduling.accept({ to: ['a@one.test'] });
      await scheduling.drained();
      expect(told(scheduling, 'bounced')).toEqual([]);
      expect(askedOf(scheduling, ['ip-1', 'ip-2', 'ip-3'])).toEqual([1, 0, 1]);
    },
    { policy: pool({ 'ip-1': {}, 'ip-2': {} }) },
  );
});

describe('mail that a site refuses for now', () => {
  scheduled(
    'is tried again by the same address, as the plan has it, where no other will be had for long',
    async (scheduling) => {
      scheduling.exit('ip-1').answer = ({ mail, number }) =>
        mail.domain === 'one.test' && number < 3 ? BLOCKED_FOR_NOW : OUTCOMES.delivered;
      for (const name of ['x', 'y']) await scheduling.accept({ to: [`${name}@else.test`] });
      await scheduling.elapsed(2 * SECOND);
      const { message } = await scheduling.accept({ to: ['a@one.test'] });
      await scheduling.elapsed(2 * SECOND);
      expect((await scheduling.spool.story(message.id))?.queued[0]?.delivery).toMatchObject({ attempts: 1 });
      await scheduling.elapsed(20 * MINUTE);
      expect(told(scheduling, 'delivered')).toContainEqual(
        expect.objectContaining({ domain: 'one.test', egress: 'ip-1' }),
      );
    },
    { policy: { ...pool({ 'ip-1': {}, 'ip-2': { dailyLimit: 1 } }), retry: { delays: ['10m'] } } },
  );

  scheduled(
    'is offered to another exit first',
    async (scheduling) => {
      for (const name of ['ip-1', 'ip-2']) scheduling.exit(name).answer = () => BLOCKED_FOR_NOW;
      await scheduling.accept({ to: ['a@one.test'] });
      await scheduling.elapsed(2 * SECOND);
      expect(askedOf(scheduling, ['ip-1', 'ip-2'])).toEqual([1, 1]);
      scheduling.exit('ip-1').answer = () => OUTCOMES.delivered;
      await scheduling.elapsed(20 * MINUTE);
      expect(askedOf(scheduling, ['ip-1', 'ip-2'])).toEqual([2, 1]);
    },
    { policy: { ...pool({ 'ip-1': {}, 'ip-2': {} }), retry: { delays: ['10m'] } } },
  );
});

const settles = { count: 0 };

function counting(spool: Spool, counter: { count: number }): Spool {
  return new Proxy(spool, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (key === 'settle') counter.count += 1;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
