import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { Rest, startRest } from './memory-at-rest.ts';

const MB = 1024 * 1024;

function observed(): { allocate(mb: number): void; collections: number; readonly rest: Rest } {
  let bytes = 0;
  const seen = {
    allocate: (mb: number): void => {
      bytes += mb * MB;
    },
    collections: 0,
    rest: new Rest({
      allocatedBytes: () => bytes,
      collect: () => {
        seen.collections += 1;
        bytes += 5 * MB;
      },
    }),
  };
  return seen;
}

function look(rest: Rest, times: number, before: () => void = () => {}): void {
  for (let at = 0; at < times; at++) {
    before();
    rest.look();
  }
}

test('after traffic a thread collects once, when nothing has come for a while', () => {
  const seen = observed();
  look(seen.rest, 30, () => seen.allocate(5));
  look(seen.rest, 9);
  expect(seen.collections).toBe(0);
  look(seen.rest, 1);
  expect(seen.collections).toBe(1);
  look(seen.rest, 100);
  expect(seen.collections).toBe(1);
});

test('a message now and then puts it off, and is not worth a collection by itself', () => {
  const seen = observed();
  look(seen.rest, 12);
  expect(seen.collections).toBe(1);
  look(seen.rest, 20, () => seen.allocate(0.1));
  expect(seen.collections).toBe(1);
  for (let burst = 0; burst < 5; burst++) {
    seen.allocate(33);
    look(seen.rest, 9);
  }
  expect(seen.collections).toBe(1);
  look(seen.rest, 20);
  expect(seen.collections).toBe(2);
});

test('its upkeep alone makes it collect again only once there is something to be had', () => {
  const seen = observed();
  seen.allocate(33);
  look(seen.rest, 20);
  expect(seen.collections).toBe(1);
  look(seen.rest, 150, () => seen.allocate(0.1));
  expect(seen.collections).toBe(1);
  look(seen.rest, 30, () => seen.allocate(0.1));
  expect(seen.collections).toBe(2);
});

test('the timer looks every other second, until it is ended', async () => {
  const clock = new FakeClock();
  let collections = 0;
  let bytes = 100 * MB;
  const resting = startRest({ clock, allocatedBytes: () => bytes, collect: () => void collections++ });
  await clock.advance(60_000);
  expect(collections).toBe(1);
  bytes += 100 * MB;
  resting[Symbol.dispose]();
  await clock.advance(60_000);
  expect(collections).toBe(1);
});

test.runIf(process.platform === 'linux')('what a process has freed goes back to the system', () => {
  const script = `
    import { readFileSync } from 'node:fs';
    import { giveMemoryBack } from '${new URL('./memory-at-rest.ts', import.meta.url).href}';
    const anonymousKb = () => Number(/^Anonymous:\\s+(\\d+)/m.exec(readFileSync('/proc/self/smaps_rollup', 'latin1'))[1]);
    // Every hundredth is kept, so that what lies between cannot simply fall off the end of the heap.
    let all = Array.from({ length: 20_000 }, () => Buffer.allocUnsafeSlow(4_096).fill(1));
    const kept = all.filter((_, at) => at % 100 === 0);
    const before = anonymousKb();
    all = null;
    giveMemoryBack();
    await new Promise((resolve) => setTimeout(resolve, 500));
    giveMemoryBack();
    console.log(JSON.stringify({ before, after: anonymousKb(), kept: kept.length }));
  `;
  const flags = ['--expose-gc', '--disable-warning=ExperimentalWarning', '--input-type=module'];
  const output = execFileSync(process.execPath, [...flags, '--eval', script], { encoding: 'utf8' });
  const { before, after } = JSON.parse(output) as { readonly before: number; readonly after: number };
  expect(before - after).toBeGreaterThan(50_000);
});
