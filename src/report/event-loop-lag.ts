import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Gauge, type Registry } from 'prom-client';

/** For the library's own measurement: its timer never fires. */
export const NEVER_MS = 2 ** 31 - 1;
const SECOND_NS = 1e9;

type Delay = ReturnType<typeof monitorEventLoopDelay>;

/** By the library's names. The first reads for all. */
const FIGURES: readonly (readonly [name: string, read: (delay: Delay) => number])[] = [
  ['nodejs_eventloop_lag_min_seconds', (delay) => delay.min],
  ['nodejs_eventloop_lag_max_seconds', (delay) => delay.max],
  ['nodejs_eventloop_lag_mean_seconds', (delay) => delay.mean],
  ['nodejs_eventloop_lag_stddev_seconds', (delay) => delay.stddev],
  ['nodejs_eventloop_lag_p50_seconds', (delay) => delay.percentile(50)],
  ['nodejs_eventloop_lag_p90_seconds', (delay) => delay.percentile(90)],
  ['nodejs_eventloop_lag_p99_seconds', (delay) => delay.percentile(99)],
];

/**
 * Measures the delay of the event loop since the last scrape in place of the library: that one has a timer of 10 ms, which
 * costs half a percent of a core for ever. Here each turn of the loop is measured, and at rest there are few.
 * @param registry has the library's metrics
 */
export function replaceEventLoopLag(registry: Registry): void {
  const delay = monitorEventLoopDelay({ samplePerIteration: true });
  delay.enable();
  const helps = new Map(registry.getMetricsAsArray().map(({ name, help }) => [name, help]));
  const gauges: Gauge[] = [];
  const collect = (): void => {
    for (const [at, [, read]] of FIGURES.entries()) gauges[at]?.set(delay.count === 0 ? 0 : read(delay) / SECOND_NS);
    delay.reset();
  };
  for (const [at, [name]] of FIGURES.entries()) {
    const help = helps.get(name) ?? name;
    registry.removeSingleMetric(name);
    gauges.push(new Gauge({ name, help, registers: [registry], ...(at === 0 ? { collect } : {}) }));
  }
}
