import { collectDefaultMetrics, Registry } from 'prom-client';
import type { DeliveryState } from '../message/delivery.ts';
import type { AttemptRecord, Event, MessageEvent, RelayEvent } from '../message/event.ts';
import { messageTimeMs } from '../message/ids.ts';
import { PRIORITIES } from '../message/message.ts';
import { assertNever, type FinalState } from '../message/outcome.ts';
import type { Clock, Emit } from '../ports.ts';
import { fillCosts } from './cost-metrics.ts';
import { NEVER_MS, replaceEventLoopLag } from './event-loop-lag.ts';
import type { MetricsSample } from './metrics-sample.ts';
import { METRICS, type MetricName } from './metric-table.ts';
import { type Book, createBook } from './metrics-book.ts';

export type Metrics = {
  /** A sink for `createEmit`. */
  readonly sink: Emit;
  /** The text that Prometheus reads, process and event loop figures included. Rejects only when `sample` does. */
  scrape(): Promise<{ readonly contentType: string; readonly text: string }>;
};

const STATES = ['queued', 'held', 'quarantined'] as const satisfies readonly DeliveryState[];
/** What a client may have had refused; its own words must not become labels. */
const COMMANDS: ReadonlySet<string> = new Set(['CONNECT', 'EHLO', 'HELO', 'STARTTLS', 'AUTH', 'MAIL', 'RCPT', 'DATA']);

