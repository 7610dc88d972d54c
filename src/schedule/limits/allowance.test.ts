import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { fakeQuotas, type FakeQuotas } from '../../../tests/fakes/quotas.ts';
import { dayOf } from '../../policy/day.ts';
import { Allowance } from './allowance.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;
const LEASE_MS = 15_000;

type Process = {
  readonly allowance: Allowance;
  readonly failures: unknown[];
  /** Of those that were booked. */
  readonly times: number[];
  /** Whether it has mail. */
  sends: boolean;
  /** Killed: it does nothing any more, not even hand back. */
  dead: boolean;
  /** Stopped for a while: it does nothing, and knows nothing of it. */
  frozen: boolean;
};

/** A process that has mail for the exit as long as it `sends`, one every `everyMs` at most; 0: as fast as it can. */
function started(
  clock: FakeClock,
  of: { quotas: FakeQuotas; holder: string; limit: number; everyMs?: number },
): Process {
  const failures: unknown[] = [];
  const times: number[] = [];
  const allowance = new Allowance(
    {
      quotas: of.quotas,
      clock,
      holder: of.holder,
      leaseMs: LEASE_MS,
      changed: () => (of.everyMs === undefined ? send() : undefined),
      failed: (cause) => failures.push(cause),
    },
    { account: 'egress:one', windowOf: (nowMs) => dayOf(nowMs, 'UTC'), limit: of.limit },
  );
  const process: Process = { allowance, failures, times, sends: true, dead: false, frozen: false };
  const book = (): void => {
    allowance.take();
    void allowance.book().then((booked) => {
      if (booked && !process.dead) times.push(clock.nowMs());
    });
  };
  const send = (): void => {
    if (process.dead || !process.sends) return;
    if (of.everyMs === undefined) while (allowance.state().kind === 'open') book();
    else if (allowance.state().kind === 'open') book();
    allowance.want();
  };
  const tick = (): void => {
    if (process.dead) return;
    if (!process.frozen) {
      allowance.tick();
      send();
    }
    clock.after(of.everyMs ?? SECOND, tick);
  };
  tick();
  return process;
}

function sumOf(processes: readonly Process[]): number {
  return processes.reduce((sum, { times }) => sum + times.length, 0);
}

describe('four processes on one limit of 500 a day', () => {
  test('send 500, however slow the store is', async () => {
    const clock = new FakeClock();
    let number = 0;
    const quotas = Object.assign(fakeQuotas(clock), { latencyMs: () => (number++ * 37) % 90 });
    const all = ['a', 'b', 'c', 'd'].map((holder) => started(clock, { quotas, holder, limit: 500 }));
    await clock.advance(10 * MINUTE);
    expect(sumOf(all)).toBe(500);
    for (const { allowance } of all) expect(allowance.state()).toMatchObject({ kind: 'spent', used: 500 });
  });

  test('share the end of it', async () => {
    const clock = new FakeClock();
    const quotas = Object.assign(fakeQuotas(clock), { latencyMs: () => 2 });
    const all = ['a', 'b', 'c', 'd'].map((holder) => started(clock, { quotas, holder, limit: 500, everyMs: 100 }));
    await clock.advance(10 * MINUTE);
    expect(sumOf(all)).toBe(500);
    for (const { times } of all) expect(times.length).toBeGreaterThan(100);
  });

  test('of which one dies with a block: the others send the rest of it when its time is over', async () => {
    const clock = new FakeClock();
    const quotas = fakeQuotas(clock);
    const all = ['a', 'b', 'c', 'd'].map((holder) => started(clock, { quotas, holder, limit: 500, everyMs: 50 }));
    await clock.advance(2 * SECOND);
    for (const one of all.slice(0, 3)) one.dead = true;
    const dead = sumOf(all.slice(0, 3));
    await clock.advance(10 * SECOND);
    expect(sumOf(all)).toBeLessThan(500);
    await clock.advance(MINUTE);
    expect(dead).toBeGreaterThan(50);
    expect(sumOf(all)).toBe(500);
  });

  test('one of which was frozen with a block send no more than 500', async () => {
    const clock = new FakeClock();
    const quotas = fakeQuotas(clock);
    const frozen = started(clock, { quotas, holder: 'frozen', limit: 500, everyMs: 100 });
    await clock.advance(2 * SECOND);
    frozen.frozen = true;
    const other = started(clock, { quotas, holder: 'other', limit: 500 });
    await clock.advance(5 * MINUTE);
    expect(sumOf([frozen, other])).toBe(500);
    // It still believes in its block.
    expect(frozen.allowance.state()).toEqual({ kind: 'open' });
    frozen.frozen = false;
    await clock.advance(MINUTE);
    expect(sumOf([frozen, other])).toBe(500);
  });
});

