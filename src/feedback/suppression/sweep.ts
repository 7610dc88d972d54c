import type { Clock, Emit } from '../../ports.ts';
import type { Suppressions } from '../../spool/suppressions.ts';

const EVERY_MS = 600_000;
/** Calls of one sweep: the rest is for the next. */
const MOST_CALLS = 100;

/** Forgets entries that ended, now and then. What ended holds for nobody, whether it is forgotten or not. */
export function startSweep(needs: {
  readonly suppressions: Pick<Suppressions, 'sweepSuppressions'>;
  readonly clock: Clock;
  readonly emit: Emit;
}): AsyncDisposable {
  const { suppressions, clock, emit } = needs;
  let isEnded = false;
  let sweeping: Promise<void> = Promise.resolve();
  const sweep = async (): Promise<void> => {
    try {
      for (let call = 0; call < MOST_CALLS && !isEnded; call++)
        if ((await suppressions.sweepSuppressions(clock.nowMs())) === 0) return;
    } catch (cause) {
      emit({ event: 'failed', atMs: clock.nowMs(), where: 'suppressions', cause: String(cause) });
    }
  };
  const again = (): (() => void) =>
    clock.after(EVERY_MS, () => {
      sweeping = sweep().then(() => {
        if (!isEnded) cancel = again();
      });
    });
  let cancel = again();
  return {
    [Symbol.asyncDispose]: async () => {
      isEnded = true;
      cancel();
      await sweeping;
    },
  };
}
