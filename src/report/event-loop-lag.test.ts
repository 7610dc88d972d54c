import { collectDefaultMetrics, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { NEVER_MS, replaceEventLoopLag } from './event-loop-lag.ts';

async function scrape(registry: Registry): Promise<ReadonlyMap<string, number>> {
  const text = await registry.metrics();
  return new Map([...text.matchAll(/^(nodejs_eventloop_lag_\w+) (\S+)$/gm)].map((m) => [m[1] ?? '', Number(m[2])]));
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a turn that blocks the event loop shows in the next scrape, and in that one only', async () => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: NEVER_MS });
  const names = (await registry.getMetricsAsJSON()).map(({ name }) => name).filter((name) => name.includes('lag'));
  replaceEventLoopLag(registry);
  await turn();
  await scrape(registry);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  await turn();
  await turn();
  const blocked = await scrape(registry);
  expect(blocked.get('nodejs_eventloop_lag_max_seconds')).toBeGreaterThanOrEqual(0.19);
  expect(blocked.get('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThanOrEqual(0.19);
  expect(blocked.get('nodejs_eventloop_lag_min_seconds')).toBeLessThan(0.19);
  await turn();
  await turn();
  const after = await scrape(registry);
  expect(after.get('nodejs_eventloop_lag_max_seconds')).toBeLessThan(0.19);
  expect([...after.values()].every((seconds) => Number.isFinite(seconds))).toBe(true);
  // Every figure of the library is still there.
  expect([...after.keys()].toSorted()).toEqual(names.toSorted());
});
