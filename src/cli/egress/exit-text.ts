/** The state of an exit in words. */
import type { ExitClosure } from '../../operations/exits/exit-status.ts';
import { formatDue } from '../output.ts';

type State = {
  readonly closures: readonly ExitClosure[];
  /** Part of its limits that it may use, above 0 and at most 1. */
  readonly pace: number;
  readonly isRunning: boolean;
};

/** What closes it, `slowed to 25 %`, `open` or `not running`. */
export function stateText({ closures, pace, isRunning }: State): string {
  if (closures.length > 0) return [...new Set(closures.map(({ gate }) => gate))].join(', ');
  if (pace < 1) return `slowed to ${Math.round(100 * pace)} %`;
  return isRunning ? 'open' : 'not running';
}

/** A line for each thing that closes it; none for what the table says whole. */
export function closureLines(egress: string, closures: readonly ExitClosure[], nowMs: number): string[] {
  return closures.flatMap(({ gate, cause, untilMs }) => {
    if (gate === 'disabled') return [];
    // A limit begins anew by the clock; of anything else that time is only when it is looked at again.
    const then = gate === 'limited' || gate === 'budget' ? ', opens' : ', looked at again';
    return [`${egress}: ${gate}: ${cause}${untilMs === null ? '' : `${then} ${formatDue(untilMs - nowMs)}`}\n`];
  });
}
