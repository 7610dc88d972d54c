import { METRICS, type MetricRow } from './metric-table.ts';

/** `docs/metrics.md`, whole, made from the one table of metrics. */
export function metricsReference(): string {
  const rows = Object.entries(METRICS) as [string, MetricRow][];
  return [
    '# Metrics',
    '',
    'Generated from `src/report/metric-table.ts` by `npm run generate`; do not edit.',
    '',
    '`GET /metrics` on the address of `http.listen`, in the text format of Prometheus. Counters start at 0 with the',
    'process. Labels are names from the policy (clients, streams, egresses) and never a recipient’s domain, so that the',
    'number of series stays small. Gauges of the queue are read from the store at each scrape; they are left out when the',
    'store does not answer. Beside these there are the usual `process_*` and `nodejs_*` figures, among them the delay of',
    'the event loop (`nodejs_eventloop_lag_*_seconds`), memory and garbage collection.',
    '',
    '| metric | kind | labels | what |',
    '| --- | --- | --- | --- |',
    ...rows.map(([name, row]) => `| \`${name}\` | ${row.kind} | ${labels(row)} | ${row.help} |`),
    '',
    '## What to watch',
    '',
    '- `relevo_ready == 0`: no mail is taken; `/readyz` says why.',
    '- `relevo_queue_oldest_seconds` rising: something is not delivered; `relevo queue shape` shows where.',
    '- `rate(relevo_bounced_total[1h]) / rate(relevo_delivered_total[1h])`: the share that is given up, by egress.',
    '- `relevo_possible_duplicates_total`: copies that may have been delivered twice; `relevo audit` bounds them.',
    '- `relevo_failures_total`: surprises inside the relay; each has a log line with its cause.',
    '',
  ].join('\n');
}

function labels(row: MetricRow): string {
  return row.labels.length === 0 ? '' : row.labels.map((label) => `\`${label}\``).join(', ');
}
