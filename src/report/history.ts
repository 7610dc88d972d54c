import type { Policy } from '../policy/schema.ts';
import type { Clock, Emit } from '../ports.ts';
import type { Spool } from '../spool/spool.ts';

/** Between two rounds, and between two steps of one round: pruning must never be felt by mail. */
const ROUND_MS = 10 * 60_000;
const STEP_MS = 100;

/**
 * Forgets finished messages once they are older than the policy's `history`, in bounded steps with pauses. A failing
 * store ends the round; the next one tries again. Disposing waits for the step under way.
 */
export function startHistory(needs: {
  readonly clock: Clock;
  readonly spool: Pick<Spool, 'prune'>;
  readonly policy: () => Policy;
  readonly emit: Emit;
}): AsyncDisposable {
  const { clock, spool, policy, emit } = needs;
  const stop = new AbortController();

  const round = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const forgotten = await spool.prune(clock.nowMs() - policy().historyMs);
      if (forgotten === 0) return;
      await clock.sleep(STEP_MS, stop.signal);
    }
  };

  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        await clock.sleep(ROUND_MS, stop.signal);
        await round();
      } catch (cause) {
        if (stop.signal.aborted) return;
        emit({ event: 'failed', atMs: clock.nowMs(), where: 'history', cause: String(cause) });
      }
    }
  };

  const running = run();
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await running;
    },
  };
}
