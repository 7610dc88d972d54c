/** What a relay does about suppressed addresses once, however many workers it has: it learns them, and forgets what ended. */
import { Pupil } from '../feedback/suppression/pupil.ts';
import { type Suppressing, openSuppression } from '../feedback/suppression/suppression.ts';
import { startSweep } from '../feedback/suppression/sweep.ts';
import type { Foundation } from '../foundation/foundation.ts';

/** Goes on until `stack` is disposed of. After whoever else hears of events. */
export async function watchSuppressions(
  { policy, spool, ports: { clock }, emit, hooks }: Foundation,
  stack: AsyncDisposableStack,
): Promise<Suppressing> {
  const suppression = stack.use(await openSuppression({ policy, spool, clock, emit }));
  const { learn, sieve } = suppression;
  const pupil = stack.use(new Pupil({ learn, sieve, clock, emit }));
  const { heard } = hooks;
  hooks.heard = (event) => {
    heard(event);
    pupil.heard(event);
  };
  stack.use(startSweep({ suppressions: spool.suppressions, clock, emit }));
  return suppression;
}
