/**
 * The parameters of MAIL that say how a message is to be handled: HOLDFOR and HOLDUNTIL (RFC 4865), BY (RFC 2852),
 * MT-PRIORITY (RFC 6710). Pure.
 */
import type { DeliverBy, Priority } from '../message/message.ts';
import type { Reply } from '../message/reply.ts';
import { REPLIES, tooFarAhead } from './replies.ts';
import { timeOf } from '../policy/times.ts';

/** As it was asked for, before a clock has been looked at. */
export type HandlingAsked = {
  /** null: it may leave at once. */
  readonly hold:
    | { readonly kind: 'for'; readonly delayMs: number }
    | { readonly kind: 'until'; readonly atMs: number }
    | null;
  readonly by: { readonly withinMs: number; readonly mode: DeliverBy['mode']; readonly trace: boolean } | null;
  /** -9 to 9. */
  readonly mtPriority: number | null;
};

export const NOTHING_ASKED: HandlingAsked = { hold: null, by: null, mtPriority: null };

/** The same in wall time. */
export type Timing = { readonly sendAtMs: number | null; readonly deliverBy: DeliverBy | null };

/** undefined: it is none of these parameters. */
export function handlingParameter(
  name: string,
  value: string | null,
  before: HandlingAsked,
): Partial<HandlingAsked> | Reply | undefined {
  switch (name) {
    case 'HOLDFOR':
    case 'HOLDUNTIL':
      // RFC 4865: one of them.
      return before.hold === null ? holdOf(name, value ?? '') : REPLIES.holdTwice;
    case 'BY':
      return byOf(value ?? '');
    case 'MT-PRIORITY':
      return /^(?:0|-?[1-9])$/.test(value ?? '') ? { mtPriority: Number(value) } : REPLIES.badParameter;
    default:
      return undefined;
  }
}

function holdOf(name: 'HOLDFOR' | 'HOLDUNTIL', value: string): Partial<HandlingAsked> | Reply {
  if (name === 'HOLDFOR') {
    const seconds = /^[1-9]\d{0,8}$/.test(value) ? Number(value) : null;
    return seconds === null ? REPLIES.badParameter : { hold: { kind: 'for', delayMs: seconds * 1000 } };
  }
  const atMs = timeOf(value);
  return atMs === null ? REPLIES.badParameter : { hold: { kind: 'until', atMs } };
}

function byOf(value: string): Partial<HandlingAsked> | Reply {
  const match = /^([+-]?\d{1,9});([RN])(T?)$/i.exec(value);
  if (match === null) return REPLIES.badParameter;
  const withinMs = Number(match[1]) * 1000;
  const mode = match[2]?.toUpperCase() === 'R' ? 'return' : 'notify';
  // RFC 2852: what is late already cannot be returned in time.
  if (mode === 'return' && withinMs <= 0) return REPLIES.lateAlready;
  return { by: { withinMs, mode, trace: match[3] !== '' } };
}

/** By a clock that reads `nowMs`; a hold that is over is none. */
export function timingAt(
  { hold, by }: HandlingAsked,
  { nowMs, furthestMs }: { readonly nowMs: number; readonly furthestMs: number },
): Timing | Reply {
  const wantedMs = hold === null ? null : hold.kind === 'for' ? nowMs + hold.delayMs : hold.atMs;
  if (wantedMs !== null && wantedMs - nowMs > furthestMs) return tooFarAhead(furthestMs);
  const sendAtMs = wantedMs !== null && wantedMs > nowMs ? wantedMs : null;
  const deliverBy = by === null ? null : { atMs: nowMs + by.withinMs, mode: by.mode, trace: by.trace };
  if (deliverBy?.mode === 'return' && sendAtMs !== null && deliverBy.atMs <= sendAtMs) return REPLIES.lateAlready;
  return { sendAtMs, deliverBy };
}

/** The three levels of the MIXER profile (RFC 6710), at and above which each of ours begins. */
const LEVELS = { high: 4, normal: 0, low: -9 } as const satisfies Record<Priority, number>;

/** The most urgent value that stands for it. */
const MOST = { high: 9, normal: 3, low: -1 } as const satisfies Record<Priority, number>;

/** What an MT-PRIORITY means here. */
export function priorityOf(mtPriority: number): Priority {
  if (mtPriority >= LEVELS.high) return 'high';
  return mtPriority >= LEVELS.normal ? 'normal' : 'low';
}

/** An MT-PRIORITY as far as a client may go. */
export function mtPriorityUpTo(most: Priority, mtPriority: number): number {
  return Math.min(mtPriority, MOST[most]);
}
