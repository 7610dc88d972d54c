import { describe, expect } from 'vitest';
import { scheduled, type Scheduling, type SchedulingOptions } from '../../../tests/fakes/scheduling.ts';
import { after, OUTCOMES, type Attempt } from '../../../tests/fakes/scripted-egress.ts';
import type { PolicyInput } from '../../policy/schema.ts';

const SECOND = 1_000;
const MINUTE = 60_000;

/** Two domains that one provider hosts, and one that it does not. */
const HOSTS = {
  'one.test': ['mx1.big.example'],
  'two.test': ['mx2.big.example'],
  'else.test': ['mx.else.test'],
};

const NEEDS: SchedulingOptions['needs'] = {
  hostsOf: async (domain) => (Object.hasOwn(HOSTS, domain) ? (HOSTS[domain as keyof typeof HOSTS] ?? null) : null),
};

function shaped(
  big: NonNullable<PolicyInput['shaping']>[string],
  more: Partial<PolicyInput> = {},
): Partial<PolicyInput> {
  return { shaping: { '*.big.example': { provider: 'big', ...big } }, ...more };
}

const TWO_EXITS: Partial<PolicyInput> = {
  egress: { 'ip-1': { type: 'mx' }, 'ip-2': { type: 'mx' } },
  pools: { own: { members: ['ip-1', 'ip-2'] } },
  routes: [{ name: 'all', use: ['own'] }],
};

function domainsOf({ attempts }: { readonly attempts: readonly Attempt[] }): string[] {
  return attempts.map(({ mail }) => mail.domain);
}

/** So that the hosts of the domains are known before the mail that counts. */
async function known(scheduling: Scheduling): Promise<void> {
  for (const domain of Object.keys(HOSTS)) await scheduling.accept({ to: [`first@${domain}`] });
  await scheduling.drained();
  scheduling.exit('direct').attempts.length = 0;
}

function told({ events }: Scheduling, kind: string): unknown[] {
  return events.filter(({ event }) => event === kind);
}

describe('two domains of one site', () => {
  scheduled(
    'share its connections, and nobody else is kept waiting',
    async (scheduling) => {
      const { clock } = scheduling;
      await known(scheduling);
      const exit = scheduling.exit('direct');
      const open = { big: 0, most: 0 };
      exit.answer = async (attempt, signal) => {
        const isBig = attempt.mail.domain !== 'else.test';
        if (isBig) open.most = Math.max(open.most, ++open.big);
        const outcome = await after(clock, isBig ? 5 * SECOND : 1)(attempt, signal);
        if (isBig) open.big -= 1;
        return outcome;
      };
      for (let count = 0; count < 60; count++)
        for (const domain of ['one.test', 'two.test']) await scheduling.accept({ to: [`p${count}@${domain}`] });
      await scheduling.accept({ to: ['a@else.test'] });
      await clock.advance(SECOND);
      expect(domainsOf(exit)).toContain('else.test');
      expect(new Set(domainsOf(exit).filter((domain) => domain !== 'else.test'))).toEqual(
        new Set(['one.test', 'two.test']),
      );
      await scheduling.drained();
      expect(open.most).toBe(3);
      expect(exit.attempts).toHaveLength(121);
    },
    { policy: shaped({ connections: 3 }), needs: NEEDS },
  );

  scheduled(
    'share its rate: in no minute more than that',
    async (scheduling) => {
      await known(scheduling);
      await scheduling.elapsed(MINUTE);
      const exit = scheduling.exit('direct');
      for (let count = 0; count < 12; count++)
        for (const domain of ['one.test', 'two.test']) await scheduling.accept({ to: [`p${count}@${domain}`] });
      await scheduling.drained();
      const starts = exit.attempts.map(({ atMs }) => atMs).toSorted((a, b) => a - b);
      expect(starts).toHaveLength(24);
      for (const [at, startMs] of starts.entries()) {
        const eleventh = starts[at + 10];
        if (eleventh !== undefined) expect(eleventh - startMs).toBeGreaterThanOrEqual(MINUTE);
      }
      expect((starts.at(-1) ?? 0) - (starts[0] ?? 0)).toBeLessThan(3 * MINUTE);
    },
    { policy: shaped({ rate: '10/m' }), needs: NEEDS },
  );

  scheduled(
    'are said to wait for it, with its figures',
    async (scheduling) => {
      const { clock, scheduler } = scheduling;
      await known(scheduling);
      scheduling.exit('direct').answer = after(clock, MINUTE);
      await scheduling.accept({ to: ['a@one.test'] });
      await clock.advance(10);
      const waiting = await scheduling.accept({ to: ['b@two.test'] });
      await clock.advance(10);
      const [explained] = await scheduler.explain(waiting.message.id);
      expect(explained).toMatchObject({ state: 'waiting in its lane', exits: [{ egress: 'direct', gate: 'site' }] });
      expect(explained?.why).toContain('direct: its site big has 1 of 1 connections');
      expect(explained?.site).toBe('big: 1 of 1 connections');
    },
    { policy: shaped({ connections: 1 }), needs: NEEDS },
  );
});

