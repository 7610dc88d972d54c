import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openScheduling, scheduled, startOn, type Scheduling } from '../../../tests/fakes/scheduling.ts';
import type { PolicyInput } from '../../policy/schema.ts';
import { FULL_STANDING, type Closure, type Standing } from '../../routing/standing.ts';
import { turnsAfter, type Circles, type TakeTurns } from '../../spool/tallies.ts';
import type { SharedCircles } from '../window/regroup.ts';
import { PoolTurns } from './pool-turns.ts';

const MINUTE = 60_000;
const NAMES = ['s1', 's2', 's3'];
const THREE: Partial<PolicyInput> = {
  egress: Object.fromEntries(NAMES.map((name) => [name, { type: 'smtp', host: `${name}.test` }])),
  pools: { owned: { members: NAMES } },
  routes: [{ name: 'all', use: ['owned'] }],
};

/** A circle as a store keeps it, and what was asked of it. */
function aCircle(): SharedCircles & { readonly asks: TakeTurns[]; broken: boolean } {
  let last: number | null = null;
  const asks: TakeTurns[] = [];
  return {
    asks,
    broken: false,
    isShared: () => true,
    async takeTurns(ask) {
      if (this.broken) throw new Error('the store is away');
      asks.push(ask);
      const turns = turnsAfter(last, ask);
      last = turns.at(-1) ?? last;
      return turns;
    },
  };
}

/** By which exit each message went, in the order of the attempts. */
function exitsInOrder(scheduling: Scheduling): string[] {
  const attempts = NAMES.flatMap((name) =>
    scheduling.exit(name).attempts.map(({ mail, atMs }) => ({ name, atMs, mail })),
  );
  return attempts
    .toSorted((left, right) => left.atMs - right.atMs || left.mail.domain.localeCompare(right.mail.domain))
    .map(({ name }) => name);
}

async function sendOne(scheduling: Scheduling, count: number): Promise<void> {
  await scheduling.accept({ to: [`a@d${String(count).padStart(3, '0')}.test`] });
  await scheduling.drained();
  await scheduling.clock.advance(1);
}

describe('a pool that processes share', () => {
  test('has its members in an exact circle, whichever process takes a message', async () => {
    const needs = { circles: aCircle() };
    await using scheduling = await openScheduling({ policy: THREE, needs });
    const first = scheduling.scheduler;
    await using second = startOn(scheduling, { needs });
    const both = [first, second];
    for (const [count, which] of [0, 1, 1, 0, 1, 0, 0].entries()) {
      scheduling.scheduler = both[which] ?? first;
      await sendOne(scheduling, count);
    }
    expect(exitsInOrder(scheduling)).toEqual(['s1', 's2', 's3', 's1', 's2', 's3', 's1']);
    scheduling.scheduler = first;
  });

  test('is asked for as many turns as messages wait for, and no more than a few', async () => {
    const circles = aCircle();
    await using scheduling = await openScheduling({ policy: THREE, needs: { circles } });
    for (const name of NAMES) scheduling.exit(name).concurrency = 100;
    for (let count = 0; count < 60; count++) await scheduling.store({ to: [`a@d${count}.test`] });
    scheduling.scheduler.wake();
    await scheduling.drained();
    expect(circles.asks[0]?.count).toBe(16);
    expect(Math.max(...circles.asks.map(({ count }) => count))).toBe(16);
    const sent = NAMES.map((name) => scheduling.exit(name).attempts.length);
    expect(sent).toEqual([20, 20, 20]);
  });

  test('whose store is away goes round by itself: mail does not wait for it', async () => {
    const circles = aCircle();
    await using scheduling = await openScheduling({ policy: THREE, needs: { circles } });
    await sendOne(scheduling, 0);
    circles.broken = true;
    for (const count of [1, 2, 3]) await sendOne(scheduling, count);
    expect(exitsInOrder(scheduling)).toEqual(['s1', 's2', 's3', 's1']);
    expect(scheduling.events).toContainEqual(expect.objectContaining({ event: 'failed', where: 'turns' }));
  });
});

