/** Telling what happens: log, metrics and alerts behind one `emit`. */
import type { Policy } from '../policy/schema.ts';
import type { Clock, Emit } from '../ports.ts';
import { type Alerts, createAlerts, kindOfAlert, type RaisedAlert } from './alerts.ts';
import { createEmit } from './emit.ts';
import type { LineOutput } from './line-writer.ts';
import { createLog } from './log.ts';
import type { MetricsSample } from './metrics-sample.ts';
import { createMetrics, type Metrics } from './metrics.ts';

export type Reporting = AsyncDisposable & {
  readonly emit: Emit;
  readonly alerts: Alerts;
  readonly metrics: Metrics;
};

/** What metrics ask of the relay at each scrape, beside what reporting itself knows. */
export type Sample = (facts: Pick<MetricsSample, 'alerts' | 'alertsByKind' | 'logLostLines'>) => Promise<MetricsSample>;

/** The last lines get this long to be written when the relay ends. */
const LAST_LINES_MS = 2_000;

/** @param needs.policy null before the first policy is in force */
export function openReporting(needs: {
  readonly output: LineOutput;
  readonly clock: Clock;
  readonly version: string;
  readonly nodeVersion: string;
  readonly policy: () => Policy | null;
  readonly sample: Sample;
  /** Who hears of every event beside log, metrics and alerts. */
  readonly sinks?: readonly Emit[];
}): Reporting {
  const { output, clock, version, nodeVersion, policy } = needs;
  const log = createLog({ output, clock, policy });
  const alerts = createAlerts();
  const sample = (): Promise<MetricsSample> => {
    const raised = alerts.raised();
    return needs.sample({ alerts: raised.length, alertsByKind: byKind(raised), logLostLines: log.lost });
  };
  const metrics = createMetrics({ clock, version, nodeVersion, sample });
  return {
    emit: createEmit([alerts.sink, metrics.sink, log.sink, ...(needs.sinks ?? [])]),
    alerts,
    metrics,
    [Symbol.asyncDispose]: () => log.end(LAST_LINES_MS),
  };
}

function byKind(raised: readonly RaisedAlert[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { name } of raised) {
    const kind = kindOfAlert(name);
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}
