import { describe, expect } from 'vitest';
import { acceptMany, inForce, reached, scheduled, type Scheduling } from '../../../tests/fakes/scheduling.ts';
import { after, OUTCOMES } from '../../../tests/fakes/scripted-egress.ts';
import type { PolicyInput } from '../../policy/schema.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;
/** 20:48. */
const EVENING = 20 * HOUR + 48 * MINUTE;

type Terms = { readonly dailyLimit?: number; readonly rate?: string };

/** Exits one, two, … with these limits, used in that order. */
function limited(...exits: readonly Terms[]): { readonly policy: Partial<PolicyInput> } {
  const names = ['one', 'two', 'three'].slice(0, exits.length);
  const egress = Object.fromEntries(
    names.map((name, place) => [name, { type: 'smtp' as const, host: `${name}.test`, ...exits[place] }]),
  );
  return { policy: { egress, routes: [{ name: 'all', use: names }] } };
}

function countOf(scheduling: Scheduling, exit: string): number {
  return scheduling.exit(exit).attempts.length;
}

describe('a daily limit', () => {
  scheduled(
    'sends what exceeds it by the next exits, in their order',
    async (scheduling) => {
      await acceptMany(scheduling, 20);
      await scheduling.drained();
      expect(['one', 'two', 'three'].map((exit) => countOf(scheduling, exit))).toEqual([5, 7, 8]);
      expect(await scheduling.audit()).toMatchObject({ queued: 0, finished: { delivered: 20 } });
    },
    limited({ dailyLimit: 5 }, { dailyLimit: 7 }, {}),
  );

  scheduled(
    'keeps the rest until midnight, when it moves by itself and has used up no try',
    async (scheduling) => {
      await acceptMany(scheduling, 10);
      await reached(scheduling, 'one', 5);
      await scheduling.elapsed(3 * HOUR + 11 * MINUTE);
      expect(countOf(scheduling, 'one')).toBe(5);
      await scheduling.drained(10 * MINUTE);
      const { attempts } = scheduling.exit('one');
      expect(attempts.length).toBe(10);
      const midnightMs = (attempts[0]?.atMs ?? 0) - ((attempts[0]?.atMs ?? 0) % DAY) + DAY;
      for (const { atMs } of attempts.slice(5)) {
        expect(atMs).toBeGreaterThanOrEqual(midnightMs);
        expect(atMs).toBeLessThan(midnightMs + 5 * SECOND);
      }
      expect(scheduling.events.filter(({ event }) => event === 'warned')).toEqual([]);
      const deferred = scheduling.events.filter(({ event }) => event === 'deferred');
      expect(deferred[0]).toMatchObject({ reason: expect.stringContaining('daily limit 5/5') });
    },
    { ...limited({ dailyLimit: 5 }), startsInMs: EVENING },
  );

  scheduled(
    'is told with what is used and when it turns',
    async (scheduling) => {
      await acceptMany(scheduling, 3);
      const last = await scheduling.accept();
      await reached(scheduling, 'one', 3);
      await scheduling.elapsed(2 * SECOND);
      const [why] = await scheduling.scheduler.explain(last.message.id);
      expect(why).toMatchObject({
        attempts: 0,
        exits: [{ gate: 'limited', why: 'one: daily limit 3/3, resets in 3 h 12 m' }],
      });
      expect(why?.why.join()).toContain('daily limit 3/3');
    },
    { ...limited({ dailyLimit: 3 }), startsInMs: EVENING },
  );

  scheduled(
    'is known to a scheduler that starts anew',
    async (scheduling) => {
      await acceptMany(scheduling, 4);
      await scheduling.drained();
      await scheduling.restart();
      await acceptMany(scheduling, 4);
      await reached(scheduling, 'two', 3);
      await scheduling.drained();
      expect(countOf(scheduling, 'one')).toBe(5);
      await scheduling.restart();
      const { exits } = scheduling.scheduler.explainRoute({
        client: 'shop',
        stream: 'transactional',
        priority: 'normal',
        senderDomain: 'a.test',
        recipientDomain: 'b.test',
        tag: null,
        sizeBytes: 1,
      });
      expect(exits[0]).toMatchObject({ egress: 'one', gate: 'asking' });
    },
    limited({ dailyLimit: 5 }, {}),
  );

  scheduled(
    'does not count what never came to MAIL, and counts what was refused after it',
    async (scheduling) => {
      const exit = scheduling.exit('one');
      exit.answer = ({ number }) => (number <= 4 ? OUTCOMES.unreachable : OUTCOMES.unknownUser);
      exit.mailed = ({ number }) => number > 4;
      await acceptMany(scheduling, 8);
      await scheduling.drained(HOUR);
      const bounced = scheduling.events.filter(({ event }) => event === 'bounced');
      expect(bounced.length).toBe(8);
    },
    { policy: { ...limited({ dailyLimit: 8 }).policy, retry: { delays: ['1m'] } } },
  );

  scheduled(
    'that is raised lets go at once what waited for the next day, and one that is lowered holds at once',
    async (scheduling) => {
      await acceptMany(scheduling, 30);
      await reached(scheduling, 'one', 5);
      await scheduling.elapsed(10 * MINUTE);
      expect(countOf(scheduling, 'one')).toBe(5);
      inForce(scheduling, limited({ dailyLimit: 20 }));
      await reached(scheduling, 'one', 20);
      await scheduling.elapsed(10 * SECOND);
      expect(countOf(scheduling, 'one')).toBe(20);
      inForce(scheduling, limited({ dailyLimit: 10 }));
      await scheduling.elapsed(10 * SECOND);
      expect(countOf(scheduling, 'one')).toBe(20);
      inForce(scheduling, limited({}));
      await scheduling.drained();
      expect(countOf(scheduling, 'one')).toBe(30);
    },
    limited({ dailyLimit: 5 }),
  );

  scheduled(
    'that keeps mail waiting lets it go by an exit that is new',
    async (scheduling) => {
      await acceptMany(scheduling, 8);
      await reached(scheduling, 'one', 5);
      await scheduling.elapsed(10 * MINUTE);
      inForce(scheduling, limited({ dailyLimit: 5 }, {}));
      await reached(scheduling, 'two', { count: 3, withinMs: 10 * SECOND });
      await scheduling.drained();
      expect(countOf(scheduling, 'one')).toBe(5);
    },
    limited({ dailyLimit: 5 }),
  );

  scheduled(
    'is never exceeded by attempts that are under way together',
    async (scheduling) => {
      const slow = after(scheduling.clock, 8 * SECOND);
      // Not so long that the server would count as silent, and the next exit as its stand-in.
      scheduling.exit('one').answer = (attempt, signal) => {
        // Not silent: an own server that is would be left for the next.
        attempt.mail.onStage?.('content');
        return slow(attempt, signal);
      };
      scheduling.exit('one').concurrency = 1_000;
      await acceptMany(scheduling, 300);
      await scheduling.drained();
      expect(countOf(scheduling, 'one')).toBe(250);
      expect(countOf(scheduling, 'two')).toBe(50);
    },
    limited({ dailyLimit: 250 }, {}),
  );

  scheduled(
    'does not lose what one process has over: the end hands it back',
    async (scheduling) => {
      await acceptMany(scheduling, 1);
      await scheduling.drained();
      await scheduling.scheduler.stop(new AbortController().signal);
      const startsAtMs = Math.floor(scheduling.clock.nowMs() / DAY) * DAY;
      const block = await scheduling.spool.ledger.takeBlock({
        account: 'egress:one',
        startsAtMs,
        endsAtMs: startsAtMs + DAY,
        holder: 'other',
        wanted: 10_000,
        limit: 1_000,
        nowMs: scheduling.clock.nowMs(),
        untilMs: scheduling.clock.nowMs() + MINUTE,
      });
      expect(block).toEqual({ left: 999, used: 1_000 });
    },
    limited({ dailyLimit: 1_000 }),
  );
});