describe('one process', () => {
  test('hands back what it has not used for a while, and begins again with its next mail', async () => {
    const clock = new FakeClock();
    const quotas = fakeQuotas(clock);
    const idle = started(clock, { quotas, holder: 'idle', limit: 1_000, everyMs: SECOND });
    await clock.advance(3 * SECOND);
    idle.sends = false;
    const usedBy = async (holder: string): Promise<number> => {
      const window = { account: 'egress:one', startsAtMs: clock.nowMs() - (clock.nowMs() % DAY) };
      const endsAtMs = window.startsAtMs + DAY;
      const ask = {
        ...window,
        endsAtMs,
        holder,
        wanted: 0,
        limit: 1_000,
        nowMs: clock.nowMs(),
        untilMs: clock.nowMs(),
      };
      return (await quotas.takeBlock(ask)).used;
    };
    expect(await usedBy('other')).toBeGreaterThan(idle.times.length);
    await clock.advance(15 * SECOND);
    expect(await usedBy('other')).toBe(idle.times.length);
    const sent = idle.times.length;
    idle.sends = true;
    await clock.advance(5 * SECOND);
    expect(idle.times.length).toBeGreaterThan(sent + 2);
  });

  test('keeps its block while it uses it, for longer than a lease', async () => {
    const clock = new FakeClock();
    const quotas = fakeQuotas(clock);
    const slow = started(clock, { quotas, holder: 'slow', limit: 5_000, everyMs: 8 * SECOND });
    await clock.advance(2 * MINUTE);
    const other = started(clock, { quotas, holder: 'other', limit: 5_000, everyMs: 8 * SECOND });
    await clock.advance(2 * MINUTE);
    expect(slow.times.length).toBeGreaterThan(25);
    expect(slow.failures).toEqual([]);
    expect(other.times.length).toBeGreaterThan(12);
  });

  test('begins anew with the day, and never counts one day’s quota to the next', async () => {
    const clock = new FakeClock(Date.UTC(2026, 0, 1, 23, 50));
    const quotas = Object.assign(fakeQuotas(clock), { latencyMs: () => 25 });
    const { times } = started(clock, { quotas, holder: 'a', limit: 700 });
    await clock.advance(HOUR);
    const midnightMs = Date.UTC(2026, 0, 2);
    expect(times.filter((at) => at < midnightMs)).toHaveLength(700);
    expect(times.filter((at) => at >= midnightMs)).toHaveLength(700);
    expect(times.find((at) => at >= midnightMs)).toBeLessThan(midnightMs + 2 * SECOND);
  });

  test('takes a refund for room', async () => {
    const clock = new FakeClock();
    const quotas = fakeQuotas(clock);
    const { allowance, times } = started(clock, { quotas, holder: 'a', limit: 5 });
    await clock.advance(MINUTE);
    expect(times).toHaveLength(5);
    await allowance.refund(allowance.window);
    await clock.advance(MINUTE);
    expect(times).toHaveLength(6);
  });

  test('sends nothing that the store did not write down, and goes on when it is back', async () => {
    const clock = new FakeClock();
    const quotas = fakeQuotas(clock);
    const { times, failures } = started(clock, { quotas, holder: 'a', limit: 500, everyMs: 100 });
    await clock.advance(5 * SECOND);
    const before = times.length;
    quotas.failing = 'undone';
    await clock.advance(30 * SECOND);
    expect(times.length).toBe(before);
    expect(failures.length).toBeGreaterThan(10);
    expect(failures.length).toBeLessThan(70);
    quotas.failing = 'no';
    await clock.advance(3 * MINUTE);
    expect(times.length).toBe(500);
  });

  test('counts what it does not know about as spent: never more than the limit', async () => {
    const clock = new FakeClock();
    const quotas = fakeQuotas(clock);
    const { times } = started(clock, { quotas, holder: 'a', limit: 500, everyMs: 100 });
    await clock.advance(5 * SECOND);
    quotas.failing = 'done';
    await clock.advance(10 * SECOND);
    quotas.failing = 'no';
    await clock.advance(5 * MINUTE);
    expect(times.length).toBeGreaterThan(400);
    expect(times.length).toBeLessThanOrEqual(500);
  });
});
