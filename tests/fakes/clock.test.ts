import { expect, test } from 'vitest';
import { FakeClock } from './clock.ts';

test('timers run in the order in which they are due, those that they start included', async () => {
  const clock = new FakeClock(1000);
  const seen: string[] = [];
  clock.after(20, () => seen.push(`b ${clock.nowMs()}`));
  clock.after(10, () => {
    seen.push(`a ${clock.nowMs()}`);
    clock.after(5, () => seen.push(`c ${clock.nowMs()}`));
  });
  clock.after(500, () => seen.push('late'));
  await clock.advance(100);
  expect(seen).toEqual(['a 1010', 'c 1015', 'b 1020']);
  expect([clock.nowMs(), Math.floor(clock.monotonicMs()), clock.pending]).toEqual([1100, 100, 1]);
});

test('a sleeper wakes between two timers, and sleeps again', async () => {
  const clock = new FakeClock(0);
  const woke: number[] = [];
  const sleeper = (async () => {
    for (let turn = 0; turn < 3; turn++) {
      await clock.sleep(10);
      woke.push(clock.nowMs());
    }
  })();
  await clock.advance(100);
  await sleeper;
  expect(woke).toEqual([10, 20, 30]);
});

test('an aborted sleep rejects with the reason and leaves no timer', async () => {
  const clock = new FakeClock();
  const abort = new AbortController();
  const sleep = clock.sleep(1000, abort.signal);
  abort.abort(new Error('shutdown'));
  await expect(sleep).rejects.toThrow('shutdown');
  await expect(clock.sleep(1, abort.signal)).rejects.toThrow('shutdown');
  expect(clock.pending).toBe(0);
});

test('a jump moves wall time alone', async () => {
  const clock = new FakeClock(0);
  let ran = 0;
  const cancel = clock.after(1000, () => ran++);
  clock.jumpMs(3_600_000);
  await clock.advance(999);
  expect([clock.nowMs(), Math.floor(Math.floor(clock.monotonicMs())), ran]).toEqual([3_600_999, 999, 0]);
  cancel();
  await clock.advance(10);
  expect(ran).toBe(0);
});

test('advanceUntil waits for real work and gives up in the end', async () => {
  const clock = new FakeClock();
  let done = false;
  setTimeout(() => (done = true), 5);
  await clock.advanceUntil(() => done, { withinMs: 600_000 });
  await expect(clock.advanceUntil(() => false, { withinMs: 300 })).rejects.toThrow('not so within 300 ms');
});
