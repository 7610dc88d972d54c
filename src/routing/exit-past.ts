/** What is known of an exit when a replay begins. */
import { FULL_STANDING, type Standing } from './standing.ts';

/** Days such as `2026-11-20`. */
export type PastDays = { readonly sent: readonly string[]; readonly regressed: readonly string[] };

/** What it took for money on a day, in millionths. */
export type SpentDay = { readonly day: string; readonly micros: number; readonly currency: string };

export type ExitPast = {
  readonly standing: Standing;
  /** On which it sent, and on which its warm-up went a step back. */
  readonly days: PastDays;
  /** The same by mailbox provider, where each has a warm-up of its own. */
  readonly providers: Readonly<Record<string, PastDays>>;
  /** Of this month, and the one before. Absent: nothing is known. */
  readonly spent?: readonly SpentDay[];
};

/** Of an exit that never was. */
export const NO_PAST: ExitPast = { standing: FULL_STANDING, days: { sent: [], regressed: [] }, providers: {} };

/** The same without the days from one on: those are replayed. */
export function pastBefore({ standing, days, providers, spent = [] }: ExitPast, day: string): ExitPast {
  const before = ({ sent, regressed }: PastDays): PastDays => ({
    sent: sent.filter((name) => name < day),
    // What went wrong on the days that are replayed went wrong under either policy.
    regressed,
  });
  const narrowed = Object.entries(providers).map(([name, of]) => [name, before(of)] as const);
  const spentBefore = spent.filter((one) => one.day < day);
  return { standing, days: before(days), providers: Object.fromEntries(narrowed), spent: spentBefore };
}
