import { describe, expect } from 'vitest';
import { acceptMany, inForce, reached, scheduled, type Scheduling } from '../../../tests/fakes/scheduling.ts';
import type { PolicyInput } from '../../policy/schema.ts';
import { FULL_STANDING, type Standing } from '../../routing/standing.ts';
import { limitUses } from './limit-uses.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;

type Exit = Omit<Extract<NonNullable<PolicyInput['egress']>[string], { type: 'smtp' }>, 'type' | 'host'>;

/** Exits one and two, used in that order. */
function exits(one: Exit, two: Exit | null = null, timeZone = 'UTC'): { readonly policy: Partial<PolicyInput> } {
  const egress = {
    one: { type: 'smtp' as const, host: 'one.test', ...one },
    ...(two === null ? {} : { two: { type: 'smtp' as const, host: 'two.test', ...two } }),
  };
  return { policy: { timeZone, egress, routes: [{ name: 'all', use: Object.keys(egress) }] } };
}

function timesOf(scheduling: Scheduling, exit: string): number[] {
  return scheduling.exit(exit).attempts.map(({ atMs }) => atMs);
}

describe('an hourly limit', () => {
  scheduled(
    'lets go what waits with the first second of the next hour, and is told until then',
    async (scheduling) => {
      await scheduling.clock.advance(40 * MINUTE);
      await acceptMany(scheduling, 8);
      await reached(scheduling, 'one', 5);
      const last = await scheduling.accept();
      await scheduling.elapsed(2 * SECOND);
      const [why] = await scheduling.scheduler.explain(last.message.id);
      expect(why).toMatchObject({ exits: [{ gate: 'limited', why: 'one: hourly limit 5/5, resets in 20 m' }] });
      const hourMs = Math.ceil(scheduling.clock.nowMs() / HOUR) * HOUR;
      await scheduling.elapsed(hourMs - scheduling.clock.nowMs() - SECOND);
      await reached(scheduling, 'one', 9);
      const later = timesOf(scheduling, 'one').slice(5);
      for (const atMs of later) {
        expect(atMs).toBeGreaterThanOrEqual(hourMs);
        expect(atMs).toBeLessThan(hourMs + 2 * SECOND);
      }
      expect(scheduling.events.filter(({ event }) => event === 'warned')).toEqual([]);
    },
    exits({ hourlyLimit: 5 }),
  );

  scheduled(
    'that is raised lets go at once what waits',
    async (scheduling) => {
      await acceptMany(scheduling, 12);
      await reached(scheduling, 'one', 5);
      await scheduling.elapsed(5 * MINUTE);
      inForce(scheduling, exits({ hourlyLimit: 9 }));
      await reached(scheduling, 'one', { count: 9, withinMs: 5 * SECOND });
      await scheduling.elapsed(MINUTE);
      expect(timesOf(scheduling, 'one').length).toBe(9);
    },
    exits({ hourlyLimit: 5 }),
  );
});

scheduled(
  'a delay is kept between any two messages of an exit',
  async (scheduling) => {
    await acceptMany(scheduling, 10);
    await scheduling.drained(2 * MINUTE);
    const times = timesOf(scheduling, 'one');
    for (const [place, at] of times.slice(1).entries())
      expect(at - (times[place] ?? 0)).toBeGreaterThanOrEqual(3 * SECOND);
    expect(times.length).toBe(10);
  },
  exits({ delay: '3s' }),
);

