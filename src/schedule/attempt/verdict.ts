/** What the outcomes of one attempt say of the exit, of the destination, of its site and of other exits. Pure. */
import type { AttemptResult } from '../../egress/egress.ts';
import { assertNever, type Outcome } from '../../message/outcome.ts';
import { isBlock, refusalOf, type Refusal } from '../../message/refusal.ts';
import type { Reply } from '../../message/reply.ts';
import type { EgressPolicy } from '../../policy/schema.ts';
import type { ExitVerdict } from '../exits/circuits.ts';
import type { Signal } from '../lanes/feedback.ts';
import type { SiteSignal } from '../sites/site-feedback.ts';

export type Verdict = {
  readonly exit: ExitVerdict;
  readonly destination: Signal;
  /** Of the site, for mail that comes by that exit. */
  readonly site: SiteSignal;
  /** For each outcome in order: whether another exit may do what this one could not. */
  readonly elsewhere: readonly boolean[];
  /** For each: whether the site refused the exit's address. */
  readonly blocked: readonly boolean[];
  /** Its provider asks not to be asked for so long, ms. Absent: it does not. */
  readonly restMs?: number;
  /** Why the exit failed, or the site refused it, for operators. */
  readonly cause: string;
};

/**
 * Straight to MX a host that cannot be reached is the destination's trouble; through a server or provider of one's own
 * it is the exit's.
 */
export function verdictOn(result: AttemptResult, type: EgressPolicy['type']): Verdict {
  const { outcomes } = result;
  const blocked = outcomes.map((outcome) => isBlocked(outcome, type));
  const elsewhere = outcomes.map((outcome, place) => blocked[place] === true || mayGoElsewhere(outcome, type));
  const site = siteSignal(outcomes, blocked);
  const of = { site, elsewhere, blocked };
  const fault = outcomes.find(
    (outcome, place) =>
      outcome.kind === 'deferred' && elsewhere[place] === true && blocked[place] === false && !isUnfit(outcome),
  );
  if (fault?.kind === 'deferred') {
    // A refused sign-in or certificate is a verdict; a connection that broke may be the only one.
    if (fault.restMs !== undefined)
      return { exit: 'none', destination: 'none', ...of, restMs: fault.restMs, cause: fault.reply.text };
    const exit = fault.scope === 'egress' && fault.reply.detail?.startsWith('7.') === true ? 'failed' : 'shaky';
    return { exit, destination: 'none', ...of, cause: fault.reply.text };
  }
  const doubt = outcomes.find((outcome) => outcome.kind === 'in-doubt');
  if (doubt !== undefined && type !== 'mx') {
    return { exit: 'shaky', destination: 'none', ...of, cause: doubt.reply.text };
  }
  const destination = destinationSignal(outcomes);
  // A destination that cannot be reached says nothing of the exit: its own line may be down, or theirs.
  const exit = destination === 'unreachable' || elsewhere.includes(true) ? 'none' : 'worked';
  const block = outcomes[blocked.indexOf(true)];
  return { exit, destination, ...of, cause: block?.reply.text ?? '' };
}

/** Whether all mail by such an exit goes by one server or provider, whatever its destination: another may do what it does not. */
export function isUpstream(type: EgressPolicy['type']): boolean {
  return type !== 'mx' && type !== 'sandbox';
}

/** Whether it is an account with a provider. */
export function isProvider(type: EgressPolicy['type']): boolean {
  return isUpstream(type) && type !== 'smtp';
}

/** Whether the message would lose something by that exit, of which nothing can be said for it. */
export function isUnfit(outcome: Outcome): boolean {
  return outcome.kind === 'deferred' && outcome.unfit === true;
}

function mayGoElsewhere(outcome: Outcome, type: EgressPolicy['type']): boolean {
  if (outcome.kind === 'bounced') return outcome.scope === 'egress';
  if (outcome.kind !== 'deferred') return false;
  return outcome.scope === 'egress' || (outcome.scope === 'host' && type !== 'mx');
}

/** By an own server a 4yz that is about the exit may be that server's own word. */
function isBlocked(outcome: Outcome, type: EgressPolicy['type']): boolean {
  if (outcome.own === true || (outcome.kind !== 'bounced' && outcome.kind !== 'deferred')) return false;
  if (outcome.scope !== 'egress' || (type !== 'mx' && outcome.kind === 'deferred')) return false;
  return isBlock(refusalOf(outcome.reply));
}

function destinationSignal(outcomes: readonly Outcome[]): Signal {
  const signals = outcomes.map(signalOf);
  // One recipient that got through proves the destination alive.
  for (const signal of ['success', 'unreachable', 'refused', 'alive'] as const)
    if (signals.includes(signal)) return signal;
  return 'none';
}

function siteSignal(outcomes: readonly Outcome[], blocked: readonly boolean[]): SiteSignal {
  // One refusal of our pace counts, whoever else got through.
  if (outcomes.some((outcome) => asksForLess(outcome))) return 'slower';
  if (outcomes.some(({ kind }) => kind === 'delivered')) return 'success';
  if (blocked.includes(true)) return 'blocked';
  return outcomes.some((outcome) => outcome.kind === 'bounced' && outcome.own !== true) ? 'success' : 'none';
}

/** A server that hangs up (RFC 5321 §3.8), or says that it is too much: of mail that went straight to it. */
function asksForLess(outcome: Outcome): boolean {
  if (outcome.kind !== 'deferred' || outcome.own === true) return false;
  const refusal = refusalOf(outcome.reply);
  if (refusal === 'rate-limited') return true;
  return outcome.reply.code === 421 && outcome.scope !== 'egress' && refusal === 'other';
}

/** Whether a refusal is about how much and how fast we send, so that the mail itself loses nothing by waiting. */
export function isRateLimited(outcome: Outcome): boolean {
  return outcome.kind === 'deferred' && outcome.own !== true && refusalOf(outcome.reply) === 'rate-limited';
}

/** What is about this mailbox or this pair of addresses only, or has a signal of its own. */
const NOT_OF_THE_DOMAIN: ReadonlySet<Refusal> = new Set([
  'greylisted',
  'rate-limited',
  'reputation',
  'listed',
  'mailbox-full',
]);

/** A 4yz to a recipient that is about more than the mailbox (RFC 3463 §3): the system, the network, policy. */
function isAboutTheDomain(reply: Reply): boolean {
  return reply.detail !== null && /^[347]\./.test(reply.detail);
}

function signalOf(outcome: Outcome): Signal {
  switch (outcome.kind) {
    case 'delivered':
      return 'success';
    case 'bounced':
      if (outcome.scope === 'egress') return outcome.own === true ? 'none' : 'alive';
      return outcome.scope === 'recipient' || outcome.scope === 'message' ? 'success' : 'none';
    case 'in-doubt':
      return 'unreachable';
    case 'deferred': {
      if (isUnfit(outcome)) return 'none';
      if (outcome.own !== true && NOT_OF_THE_DOMAIN.has(refusalOf(outcome.reply)))
        return outcome.scope === 'recipient' ? 'none' : 'alive';
      if (outcome.scope === 'host') return 'unreachable';
      return outcome.scope === 'message' || isAboutTheDomain(outcome.reply) ? 'refused' : 'none';
    }
    default:
      return assertNever(outcome);
  }
}
