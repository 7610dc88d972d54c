/** What a relay does for its exits once, however many workers it has: checks them, and tells of routes without any. */
import { watchBudgets } from '../exits/budget-watch.ts';
import { openExitChecks } from '../exits/checks.ts';
import { watchRoutes } from '../exits/route-alerts.ts';
import { SilentExits } from '../exits/silent-exits.ts';
import type { ExitStandings } from '../exits/standings.ts';
import type { Foundation } from '../foundation/foundation.ts';
import { canSendFrom } from '../system.ts';

export type ExitWatch = {
  /** This relay's name among those that share the spool. */
  readonly node: string;
  readonly standings: Pick<ExitStandings, 'standingOf'>;
};

/** Goes on until `stack` is disposed of. */
export function watchExits(foundation: Foundation, { node, standings }: ExitWatch, stack: AsyncDisposableStack): void {
  const { ports, policy, emit, spool, hooks } = foundation;
  const hold = spool.hold.bind(spool);
  const isShared = spool.nodes !== undefined;
  const checks = openExitChecks({ ...ports, policy, emit, marks: spool.marks, hold, node, isShared, canSendFrom });
  const silent = new SilentExits({ policy, clock: ports.clock, emit });
  const { heard } = hooks;
  hooks.heard = (event) => {
    heard(event);
    checks.heard(event);
    silent.heard(event);
  };
  stack.use(checks);
  stack.use(watchBudgets({ policy, ledger: spool.ledger, clock: ports.clock, emit }));
  stack.use(watchRoutes({ policy, standingOf: standings.standingOf, clock: ports.clock, emit }));
}