describe('turns in hand', () => {
  /** One process on a circle that is never at rest. */
  function turnsOn(circles: Circles): PoolTurns {
    return new PoolTurns({ circles, isShared: () => true, changed: () => undefined, failed: () => undefined });
  }

  test('of all processes together are the circle, whatever they ask for', async () => {
    const asks = fc.array(fc.record({ process: fc.nat(2), waiting: fc.integer({ min: 1, max: 20 }) }), {
      maxLength: 30,
    });
    const property = fc.asyncProperty(asks, async (all) => {
      const circles = aCircle();
      const processes = [turnsOn(circles), turnsOn(circles), turnsOn(circles)];
      const taken: number[] = [];
      for (const { process, waiting } of all) {
        const turns = processes[process];
        turns?.want({ pool: 'p', places: 5, open: [0, 1, 2, 3, 4] }, waiting);
        await Promise.resolve();
        await Promise.resolve();
        taken.push(...(turns?.of('p') ?? []));
        turns?.taken('p', taken.at(-1) ?? -1);
        turns?.forget();
      }
      expect(taken).toEqual(taken.map((_, at) => at % 5));
    });
    expect(await fc.check(property)).toMatchObject({ failed: false });
  });

  test('are forgotten with the policy, those too that were asked for under it', async () => {
    const turns = turnsOn(aCircle());
    turns.want({ pool: 'p', places: 3, open: [0, 1, 2] }, 2);
    turns.forget();
    await new Promise(setImmediate);
    expect(turns.of('p')).toEqual([]);
  });
});

describe('an exit that is closed by what is known of it', () => {
  const known = new Map<string, Standing>();
  const close = (gate: Closure['gate']): Standing => {
    return { ...FULL_STANDING, closures: [{ gate, untilMs: null, cause: `for a test of ${gate}` }] };
  };
  const needs = { standingOf: (name: string) => known.get(name) ?? FULL_STANDING };

  scheduled(
    'is passed over; with all of them closed mail waits without using up tries, and goes at once when one opens',
    async (scheduling) => {
      const { scheduler, clock } = scheduling;
      for (const name of NAMES) known.set(name, close('paused'));
      scheduler.standingsChanged([]);
      const { message } = await scheduling.accept();
      await scheduling.elapsed(20 * MINUTE);
      const [waiting] = await scheduler.explain(message.id);
      expect(waiting).toMatchObject({
        attempts: 0,
        exits: [{ gate: 'paused' }, { gate: 'paused' }, { gate: 'paused' }],
      });
      expect(waiting?.why).toContain('s1 is paused: for a test of paused');
      known.delete('s2');
      scheduler.standingsChanged(['s2']);
      const openedMs = clock.monotonicMs();
      await clock.advanceUntil(() => scheduling.exit('s2').attempts.length === 1);
      expect(clock.monotonicMs() - openedMs).toBeLessThan(1_500);
      expect(scheduling.exit('s1').attempts).toEqual([]);
    },
    { policy: THREE, needs },
  );

  scheduled(
    'gets one message at a time where it is to be probed, and a part of its connections where it is slowed',
    async (scheduling) => {
      known.clear();
      known.set('s1', { ...close('reputation'), probes: true });
      known.set('s2', { ...FULL_STANDING, pace: 0.5 });
      known.set('s3', close('down'));
      const { clock, scheduler } = scheduling;
      scheduler.standingsChanged([]);
      for (const name of NAMES) {
        scheduling.exit(name).concurrency = 10;
        scheduling.exit(name).answer = () => new Promise(() => undefined);
      }
      for (let count = 0; count < 30; count++) await scheduling.accept({ to: [`a@d${count}.test`] });
      await clock.advance(100);
      expect(NAMES.map((name) => scheduling.exit(name).attempts.length)).toEqual([1, 5, 0]);
    },
    { policy: THREE, needs },
  );
});
