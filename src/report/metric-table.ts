/**
 * Every metric of the relay, in one table: the registry and `docs/metrics.md` are made from it. Labels have few values:
 * names from the policy, never a recipient's domain or an address.
 */
export type MetricKind = 'counter' | 'gauge' | 'histogram';

export type MetricRow = {
  readonly kind: MetricKind;
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram, in the metric's unit. */
  readonly buckets?: readonly number[];
};

const WAITS = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400, 259_200];
const REPLIES = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const ACCEPTS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

export const METRICS = {
  relevo_received_total: counter('Messages accepted, by client and stream.', ['client', 'stream']),
  relevo_received_bytes_total: counter('Bytes of the messages accepted, as stored.', ['client']),
  relevo_received_recipients_total: counter('Recipients of the messages accepted.', ['client']),
  relevo_delivered_total: counter('Recipients delivered, by the exit that did it.', ['egress']),
  relevo_bounced_total: counter('Recipients given up for a permanent failure.', ['egress']),
  relevo_expired_total: counter('Recipients given up for their age.', []),
  relevo_suppressed_total: counter('Recipients not tried because they are suppressed.', []),
  relevo_discarded_total: counter('Recipients discarded by an operator.', []),
  relevo_deferred_total: counter('Times that recipients were put off to a later attempt.', []),
  relevo_client_recipients_total: counter(
    'What came of recipients, by client: delivered, deferred, bounced, expired, suppressed.',
    ['client', 'what'],
  ),
  relevo_stream_recipients_total: counter('What came of recipients, by stream: as by client.', ['stream', 'what']),
  relevo_attempts_total: counter('Attempts, by exit and the class of the reply (2, 4, 5).', ['egress', 'class']),
  relevo_possible_duplicates_total: counter(
    'Recipients in doubt: no reply came to the final dot, or the relay died meanwhile; a copy may exist.',
    [],
  ),
  relevo_quarantined_total: counter('Deliveries set aside because their content or their record is damaged.', []),
  relevo_bounced_later_total: counter(
    'Recipients reported as not reached after a server had taken the mail, by the exit that had delivered it.',
    ['egress'],
  ),
  relevo_answered_total: counter(
    'Messages to return paths that report no failure: delayed, auto-reply, vacation, challenge, other; surplus: dropped.',
    ['what'],
  ),
  relevo_reported_total: counter(
    'What was said of mail that an exit had taken, by exit and by what was said: confirmed, put-off, complained, unsubscribed, opened, clicked.',
    ['egress', 'what'],
  ),
  relevo_complaints_dropped_total: counter(
    'Complaint reports about no mail of this relay, as far as it can be known: nothing in them was signed here, or the history has forgotten it.',
    [],
  ),
  relevo_hook_refused_total: counter(
    'Posts to /hooks/ that were not believed, by exit and reason: unsigned, signature, old, replay, topic, certificate, malformed, too-large.',
    ['egress', 'reason'],
  ),
  relevo_hook_events_total: counter(
    'Events that providers posted, by exit and result: noted; repeat, unknown (no such message, or none that left that way), ignored (not used), surplus: passed over.',
    ['egress', 'result'],
  ),
  relevo_refused_total: counter('Commands refused to peers, by command and reply code.', ['command', 'code']),
  relevo_auth_failed_total: counter('Failed sign-ins.', []),
  relevo_failures_total: counter('Surprises inside the relay, by where they came up.', ['where']),
  relevo_policy_refused_total: counter('Policies refused since the start; the one in force stayed.', []),
  relevo_trace_spans_total: counter(
    'Spans of traces, by what came of them: exported; failed (the collector did not take them); dropped (there were more than memory is meant for).',
    ['result'],
  ),
  relevo_worker_restarts_total: counter('Workers that ended and were started again.', []),

  relevo_accept_seconds: histogram('From the first byte of the content to 250.', [], ACCEPTS),
  relevo_attempt_seconds: histogram('Duration of one attempt, by exit.', ['egress'], REPLIES),
  relevo_queue_seconds: histogram('From acceptance to delivery, per recipient.', [], WAITS),

  relevo_stream_delivery_seconds: histogram(
    'From acceptance to delivery, per recipient, by stream.',
    ['stream'],
    WAITS,
  ),

  relevo_queue_messages: gauge('Messages with a recipient still queued.', []),
  relevo_queue_deliveries: gauge('Deliveries in the queue, by state.', ['state']),
  relevo_queue_priority_deliveries: gauge('Deliveries in the queue, by priority.', ['priority']),
  relevo_queue_leased: gauge('Deliveries that somebody is trying or about to try.', []),
  relevo_queue_oldest_seconds: gauge('Age of the oldest delivery in the queue; 0: none.', []),
  relevo_egress_daily_limit: gauge(
    'Messages that an exit may send today: its `dailyLimit`, or less while it is warmed up or slowed down.',
    ['egress'],
  ),
  relevo_egress_daily_used: gauge(
    'Of it, what was sent since midnight (`timeZone`) or is set aside to be sent, by all processes together.',
    ['egress'],
  ),
  relevo_egress_hourly_limit: gauge('The same of this hour (UTC): its `hourlyLimit`.', ['egress']),
  relevo_egress_hourly_used: gauge('Of it, what was sent or is set aside to be sent.', ['egress']),
  relevo_egress_rate_used: gauge('Of an exit’s `rate`, messages in the window that ends now, by all processes.', [
    'egress',
  ]),
  relevo_egress_rate_left: gauge('What that window has left.', ['egress']),
  relevo_egress_connections_limit: gauge('Connections that an exit may have at once: its `connections`.', ['egress']),
  relevo_egress_connections_used: gauge(
    'Of them, those that are open; where nodes share a spool, of all nodes, with those that they set aside.',
    ['egress'],
  ),
  relevo_egress_warmup_day: gauge('Day of its warm-up, of an exit that is warmed up as a whole.', ['egress']),
  relevo_egress_reputation: gauge('Reputation of an exit, 0 to 100, from what came of its recent mail.', ['egress']),
  relevo_egress_success_ratio: gauge(
    'Share of the answers to recent mail by an exit that were "delivered", 0 to 1; 1 where there was none.',
    ['egress'],
  ),
  relevo_egress_closed: gauge('1: that gate keeps an exit from sending: paused, down, listed, reputation.', [
    'egress',
    'gate',
  ]),
  relevo_cost_month: gauge('What an exit cost this calendar month (`timeZone`) so far, in units of the currency.', [
    'egress',
    'currency',
  ]),
  relevo_cost_month_forecast: gauge('What its month comes to at the pace of the last days.', ['egress', 'currency']),
  relevo_cost_budget: gauge('What an exit may cost in the month: its `budget`.', ['egress', 'currency']),
  relevo_cost_budget_used: gauge('Of it, what was spent or is set aside to be spent, by all processes together.', [
    'egress',
    'currency',
  ]),
  relevo_cost_saved: gauge(
    'What own servers saved this month: their mail at the price of the cheapest provider, less their rents.',
    ['currency'],
  ),
  relevo_recommended: gauge('1: a recommendation of that kind is in force, as `relevo stats` shows.', ['kind']),
  relevo_site_attempts: gauge(
    'Attempts under way to a mailbox provider (the names of `config/shaping.yaml` and `shaping`; other: all others).',
    ['provider'],
  ),
  relevo_site_exits: gauge(
    'Exits that a provider slowed down, or takes nothing from for their address (blocked); summed over workers and sites.',
    ['provider', 'held'],
  ),
  relevo_spool_bytes: gauge('Content kept for queued messages.', []),
  relevo_connections: gauge('Open connections: in (clients) and out (next hops).', ['direction']),
  relevo_nodes: gauge('Nodes on the spool, by state: up; gone, without having left.', ['state']),
  relevo_workers: gauge('Threads that take and send mail, and answer.', []),
  relevo_alerts: gauge('Alerts in force.', []),
  relevo_alerts_by_kind: gauge('Those of a kind: what stands before the colon of their names.', ['alert']),
  relevo_certificate_expires_timestamp_seconds: gauge('When a certificate ends: that of SMTP, of HTTP.', ['listener']),
  relevo_ready: gauge('1: ready to take mail, as /readyz says.', []),
  relevo_log_lost_lines: gauge('Log lines dropped since the start because nobody took them.', []),
  relevo_policy_applied_timestamp_seconds: gauge('When the policy in force was applied.', []),
  relevo_policy_info: gauge('1, labelled with the version of the policy in force.', ['version']),
  relevo_build_info: gauge('1, labelled with the versions of relevo and Node.', ['version', 'node']),
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof METRICS;

function counter(help: string, labels: readonly string[]): MetricRow {
  return { kind: 'counter', help, labels };
}

function gauge(help: string, labels: readonly string[]): MetricRow {
  return { kind: 'gauge', help, labels };
}

function histogram(help: string, labels: readonly string[], buckets: readonly number[]): MetricRow {
  return { kind: 'histogram', help, labels, buckets };
}