describe('a daily limit that others share', () => {
  scheduled(
    'and hand something back of: what waited for the next day leaves, as much as came back',
    async (scheduling) => {
      const { clock, spool } = scheduling;
      const startsAtMs = Math.floor(clock.nowMs() / DAY) * DAY;
      const other = { account: 'egress:one', startsAtMs, endsAtMs: startsAtMs + DAY, holder: 'other', limit: 500 };
      const until = { nowMs: clock.nowMs(), untilMs: clock.nowMs() + 20 * MINUTE };
      await spool.ledger.takeBlock({ ...other, ...until, wanted: 490 });
      await acceptMany(scheduling, 30);
      await reached(scheduling, 'one', 10);
      await scheduling.elapsed(10 * MINUTE);
      expect(countOf(scheduling, 'one')).toBe(10);
      await spool.ledger.spend({ ...other, amount: 480 });
      await scheduling.elapsed(5 * MINUTE);
      expect(countOf(scheduling, 'one')).toBe(10);
      // The other one is dead: its block ends with its lease.
      await reached(scheduling, 'one', { count: 20, withinMs: 7 * MINUTE });
      await scheduling.elapsed(MINUTE);
      expect(countOf(scheduling, 'one')).toBe(20);
      expect((await spool.ledger.takeBlock({ ...other, ...until, wanted: 0 })).used).toBe(500);
    },
    limited({ dailyLimit: 500 }),
  );

  scheduled(
    'is not hoarded while a rate keeps its mail waiting',
    async (scheduling) => {
      await acceptMany(scheduling, 100);
      await reached(scheduling, 'one', { count: 8, withinMs: 2 * MINUTE });
      const startsAtMs = Math.floor(scheduling.clock.nowMs() / DAY) * DAY;
      const nowMs = scheduling.clock.nowMs();
      const ask = { account: 'egress:one', startsAtMs, endsAtMs: startsAtMs + DAY, holder: 'other', limit: 500, nowMs };
      const { used } = await scheduling.spool.ledger.takeBlock({ ...ask, wanted: 0, untilMs: nowMs });
      expect(used - countOf(scheduling, 'one')).toBeLessThanOrEqual(10);
    },
    limited({ dailyLimit: 500, rate: '10/m' }),
  );
});

