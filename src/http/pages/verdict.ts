/** Whether mail flows, in one word for whoever just got up, and what it is taken from. Pure. */

export type VerdictFigures = {
  /** Why no mail can be taken. */
  readonly notReady: readonly string[];
  /** Those that the policy has in use, and what keeps each from sending. */
  readonly exits: readonly { readonly egress: string; readonly closures: readonly { readonly gate: string }[] }[];
  readonly oldestAgeMs: number | null;
  readonly held: number;
  readonly alerts: number;
};

/**
 * `refusing`: none is taken. `stuck`: none goes out. `slow`: some waits for longer than it should. `partly`: it flows, by fewer exits
 * than there are, or with something to look at. `flows`: all is well.
 */
export type Verdict = 'refusing' | 'stuck' | 'slow' | 'partly' | 'flows';

/** A first retry is over by then. */
const LONG_MS = 3_600_000;
/** These begin anew by the clock: the exit does what it should. */
const BY_PLAN: ReadonlySet<string> = new Set(['limited', 'budget', 'elsewhere', 'paused']);

export function verdictOf({ notReady, exits, oldestAgeMs, held, alerts }: VerdictFigures): Verdict {
  if (notReady.length > 0) return 'refusing';
  if (exits.length > 0 && exits.every(({ closures }) => closures.length > 0)) return 'stuck';
  if (oldestAgeMs !== null && oldestAgeMs > LONG_MS && held === 0) return 'slow';
  const isAmiss = exits.some(({ closures }) => closures.some(({ gate }) => !BY_PLAN.has(gate)));
  return isAmiss || alerts > 0 ? 'partly' : 'flows';
}

/** How it looks. */
export function toneOf(verdict: Verdict): 'good' | 'warn' | 'bad' {
  if (verdict === 'flows') return 'good';
  return verdict === 'refusing' || verdict === 'stuck' ? 'bad' : 'warn';
}
