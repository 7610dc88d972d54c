import type { CameBack, Event, RelayEvent } from '../message/event.ts';
import { bounceKindOf } from '../message/bounce-kind.ts';
import { assertNever } from '../message/outcome.ts';
import { formatReply, type Reply } from '../message/reply.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** A peer may say a lot; a log line stays a line. */
const LONGEST_TEXT = 1_000;

/** How loud an event is: what an operator must act on is `error`, what he should look at `warn`. */
export const EVENT_LEVELS = {
  received: 'info',
  attempted: 'info',
  deferred: 'info',
  delivered: 'info',
  bounced: 'info',
  expired: 'info',
  suppressed: 'info',
  discarded: 'info',
  'in-doubt': 'warn',
  warned: 'info',
  held: 'info',
  released: 'info',
  retried: 'info',
  rescheduled: 'info',
  quarantined: 'error',
  'bounced-later': 'info',
  answered: 'info',
  confirmed: 'info',
  'put-off': 'info',
  complained: 'info',
  'complaint-dropped': 'info',
  unsubscribed: 'info',
  opened: 'info',
  clicked: 'info',
  started: 'info',
  stopping: 'info',
  stopped: 'info',
  reclaimed: 'warn',
  'worker-restarted': 'warn',
  'policy-applied': 'info',
  'policy-refused': 'error',
  refused: 'info',
  'auth-failed': 'warn',
  alert: 'warn',
  recommended: 'info',
  'hook-refused': 'warn',
  'hook-taken': 'debug',
  failed: 'error',
} as const satisfies Record<Event['event'], LogLevel>;

/**
 * The fields of an event's log line, after `level`, `time` and `event`. Addresses are in, bodies and secrets never are;
 * a subject only when `subjects` is set. Replies are one text: `550 5.1.1 no such user`.
 */
export function logFields(event: Event, options: { readonly subjects: boolean }): Record<string, unknown> {
  switch (event.event) {
    case 'received': {
      const { event: _, atMs: __, worker: ___, mail: ____, subject, ...fields } = event;
      return options.subjects && typeof subject === 'string' ? { ...fields, subject: short(subject) } : fields;
    }
    case 'attempted': {
      const { number, reply, ...attempt } = event.attempt;
      return { ...ofDelivery(event), attempt: number, ...attempt, reply: replyText(reply) };
    }
    case 'deferred':
      return { ...ofDelivery(event), dueAt: isoTime(event.dueAtMs), reason: short(event.reason) };
    case 'delivered':
    case 'bounced':
    case 'expired':
    case 'suppressed':
    case 'discarded':
      return { ...ofDelivery(event), egress: event.egress, reply: replyText(event.reply) };
    case 'in-doubt':
    case 'warned':
    case 'held':
    case 'released':
    case 'retried':
    case 'rescheduled':
    case 'quarantined':
      return { ...ofDelivery(event), reason: short(event.reason) };
    case 'bounced-later':
    case 'confirmed':
    case 'put-off':
    case 'complained':
    case 'unsubscribed':
    case 'opened':
    case 'clicked':
    case 'answered':
      return ofCameBack(event);
    case 'refused':
    case 'auth-failed':
    case 'failed':
    case 'reclaimed':
    case 'worker-restarted':
    case 'started':
    case 'stopping':
    case 'stopped':
    case 'policy-applied':
    case 'policy-refused':
    case 'alert':
    case 'recommended':
    case 'complaint-dropped':
    case 'hook-refused':
    case 'hook-taken':
      return ofRelay(event);
    default:
      return assertNever(event);
  }
}

function ofCameBack(event: CameBack): Record<string, unknown> {
  if (event.event === 'answered') return { ...ofDelivery(event), what: event.what, report: event.report };
  const { source, egress } = event;
  if (event.event !== 'bounced-later') return { ...ofDelivery(event), source, egress, detail: event.detail };
  const { host, report, reply } = event;
  const from = source === undefined ? {} : { source };
  return { ...ofDelivery(event), ...from, egress, host, kind: bounceKindOf(reply), reply: replyText(reply), report };
}

function ofRelay(event: RelayEvent): Record<string, unknown> {
  switch (event.event) {
    case 'refused':
      return {
        peer: event.peer,
        client: event.client,
        // What the peer said as a command may be anything.
        command: short(event.command, 200),
        reply: replyText(event.reply),
      };
    case 'reclaimed':
      return { leases: event.leases };
    case 'auth-failed':
      return { peer: event.peer, user: short(event.user, 200), reason: short(event.reason) };
    case 'failed':
      return { where: event.where, cause: short(event.cause, 4 * LONGEST_TEXT) };
    case 'started':
    case 'stopping':
    case 'stopped':
    case 'worker-restarted':
    case 'policy-applied':
    case 'policy-refused':
    case 'alert':
    case 'recommended':
    case 'complaint-dropped':
    case 'hook-refused':
    case 'hook-taken': {
      const { event: _, atMs: __, ...fields } = event;
      return fields;
    }
    default:
      return assertNever(event);
  }
}

function ofDelivery(event: {
  readonly messageId: string;
  readonly deliveryId: string;
  readonly domain: string;
  readonly recipients: readonly string[];
}): Record<string, unknown> {
  return {
    messageId: event.messageId,
    deliveryId: event.deliveryId,
    domain: event.domain,
    recipients: event.recipients,
  };
}

function replyText(reply: Reply | null): string | null {
  return reply === null ? null : short(formatReply(reply));
}

function short(text: string, longest: number = LONGEST_TEXT): string {
  return text.length <= longest ? text : `${text.slice(0, longest)}…`;
}

/** `2026-11-20T08:15:30.123Z`. A time outside of what a date can be is given as it is, never thrown at. */
export function isoTime(atMs: number): string {
  return Number.isFinite(atMs) && Math.abs(atMs) <= 8.64e15 ? new Date(atMs).toISOString() : String(atMs);
}
