/** What is left in doubt after a turn. Pure. */
import { ANY_EXIT } from '../message/delivery.ts';
import type { Told, TurnOutcome } from './settlement.ts';

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

/** Where its time ends before it could be asked about, it is not: where no copy may be made it is held at once. */
export function askedInTime(told: Told, expiresInMs: number): Told {
  if (told.doubt !== 'asks' || expiresInMs > ASK_AFTER_MS) return told;
  const { doubt: _, ...rest } = told;
  return rest;
}