describe('a rate', () => {
  /** The most attempts in any stretch of that length, wherever it begins. */
  const mostWithin = (times: readonly number[], windowMs: number): number =>
    Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + windowMs).length));

  scheduled(
    'of 60 a minute holds in every minute, and fills no memory with what waits',
    async (scheduling) => {
      await acceptMany(scheduling, 700);
      while (scheduling.clock.monotonicMs() < 10 * MINUTE) {
        await scheduling.clock.advance(250);
        // Whatever was asked before is answered.
        await scheduling.spool.overview();
      }
      const times = scheduling.exit('one').attempts.map(({ atMs }) => atMs);
      expect(mostWithin(times, MINUTE)).toBeLessThanOrEqual(60);
      expect(mostWithin(times, SECOND)).toBeLessThanOrEqual(1);
      // Every answer of the store takes a step of the clock here; pacer.test.ts has it to the full.
      expect(times.length).toBeGreaterThan(450);
      expect(scheduling.scheduler.stats().held).toBeLessThan(100);
    },
    limited({ rate: '60/m' }),
  );

  scheduled(
    'goes on by the next exit while the first has to wait',
    async (scheduling) => {
      await acceptMany(scheduling, 10);
      await scheduling.drained();
      expect(countOf(scheduling, 'one')).toBe(1);
      expect(countOf(scheduling, 'two')).toBe(9);
    },
    limited({ rate: '10/h' }, {}),
  );

  scheduled(
    'that is raised holds at once',
    async (scheduling) => {
      await acceptMany(scheduling, 40);
      await scheduling.elapsed(MINUTE);
      expect(countOf(scheduling, 'one')).toBeLessThanOrEqual(2);
      inForce(scheduling, limited({ rate: '5/s' }));
      await scheduling.drained(30 * SECOND);
      const times = scheduling.exit('one').attempts.map(({ atMs }) => atMs);
      expect(mostWithin(times, SECOND)).toBeLessThanOrEqual(5);
    },
    limited({ rate: '1/m' }),
  );

  scheduled(
    'of an exit that nobody used yet keeps no mail that another one failed',
    async (scheduling) => {
      scheduling.exit('one').answer = () => OUTCOMES.exitDown;
      await scheduling.accept();
      await scheduling.drained(2 * SECOND);
      expect(['one', 'two'].map((exit) => countOf(scheduling, exit))).toEqual([1, 1]);
      expect(scheduling.events.filter(({ event }) => event === 'deferred')).toEqual([]);
    },
    limited({}, { rate: '10/s', dailyLimit: 100 }),
  );
});
