import type { Clock } from '../ports.ts';

export type RepeatedTerms = {
  readonly clock: Clock;
  /** Between the end of one look and the next. */
  readonly everyMs: number;
  /** Before the first look; 0: it begins at once, before this returns. Default: `everyMs` */
  readonly firstMs?: number;
};

/** Looks again and again until it is disposed of, which waits for the look under way. A look must not reject: it would be the last. */
export function repeated(
  look: (signal: AbortSignal) => Promise<void> | void,
  { clock, everyMs, firstMs = everyMs }: RepeatedTerms,
): AsyncDisposable {
  const ending = new AbortController();
  const { signal } = ending;
  const run = async (): Promise<void> => {
    for (let waitMs = firstMs; ; waitMs = everyMs) {
      if (waitMs > 0) await clock.sleep(waitMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      await look(signal);
    }
  };
  const running = run();
  return {
    [Symbol.asyncDispose]: () => {
      ending.abort(new Error('the relay ends'));
      return running;
    },
  };
}