describe('an exit that is warmed up', () => {
  scheduled(
    'sends more with each day on which it sent, over restarts, and the next exit what is beyond',
    async (scheduling) => {
      // 20:00 in New York.
      await scheduling.clock.advance(HOUR);
      const counts: number[] = [];
      for (const isUsed of [true, true, false, true]) {
        const before = timesOf(scheduling, 'one').length;
        if (isUsed) await acceptMany(scheduling, 12);
        await scheduling.drained();
        counts.push(timesOf(scheduling, 'one').length - before);
        await scheduling.elapsed(10 * SECOND);
        await scheduling.restart();
        await scheduling.elapsed(10 * SECOND);
        scheduling.clock.jumpMs(DAY);
      }
      expect(counts).toEqual([2, 4, 0, 8]);
    },
    exits({ dailyLimit: 20, warmup: {} }, {}, 'America/New_York'),
  );

  scheduled(
    'says how far it is, and when it goes on; what waits leaves with the next day of its time zone',
    async (scheduling) => {
      await acceptMany(scheduling, 5);
      const last = await scheduling.accept();
      await reached(scheduling, 'one', 2);
      await scheduling.elapsed(8 * SECOND);
      const [why] = await scheduling.scheduler.explain(last.message.id);
      expect(why?.exits[0]).toMatchObject({ gate: 'limited', why: 'one: warm-up 2/2 today, resets in 3 h 12 m' });
      const { ledger, marks } = scheduling.spool;
      const uses = { policy: () => scheduling.policy, ledger, marks, clock: scheduling.clock };
      expect(await limitUses(uses)).toMatchObject([
        { egress: 'one', day: { limit: 2, used: 2, left: 0 }, warmup: { kind: 'warming', day: 1, days: 6 } },
      ]);
      const midnightMs = Date.UTC(2026, 0, 1, 23);
      await scheduling.elapsed(midnightMs - scheduling.clock.nowMs() - SECOND);
      expect(timesOf(scheduling, 'one').length).toBe(2);
      // How far it is now is read again within 5 s of midnight.
      await reached(scheduling, 'one', { count: 6, withinMs: 10 * SECOND });
      for (const at of timesOf(scheduling, 'one').slice(2, 4)) expect(at).toBeLessThan(midnightMs + 2 * SECOND);
      expect(await limitUses(uses)).toMatchObject([{ day: { limit: 4, used: 4 }, warmup: { day: 2 } }]);
    },
    // 2026-01-01 at 20:48 in Berlin.
    { ...exits({ dailyLimit: 20, warmup: {} }, null, 'Europe/Berlin'), startsInMs: 19 * HOUR + 48 * MINUTE },
  );

  scheduled(
    'for the last time lets go all that waits, once nothing limits the day any more',
    async (scheduling) => {
      await acceptMany(scheduling, 6);
      await reached(scheduling, 'one', 2);
      await scheduling.elapsed(2 * HOUR - 10 * SECOND);
      expect(timesOf(scheduling, 'one').length).toBe(2);
      await reached(scheduling, 'one', { count: 6, withinMs: 30 * SECOND });
    },
    { ...exits({ warmup: { schedule: [2] } }), startsInMs: 22 * HOUR },
  );

  scheduled(
    'sends nothing before its start',
    async (scheduling) => {
      await scheduling.accept();
      await scheduling.elapsed(10 * MINUTE);
      expect(timesOf(scheduling, 'one')).toEqual([]);
      const { exits: known } = scheduling.scheduler.explainRoute({
        client: 'shop',
        stream: 'transactional',
        priority: 'normal',
        senderDomain: 'a.test',
        recipientDomain: 'b.test',
        tag: null,
        sizeBytes: 1,
      });
      expect(known[0]?.why).toContain('warm-up starts on 2026-01-02');
      scheduling.clock.jumpMs(DAY);
      await scheduling.drained(2 * HOUR);
    },
    exits({ warmup: { start: '2026-01-02' } }),
  );

  const hosts = async (domain: string): Promise<readonly string[]> =>
    domain.endsWith('g.test') ? ['aspmx.l.google.com'] : ['mx.dest.test'];

  scheduled(
    'by mailbox provider has a cap for each, known before it sends',
    async (scheduling) => {
      // The hosts of the domains are looked up with their first mail.
      await acceptMany(scheduling, 8, 'g.test');
      await scheduling.elapsed(20 * SECOND);
      await acceptMany(scheduling, 8, 'g.test');
      await acceptMany(scheduling, 8, 'dest.test');
      await scheduling.drained();
      const uses = await limitUses({
        policy: () => scheduling.policy,
        ledger: scheduling.spool.ledger,
        marks: scheduling.spool.marks,
        clock: scheduling.clock,
      });
      expect(uses[0]?.providers).toMatchObject([
        { provider: 'google', day: { limit: 5, used: 5 }, warmup: { day: 1 } },
        { provider: 'other', day: { limit: 5, used: 5 } },
      ]);
      expect(timesOf(scheduling, 'one').length).toBe(10);
      expect(timesOf(scheduling, 'two').length).toBe(14);
    },
    { ...exits({ warmup: { schedule: [5, 10], perProvider: true } }, {}), needs: { hostsOf: hosts } },
  );
});

const half: { standing: Standing } = { standing: { ...FULL_STANDING, pace: 0.5 } };
scheduled(
  'an exit that is slowed down to half has half of its limits, and all of them again at once',
  async (scheduling) => {
    await acceptMany(scheduling, 12);
    await reached(scheduling, 'one', 5);
    await scheduling.elapsed(2 * MINUTE);
    expect(timesOf(scheduling, 'one').length).toBe(5);
    half.standing = FULL_STANDING;
    await reached(scheduling, 'one', { count: 10, withinMs: 30 * SECOND });
    await scheduling.elapsed(MINUTE);
    expect(timesOf(scheduling, 'one').length).toBe(10);
  },
  { ...exits({ dailyLimit: 10 }), needs: { standingOf: () => half.standing } },
);
