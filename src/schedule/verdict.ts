/** What the outcomes of one attempt say of the exit, of the destination and of other exits. Pure. */
import type { AttemptResult } from '../egress/egress.ts';
import { assertNever, type Outcome } from '../message/outcome.ts';
import type { Reply } from '../message/reply.ts';
import type { EgressPolicy } from '../policy/schema.ts';
import type { ExitVerdict } from './exits.ts';
import type { Signal } from './feedback.ts';
import { looksGreylisted } from './retry.ts';

export type Verdict = {
  readonly exit: ExitVerdict;
  readonly destination: Signal;
  /** For each outcome in order: whether another exit should be tried at once. */
  readonly elsewhere: readonly boolean[];
  /** Why the exit failed, for operators. */
  readonly cause: string;
};

/**
 * Straight to MX a host that cannot be reached is the destination's trouble; through a server or provider of one's own
 * it is the exit's.
 */
export function verdictOn(result: AttemptResult, type: EgressPolicy['type']): Verdict {
  const elsewhere = result.outcomes.map((outcome) => mayGoElsewhere(outcome, type));
  const fault = result.outcomes.find((outcome) => outcome.kind === 'deferred' && mayGoElsewhere(outcome, type));
  if (fault?.kind === 'deferred') {
    // A refused sign-in or certificate is a verdict; a connection that broke may be the only one.
    const exit = fault.scope === 'egress' && fault.reply.detail?.startsWith('7.') === true ? 'failed' : 'shaky';
    return { exit, destination: 'none', elsewhere, cause: fault.reply.text };
  }
  const doubt = result.outcomes.find((outcome) => outcome.kind === 'in-doubt');
  if (doubt !== undefined && type !== 'mx') {
    return { exit: 'shaky', destination: 'none', elsewhere, cause: doubt.reply.text };
  }
  const destination = destinationSignal(result.outcomes);
  // A destination that cannot be reached says nothing of the exit: its own line may be down, or theirs.
  const exit = destination === 'unreachable' || elsewhere.includes(true) ? 'none' : 'worked';
  return { exit, destination, elsewhere, cause: '' };
}

function mayGoElsewhere(outcome: Outcome, type: EgressPolicy['type']): boolean {
  if (outcome.kind === 'bounced') return outcome.scope === 'egress';
  if (outcome.kind !== 'deferred') return false;
  return outcome.scope === 'egress' || (outcome.scope === 'host' && type !== 'mx');
}

function destinationSignal(outcomes: readonly Outcome[]): Signal {
  const signals = outcomes.map(signalOf);
  // One recipient that got through proves the destination alive.
  for (const signal of ['success', 'unreachable', 'refused'] as const) if (signals.includes(signal)) return signal;
  return 'none';
}

/** A 4yz to a recipient that is about more than the mailbox (RFC 3463 §3): the system, the network, policy; not greylisting. */
function isAboutTheSite(reply: Reply): boolean {
  return reply.detail !== null && /^[347]\./.test(reply.detail) && !looksGreylisted(reply);
}

function signalOf(outcome: Outcome): Signal {
  switch (outcome.kind) {
    case 'delivered':
      return 'success';
    case 'bounced':
      return outcome.scope === 'recipient' || outcome.scope === 'message' ? 'success' : 'none';
    case 'in-doubt':
      return 'unreachable';
    case 'deferred':
      if (outcome.scope === 'host') return 'unreachable';
      return outcome.scope === 'message' || isAboutTheSite(outcome.reply) ? 'refused' : 'none';
    default:
      return assertNever(outcome);
  }
}