scheduled(
  'a site with more mail than it takes leaves room in memory to others, and is not kept waiting for its own',
  async (scheduling) => {
    const { clock } = scheduling;
    const exit = scheduling.exit('direct');
    exit.answer = after(clock, 500);
    for (let count = 0; count < 1_500; count++) await scheduling.store({ to: [`a@h${count}.test`], priority: 'low' });
    scheduling.scheduler.wake();
    await scheduling.elapsed(5 * SECOND);
    const startMs = clock.monotonicMs();
    expect(scheduling.scheduler.stats().waiting).toBeLessThan(600);
    await scheduling.store({ to: ['urgent@h1.test'], priority: 'high' });
    await scheduling.store({ to: ['b@else.test'], priority: 'low' });
    scheduling.scheduler.wake();
    await scheduling.elapsed(15 * SECOND);
    const early = exit.attempts.filter(({ mail }) => mail.domain === 'else.test' || mail.message.priority === 'high');
    expect(early).toHaveLength(2);
    await scheduling.drained();
    // 1,500 at 10 in half a second: 75 s.
    expect((clock.monotonicMs() - startMs) / SECOND).toBeLessThan(110);
    expect(exit.mostInFlight).toBeLessThanOrEqual(11);
  },
  {
    policy: shaped({ connections: 10 }),
    needs: { hostsOf: async (domain) => (domain.startsWith('h') ? ['mx1.big.example'] : null) },
  },
);

describe('a site that asks for less', () => {
  scheduled(
    'is left in peace by that exit, other exits go on, and no try is used up',
    async (scheduling) => {
      const one = scheduling.exit('ip-1');
      one.answer = ({ number }) => (number === 1 ? OUTCOMES.rateLimited : OUTCOMES.delivered);
      const slowed = await scheduling.accept({ to: ['a@one.test'] });
      await scheduling.clock.advance(10);
      for (let count = 0; count < 4; count++) await scheduling.accept({ to: [`p${count}@two.test`] });
      await scheduling.clock.advance(5 * SECOND);
      expect(one.attempts).toHaveLength(1);
      expect(scheduling.exit('ip-2').attempts).toHaveLength(4);
      const story = await scheduling.spool.story(slowed.message.id);
      expect(story?.queued[0]?.delivery).toMatchObject({ attempts: 0, lastReply: OUTCOMES.rateLimited.reply });
      await scheduling.drained();
      expect(told(scheduling, 'bounced')).toEqual([]);
    },
    { policy: shaped({}, TWO_EXITS), needs: NEEDS },
  );

  scheduled(
    'is given no more after a restart than was learnt before it',
    async (scheduling) => {
      await known(scheduling);
      const exit = scheduling.exit('direct');
      exit.answer = () => OUTCOMES.rateLimited;
      await scheduling.accept({ to: ['a@one.test'] });
      await scheduling.elapsed(2 * MINUTE);
      await scheduling.restart();
      await scheduling.elapsed(5 * SECOND);
      exit.answer = after(scheduling.clock, 3 * SECOND);
      exit.mostInFlight = 0;
      for (let count = 0; count < 12; count++) await scheduling.store({ to: [`p${count}@two.test`] });
      scheduling.scheduler.wake();
      await scheduling.elapsed(30 * SECOND);
      expect(exit.mostInFlight).toBeGreaterThan(0);
      expect(exit.mostInFlight).toBeLessThanOrEqual(4);
      await scheduling.drained();
    },
    { policy: shaped({ connections: 8 }), needs: NEEDS },
  );
});

