/** What Prometheus and Grafana are given: the metrics themselves, the dashboard, the rules; judged by Prometheus's own tool. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Event } from '../src/message/event.ts';
import { deliveryIdOf, newMessageId } from '../src/message/ids.ts';
import { createMetrics } from '../src/report/metrics.ts';
import { METRICS } from '../src/report/metric-table.ts';
import { FakeClock } from './fakes/clock.ts';

const ROOT = join(import.meta.dirname, '..');
const RULES = join(ROOT, 'config/prometheus-alerts.yaml');

type Dashboard = {
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly targets?: readonly { readonly expr: string }[];
  }[];
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
};
type Rules = {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[];
};

const dashboard = JSON.parse(readFileSync(join(ROOT, 'config/grafana-dashboard.json'), 'utf8')) as Dashboard;
const rules = (parse(readFileSync(RULES, 'utf8')) as Rules).groups.flatMap((group) => group.rules);

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'relevo-monitoring-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function promtool(args: readonly string[], input = ''): Promise<{ readonly code: number; readonly text: string }> {
  return new Promise((done) => {
    const child = execFile('promtool', args, (error, stdout, stderr) =>
      done({ code: error === null ? 0 : Number(error.code), text: stdout + stderr }),
    );
    child.stdin?.end(input);
  });
}

/** As the dashboard asks once somebody looks at it. */
const asked = [...dashboard.panels.flatMap(({ targets = [] }) => targets), ...dashboard.annotations.list].map(
  ({ expr }) => expr.replaceAll('$__rate_interval', '5m').replaceAll('$job', 'relevo').replaceAll('$instance', '.*'),
);

/** What a relay shows after one message of every fate. */
async function scrape(): Promise<string> {
  const clock = new FakeClock();
  const metrics = createMetrics({
    clock,
    version: '1',
    nodeVersion: '26',
    sample: async () => ({
      overview: null,
      limits: [{ egress: 'one', day: { limit: 10, used: 1 }, hour: null, warmup: null }],
      exits: [{ egress: 'one', score: 90, successRate: 1, closed: { paused: false, down: true } }],
      connectionsIn: 1,
      connectionsOut: 2,
      workers: 1,
      nodes: [{ isUp: true }],
      alerts: 1,
      alertsByKind: { 'egress-down': 1 },
      certificates: [{ what: 'smtp', endsAtMs: clock.nowMs() }],
      ready: true,
      logLostLines: 0,
    }),
  });
  const atMs = clock.nowMs();
  const messageId = newMessageId(atMs, randomBytes(10));
  const mail = { client: 'shop', stream: 'bulk', tag: null, sizeBytes: 9 };
  const of = {
    atMs,
    messageId,
    deliveryId: deliveryIdOf(messageId, 1),
    domain: 'a.test',
    recipients: ['x@a.test'],
    mail,
  };
  const ends = ['delivered', 'bounced', 'expired', 'suppressed'] as const;
  const events: Event[] = [
    ...ends.map((event) => ({ event, ...of, reply: null, egress: 'one' })),
    { event: 'deferred', ...of, dueAtMs: atMs, reason: '' },
  ];
  events.forEach((event) => metrics.sink(event));
  return (await metrics.scrape()).text;
}

test('Prometheus has nothing against the metrics', async () => {
  const text = await scrape();
  expect(text).toContain('relevo_client_recipients_total{client="shop",what="bounced"} 1');
  expect(text).toContain('relevo_stream_delivery_seconds_count{stream="bulk"} 1');
  expect(text).toContain('relevo_alerts_by_kind{alert="egress-down"} 1');
  const { text: said } = await promtool(['check', 'metrics'], text);
  // Names that Prometheus's own libraries have for Node are as old as those.
  expect(said.split('\n').filter((line) => line.startsWith('relevo_'))).toEqual([]);
});

test('the rules load, and raise what they are to raise and nothing else', async () => {
  expect(await promtool(['check', 'rules', RULES])).toMatchObject({
    code: 0,
    text: expect.stringContaining('SUCCESS'),
  });
  const cases = readFileSync(join(ROOT, 'tests/prometheus/alerts.yaml'), 'utf8').replace('RULES', RULES);
  const file = join(folder, 'alerts.yaml');
  writeFileSync(file, cases);
  expect(await promtool(['test', 'rules', file])).toMatchObject({ code: 0, text: expect.stringContaining('SUCCESS') });
});

test('what the dashboard asks can be answered', async () => {
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  const recorded = asked.map((expr, place) => ({ record: `asked_${place}`, expr }));
  const file = join(folder, 'asked.yaml');
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'asked', rules: recorded }] }));
  expect(await promtool(['check', 'rules', file])).toMatchObject({ code: 0 });
});

test('every metric that dashboard and rules name is one of the relay, or of Prometheus', () => {
  const known = new Set<string>(Object.keys(METRICS));
  const others = /^(?:up|process_resident_memory_bytes|process_cpu_seconds_total|nodejs_eventloop_lag_p99_seconds)$/;
  const named = [...asked, ...rules.map(({ expr }) => expr)].flatMap((expr) => [
    ...expr.matchAll(/\b(up|(?:relevo|process|nodejs)_\w+)(?=[{[\s)]|$)/g),
  ]);
  expect(named.length).toBeGreaterThan(60);
  for (const [, name = ''] of named) {
    const plain = name.replace(/_(?:bucket|sum|count)$/, '');
    expect(known.has(name) || known.has(plain) || others.test(name), name).toBe(true);
  }
  // Labels by which they sum and choose are those that the metric has.
  for (const [, name = '', labels = ''] of labelled())
    for (const label of labels.matchAll(/(\w+)\s*(?:=~|!=|=)/g)) {
      const row = METRICS[name.replace(/_bucket$/, '') as keyof typeof METRICS] as {
        readonly labels: readonly string[];
      };
      expect(['job', 'instance', ...(row?.labels ?? ['job'])], `${name}{${label[1]}}`).toContain(label[1]);
    }
});

function labelled(): RegExpExecArray[] {
  return [...asked, ...rules.map(({ expr }) => expr)].flatMap((expr) => [...expr.matchAll(/(relevo_\w+)\{([^}]*)\}/g)]);
}
