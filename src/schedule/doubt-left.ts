/** What is left in doubt after a turn. Pure. */
import type { Told, TurnOutcome } from './settlement.ts';

/** Whose attempt is in doubt after the turn. */
export function doubtOf(left: readonly Told[], turn: TurnOutcome): { readonly doubtBy?: string } {
  const doubted = left.find(({ outcome, doubt }) => outcome.kind === 'in-doubt' || doubt === 'stays');
  const doubtBy = doubted?.egress ?? turn.doubtBy;
  return doubtBy === undefined ? {} : { doubtBy };
}

/** What a provider took it may tell of only later: where no copy may be made, it is given time. */
export const ASK_AFTER_MS = 300_000;

/** Where its time ends before it could be asked about, it is not: where no copy may be made it is held at once. */
export function askedInTime(told: Told, expiresInMs: number): Told {
  if (told.doubt !== 'asks' || expiresInMs > ASK_AFTER_MS) return told;
  const { doubt: _, ...rest } = told;
  return rest;
}