/** A registry of its own, so that several relays can live in one process. */
export function createMetrics(needs: {
  readonly clock: Clock;
  readonly version: string;
  readonly nodeVersion: string;
  readonly sample: () => Promise<MetricsSample>;
}): Metrics {
  const { clock, version, nodeVersion, sample } = needs;
  const registry = new Registry();
  const book = createBook(registry);
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: NEVER_MS });
  replaceEventLoopLag(registry);
  book.set('relevo_build_info', 1, { version, node: nodeVersion });

  return {
    sink: (event) => count(book, event),
    scrape: async () => {
      fill(book, await sample(), clock.nowMs());
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}

function count(book: Book, event: Event): void {
  if (!('messageId' in event)) return countRelay(book, event);
  switch (event.event) {
    case 'received':
      book.add('relevo_received_total', 1, { client: event.client, stream: event.stream });
      book.add('relevo_received_bytes_total', event.sizeBytes, { client: event.client });
      book.add('relevo_received_recipients_total', event.recipients.length, { client: event.client });
      return book.observe('relevo_accept_seconds', event.tookMs / 1_000);
    case 'attempted':
      return countAttempt(book, event.attempt);
    case 'delivered':
      book.add('relevo_delivered_total', event.recipients.length, { egress: event.egress ?? 'none' });
      countMail(book, event);
      return observeWait(book, event);
    case 'bounced':
      countMail(book, event);
      return book.add('relevo_bounced_total', event.recipients.length, { egress: event.egress ?? 'none' });
    case 'expired':
      countMail(book, event);
      return book.add('relevo_expired_total', event.recipients.length);
    case 'suppressed':
      countMail(book, event);
      return book.add('relevo_suppressed_total', event.recipients.length);
    case 'discarded':
      return book.add('relevo_discarded_total', event.recipients.length);
    case 'deferred':
      countMail(book, event);
      return book.add('relevo_deferred_total', event.recipients.length);
    case 'in-doubt':
      return book.add('relevo_possible_duplicates_total', event.recipients.length);
    case 'quarantined':
      return book.add('relevo_quarantined_total', 1);
    case 'bounced-later':
      return book.add('relevo_bounced_later_total', event.recipients.length, { egress: event.egress ?? 'none' });
    case 'confirmed':
    case 'put-off':
    case 'complained':
    case 'unsubscribed':
    case 'opened':
    case 'clicked':
      return book.add('relevo_reported_total', Math.max(1, event.recipients.length), {
        egress: event.egress ?? 'none',
        what: event.event,
      });
    case 'answered':
      return book.add('relevo_answered_total', 1, { what: event.what });
    case 'warned':
    case 'held':
    case 'released':
    case 'retried':
    case 'rescheduled':
      return;
    default:
      assertNever(event);
  }
}

function countRelay(book: Book, event: RelayEvent): void {
  switch (event.event) {
    case 'reclaimed':
      return book.add('relevo_possible_duplicates_total', event.leases);
    case 'refused':
      return book.add('relevo_refused_total', 1, { command: verb(event.command), code: String(event.reply.code) });
    case 'auth-failed':
      return book.add('relevo_auth_failed_total', 1);
    case 'failed':
      return book.add('relevo_failures_total', 1, { where: /^[\w-]*/.exec(event.where)?.[0] ?? '' });
    case 'complaint-dropped':
      return book.add('relevo_complaints_dropped_total', 1);
    case 'recommended':
      return book.set('relevo_recommended', event.raised ? 1 : 0, { kind: event.kind });
    case 'hook-refused':
      return book.add('relevo_hook_refused_total', event.count, { egress: event.egress, reason: event.reason });
    case 'hook-taken':
      return countHook(book, event);
    case 'worker-restarted':
      return book.add('relevo_worker_restarts_total', 1);
    case 'policy-refused':
      return book.add('relevo_policy_refused_total', 1);
    case 'policy-applied':
      book.set('relevo_policy_applied_timestamp_seconds', event.atMs / 1_000);
      book.clear('relevo_policy_info');
      return book.set('relevo_policy_info', 1, { version: event.version });
    case 'started':
    case 'stopping':
    case 'stopped':
    case 'alert':
      return;
    default:
      assertNever(event);
  }
}

function countHook(book: Book, { egress, noted, passedOver }: RelayEvent & { readonly event: 'hook-taken' }): void {
  for (const [result, events] of Object.entries({ noted, ...passedOver }))
    if (events > 0) book.add('relevo_hook_events_total', events, { egress, result });
}

function countAttempt(book: Book, { egress, reply, tookMs }: AttemptRecord): void {
  const digit = Math.trunc(reply.code / 100);
  book.add('relevo_attempts_total', 1, { egress, class: digit === 2 || digit === 5 ? String(digit) : '4' });
  book.observe('relevo_attempt_seconds', tookMs / 1_000, { egress });
}

/** By whose mail it is, where whoever told of it knew. */
function countMail(book: Book, { mail, event: what, recipients }: Event & MessageEvent): void {
  if (mail === undefined) return;
  book.add('relevo_client_recipients_total', recipients.length, { client: mail.client, what });
  book.add('relevo_stream_recipients_total', recipients.length, { stream: mail.stream, what });
}

/** The id tells when the message came, so no look-up is needed. */
function observeWait(book: Book, event: Event & { readonly event: FinalState }): void {
  const waitedMs = Math.max(0, event.atMs - messageTimeMs(event.messageId));
  const { mail } = event;
  for (const _ of event.recipients) {
    book.observe('relevo_queue_seconds', waitedMs / 1_000);
    if (mail !== undefined) book.observe('relevo_stream_delivery_seconds', waitedMs / 1_000, { stream: mail.stream });
  }
}

function verb(command: string): string {
  const word = command.split(' ', 1)[0]?.toUpperCase() ?? '';
  return COMMANDS.has(word) ? word : 'other';
}

function fillNodes(book: Book, nodes: MetricsSample['nodes']): void {
  book.clear('relevo_nodes');
  if (nodes === null) return;
  const up = nodes.filter(({ isUp }) => isUp).length;
  book.set('relevo_nodes', up, { state: 'up' });
  book.set('relevo_nodes', nodes.length - up, { state: 'gone' });
}

function fillExits(book: Book, exits: NonNullable<MetricsSample['exits']>): void {
  book.clear('relevo_egress_reputation');
  book.clear('relevo_egress_success_ratio');
  book.clear('relevo_egress_closed');
  for (const { egress, score, successRate, closed } of exits) {
    book.set('relevo_egress_reputation', score, { egress });
    book.set('relevo_egress_success_ratio', successRate, { egress });
    for (const [gate, isClosed] of Object.entries(closed))
      book.set('relevo_egress_closed', isClosed ? 1 : 0, { egress, gate });
  }
}

function fillSites(book: Book, sites: NonNullable<MetricsSample['sites']>): void {
  book.clear('relevo_site_attempts');
  book.clear('relevo_site_exits');
  for (const { provider, inFlight, slowed, blocked } of sites) {
    book.set('relevo_site_attempts', inFlight, { provider });
    book.set('relevo_site_exits', slowed, { provider, held: 'slowed' });
    book.set('relevo_site_exits', blocked, { provider, held: 'blocked' });
  }
}

function fillLimits(book: Book, limits: MetricsSample['limits']): void {
  for (const name of LIMIT_GAUGES) book.clear(name);
  for (const use of limits) {
    for (const [place, value] of limitFigures(use).entries()) {
      const name = LIMIT_GAUGES[place];
      if (name !== undefined && value !== undefined) book.set(name, value, { egress: use.egress });
    }
  }
}

const LIMIT_GAUGES = [
  'relevo_egress_daily_limit',
  'relevo_egress_daily_used',
  'relevo_egress_hourly_limit',
  'relevo_egress_hourly_used',
  'relevo_egress_rate_used',
  'relevo_egress_rate_left',
  'relevo_egress_connections_limit',
  'relevo_egress_connections_used',
  'relevo_egress_warmup_day',
] as const satisfies readonly MetricName[];

/** In the order of the gauges. */
function limitFigures({ day, hour, rate, connections, warmup }: MetricsSample['limits'][number]) {
  const ofRate = [rate?.used, rate?.left];
  return [
    day?.limit,
    day?.used,
    hour?.limit,
    hour?.used,
    ...ofRate,
    connections?.limit,
    connections?.used,
    warmup?.day,
  ];
}

function fill(book: Book, sample: MetricsSample, nowMs: number): void {
  book.set('relevo_connections', sample.connectionsIn, { direction: 'in' });
  book.set('relevo_connections', sample.connectionsOut, { direction: 'out' });
  book.set('relevo_workers', sample.workers);
  fillNodes(book, sample.nodes);
  book.set('relevo_alerts', sample.alerts);
  book.clear('relevo_alerts_by_kind');
  for (const [alert, amount] of Object.entries(sample.alertsByKind ?? {}))
    book.set('relevo_alerts_by_kind', amount, { alert });
  book.clear('relevo_certificate_expires_timestamp_seconds');
  for (const { what, endsAtMs } of sample.certificates ?? [])
    book.set('relevo_certificate_expires_timestamp_seconds', endsAtMs / 1_000, { listener: what });
  book.set('relevo_ready', sample.ready ? 1 : 0);
  book.set('relevo_log_lost_lines', sample.logLostLines);
  for (const [result, spans] of Object.entries(sample.spans ?? {}))
    book.add('relevo_trace_spans_total', spans, { result });
  fillLimits(book, sample.limits);
  fillExits(book, sample.exits ?? []);
  fillCosts(book, sample.costs ?? null);
  fillSites(book, sample.sites ?? []);
  const { overview } = sample;
  if (overview === null) {
    const gauges = Object.keys(METRICS).filter((name) => /^relevo_(?:queue_|spool_)/.test(name)) as MetricName[];
    for (const name of gauges) book.clear(name);
    return;
  }
  book.set('relevo_queue_messages', overview.messages);
  for (const state of STATES) book.set('relevo_queue_deliveries', overview.byState[state], { state });
  for (const priority of PRIORITIES)
    book.set('relevo_queue_priority_deliveries', overview.byPriority[priority], { priority });
  book.set('relevo_queue_leased', overview.leased);
  const oldest = overview.oldestCreatedAtMs;
  book.set('relevo_queue_oldest_seconds', oldest === null ? 0 : Math.max(0, nowMs - oldest) / 1_000);
  book.set('relevo_spool_bytes', overview.contentBytes);
}
