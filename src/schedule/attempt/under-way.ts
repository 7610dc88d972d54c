/** The attempt of a delivery that is under way by one exit: how far it has come, and how it is cut short. */
import type { Stage } from '../../egress/classify.ts';
import type { Outcome } from '../../message/outcome.ts';
import type { Entry } from '../window/entry.ts';
import { converse, type Conversation, type ConverseNeeds, type Exchange } from './converse.ts';

export type UnderWay = {
  readonly exit: string;
  /** By a server of one's own: another may do what it does not. */
  readonly isUpstream: boolean;
  /** Monotonic. */
  readonly startedMs: number;
  /** null: nothing is known yet. */
  stage: Stage | null;
  /** Monotonic time since which the server had nothing to offer, or, later, of the stage. */
  sinceMs: number;
  /** It was held against the exit that its server is silent. */
  isSuspect: boolean;
  /** Why it was cut short, so that another exit may go on; null: it was not. */
  cutCause: string | null;
  readonly cut: AbortController;
};

export type GoNeeds = {
  /** Whether the leases are known to hold. Default: they do. */
  readonly leasesHold?: () => boolean;
  /** Whether it is too late to send it. Default: it never is. */
  readonly isLate?: (entry: Entry) => boolean;
};

/** Until MAIL is accepted: nothing was offered. Of an exit that tells no stages nothing is known. */
const EARLY: ReadonlySet<Stage | null> = new Set<Stage | null>(['connect', 'greeting', 'ehlo', 'tls', 'auth', 'mail']);

/** Whether the server has not even accepted MAIL. */
export function isEarly({ stage }: Pick<UnderWay, 'stage'>): boolean {
  return EARLY.has(stage);
}

/** Whether to cut it short loses nothing and leaves nothing in doubt: no content has gone out. */
export function mayBeCut({ stage }: Pick<UnderWay, 'stage'>): boolean {
  return isEarly({ stage }) || stage === 'rcpt' || stage === 'data';
}

type Going = Pick<UnderWay, 'exit' | 'isUpstream'> &
  Pick<Exchange, 'egress' | 'recipients' | 'content'> & {
    /** See `AttemptRecord`. */
    readonly passedOver: string | null;
  };

/** The attempt by that exit, under the eyes of whoever looks at the entry meanwhile; `isCut`: it was cut short. */
export async function goBy(
  needs: ConverseNeeds & GoNeeds,
  entry: Entry,
  { exit, isUpstream, egress, recipients, content, passedOver }: Going,
): Promise<{ readonly conversation: Conversation; readonly isCut: boolean }> {
  const { leased, abort } = entry;
  const mayGo = (): boolean => {
    if (needs.leasesHold?.() === false) abort.abort(new Error('the lease may be lost'));
    if (needs.isLate?.(entry) === true) abort.abort(new Error('it is too late to send it'));
    return !abort.signal.aborted;
  };
  const underWay = begun(entry, { exit, isUpstream, nowMs: needs.clock.monotonicMs() });
  const onStage = (stage: Stage): void => {
    // To another address, or for further recipients, it begins anew; until MAIL is accepted it is one wait.
    if (!isEarly({ stage }) || !isEarly(underWay)) underWay.sinceMs = needs.clock.monotonicMs();
    underWay.stage = stage;
  };
  // Only what goes by an own server is ever cut short by itself.
  const { signal } = isUpstream ? underWay.cut : abort;
  const exchange = { leased, recipients, content, egress, exit, signal, mayGo, onStage };
  const { record, ...conversed } = await converse(needs, exchange);
  const way = {
    ...(entry.group.route && { route: entry.group.route.name }),
    ...(passedOver !== null && { passedOver }),
  };
  const conversation = { ...conversed, record: { ...record, ...way } };
  entry.underWay = null;
  return { conversation: afterCut(conversation, underWay), isCut: underWay.cutCause !== null };
}

/** It ends with `entry.abort`, too. */
function begun(
  entry: Entry,
  { exit, isUpstream, nowMs }: Pick<UnderWay, 'exit' | 'isUpstream'> & { readonly nowMs: number },
): UnderWay {
  const cut = new AbortController();
  const { signal } = entry.abort;
  if (isUpstream) signal.addEventListener('abort', () => cut.abort(signal.reason), { once: true });
  if (isUpstream && signal.aborted) cut.abort(signal.reason);
  const times = { startedMs: nowMs, sinceMs: nowMs };
  entry.underWay = { exit, isUpstream, ...times, stage: null, isSuspect: false, cutCause: null, cut };
  return entry.underWay;
}

/** Ends the attempt while nothing was sent; the delivery goes on by another exit. */
export function cutShort(underWay: UnderWay, cause: string): void {
  underWay.cutCause = cause;
  underWay.cut.abort(new Error(cause));
}

/** What it came to, where it was cut short: the exit failed, whom it says nothing of is the destination. */
function afterCut(conversation: Conversation, { exit, cutCause }: UnderWay): Conversation {
  if (cutCause === null) return conversation;
  const { result, record } = conversation;
  const reply = { code: 451, detail: '4.2', text: cutCause.startsWith(exit) ? cutCause : `${exit}: ${cutCause}` };
  const isCut = (one: Outcome): boolean => one.kind === 'deferred' && one.own === true && one.scope === 'message';
  const outcomes = result.outcomes.map((one): Outcome =>
    isCut(one) ? { kind: 'deferred', scope: 'egress', reply, own: true } : one,
  );
  const isTold = result.outcomes.some((one) => isCut(one) && one.reply === record.reply);
  return {
    ...conversation,
    result: { ...result, outcomes },
    record: isTold ? { ...record, reply, own: true } : record,
  };
}

const WAITS = {
  connect: 'connects',
  greeting: "waits for the server's greeting",
  ehlo: 'waits for the answer to EHLO',
  tls: 'waits for TLS',
  auth: 'waits for the sign-in',
  mail: 'waits for the answer to MAIL',
  rcpt: 'waits for the answer to RCPT',
  data: 'waits for the answer to DATA',
  content: 'the content is being sent, or its reply waited for',
  'after-dot': 'waits for the reply to the content',
} as const satisfies Record<Stage, string>;

/** What it does now, in words; null: that is not known. */
export function stageText({ stage }: UnderWay): string | null {
  return stage === null ? null : WAITS[stage];
}