describe('an address that a site refuses for good', () => {
  scheduled(
    'is no bounce of urgent mail while another exit is open: it goes by that one at once',
    async (scheduling) => {
      scheduling.exit('ip-1').answer = () => OUTCOMES.blocked;
      const startMs = scheduling.clock.nowMs();
      await scheduling.accept({ to: ['a@one.test'] });
      await scheduling.drained();
      expect(scheduling.exit('ip-2').attempts).toMatchObject([{ atMs: startMs }]);
      expect(told(scheduling, 'bounced')).toEqual([]);
      expect(told(scheduling, 'delivered')).toMatchObject([{ egress: 'ip-2' }]);
    },
    { policy: shaped({}, TWO_EXITS), needs: NEEDS },
  );

  scheduled(
    'is a bounce once each exit has been refused, and none is asked twice',
    async (scheduling) => {
      for (const name of ['ip-1', 'ip-2']) scheduling.exit(name).answer = () => OUTCOMES.blocked;
      await scheduling.accept({ to: ['a@one.test'] });
      await scheduling.drained();
      expect([scheduling.exit('ip-1').attempts, scheduling.exit('ip-2').attempts].map(({ length }) => length)).toEqual([
        1, 1,
      ]);
      expect(told(scheduling, 'bounced')).toMatchObject([{ reply: OUTCOMES.blocked.reply }]);
      expect(scheduling.notices).toMatchObject([{ kind: 'failed' }]);
    },
    { policy: shaped({}, TWO_EXITS), needs: NEEDS },
  );

  scheduled(
    'waits for an exit that is only busy, and does not come back to the one that was refused',
    async (scheduling) => {
      const { clock } = scheduling;
      scheduling.exit('ip-1').answer = () => OUTCOMES.blocked;
      const two = scheduling.exit('ip-2');
      two.concurrency = 1;
      two.answer = after(clock, 20 * SECOND);
      await scheduling.accept({ to: ['first@else.test'] });
      await scheduling.accept({ to: ['long@else.test'] });
      await clock.advance(10);
      await scheduling.accept({ to: ['a@one.test'] });
      await scheduling.drained();
      expect(domainsOf(scheduling.exit('ip-1')).filter((domain) => domain === 'one.test').length).toBeLessThanOrEqual(
        1,
      );
      expect(told(scheduling, 'delivered')).toContainEqual(
        expect.objectContaining({ egress: 'ip-2', domain: 'one.test' }),
      );
    },
    { policy: shaped({}, TWO_EXITS), needs: NEEDS },
  );

  scheduled(
    'holds marketing mail for an operator, and never sends it again from another address by itself',
    async (scheduling) => {
      scheduling.exit('ip-1').answer = () => OUTCOMES.blocked;
      const { message } = await scheduling.accept({ to: ['a@one.test'], stream: 'marketing' });
      await scheduling.elapsed(10 * MINUTE);
      expect(scheduling.exit('ip-2').attempts).toEqual([]);
      expect(told(scheduling, 'held')).toMatchObject([
        {
          reason:
            'the address of ip-1 was refused (550 5.7.1 blocked using zen.spamhaus.org): waits for an operator, as onBlock says; relevo queue release sends it by whatever exit is open then, which may be another address; it does not expire while held',
        },
      ]);
      expect(told(scheduling, 'bounced')).toEqual([]);
      await scheduling.spool.release({ ids: [message.id] }, scheduling.clock.nowMs());
      scheduling.scheduler.wake();
      await scheduling.drained();
      expect(told(scheduling, 'delivered')).toMatchObject([{ egress: 'ip-2' }]);
    },
    { policy: shaped({}, TWO_EXITS), needs: NEEDS },
  );

  scheduled(
    'again and again is left alone there, with an alert, while other sites have it',
    async (scheduling) => {
      scheduling.exit('ip-1').answer = ({ mail }) =>
        mail.domain === 'else.test' ? OUTCOMES.delivered : OUTCOMES.blocked;
      for (let count = 0; count < 12; count++) {
        await scheduling.accept({ to: [`p${count}@one.test`] });
        await scheduling.clock.advance(10);
      }
      await scheduling.drained();
      expect(scheduling.exit('ip-1').attempts).toHaveLength(3);
      expect(told(scheduling, 'alert')).toMatchObject([{ name: 'site-blocked:ip-1', raised: true }]);
      for (let count = 0; count < 2; count++) await scheduling.accept({ to: [`p${count}@else.test`] });
      await scheduling.drained();
      expect(domainsOf(scheduling.exit('ip-1'))).toContain('else.test');
    },
    { policy: shaped({}, TWO_EXITS), needs: NEEDS },
  );
});
