/** What is left in doubt after a turn. Pure. */
import type { Egress } from '../../egress/egress.ts';
import { ANY_EXIT } from '../../message/delivery.ts';
import type { EgressPolicy } from '../../policy/schema.ts';
import type { Told, TurnOutcome } from '../settlement/settlement.ts';

/** Whose attempt is in doubt after the turn, whichever of them where there are several. */
export function doubtOf(left: readonly Told[], turn: TurnOutcome): { readonly doubtBy?: string } {
  const doubted = left.filter(({ outcome, doubt }) => outcome.kind === 'in-doubt' || doubt === 'stays');
  const exits = new Set(doubted.map(({ egress }) => egress));
  if (turn.doubtBy !== undefined) exits.add(turn.doubtBy);
  const [first, ...others] = exits;
  if (first === undefined) return {};
  return { doubtBy: others.length === 0 ? first : ANY_EXIT };
}

/** What a provider took it tells of only some time later: before that, that it names nobody says nothing. */
export const ASK_AFTER_MS = 300_000;

/** How it comes to be known before the next attempt what became of one in doubt. */
export function knownBy({ whether }: Pick<Egress, 'whether'>, policy: EgressPolicy | undefined): Pick<Told, 'doubt'> {
  if (whether !== undefined) return { doubt: 'asks' };
  const isTold = policy !== undefined && 'webhook' in policy && policy.webhook !== undefined;
  return isTold ? { doubt: 'hears' } : {};
}

/** Whether its provider is to have the time to tell. */
export function givesTime({ doubt }: Told): boolean {
  return doubt === 'asks' || doubt === 'hears';
}

/** Where its time ends before it could be known, it is not waited for: where no copy may be made it is held at once. */
export function askedInTime(told: Told, expiresInMs: number): Told {
  if (!givesTime(told) || expiresInMs > ASK_AFTER_MS) return told;
  const { doubt: _, ...rest } = told;
  return rest;
}
