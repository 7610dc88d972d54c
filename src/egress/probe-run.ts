/** What the stages of a probe share. */
import type { Ports } from '../ports.ts';

/** In their order. `tls` stands before `greeting` where it is implicit. */
export type ProbeStage =
  | 'folder'
  | 'bind'
  | 'resolve'
  | 'connect'
  | 'greeting'
  | 'ehlo'
  | 'tls'
  | 'auth'
  | 'account'
  | 'domain';

/** A stage that went well, and what it found: `connect`, `192.0.2.1:587`. */
export type ProbeStep = {
  readonly stage: ProbeStage;
  readonly found: string;
  /** It works in spite of this, which asks for somebody. Absent: all is well. */ readonly isTrouble?: true;
};

export type ProbeNeeds = Pick<Ports, 'clock' | 'dns' | 'dial'> & {
  readonly hostname: string;
  /** For all of it. */
  readonly timeoutMs: number;
  readonly canSendFrom: (address: string) => Promise<boolean>;
};

/** A probe under way. */
export type ProbeRun = ProbeNeeds & { readonly steps: ProbeStep[]; readonly signal: AbortSignal };
/** At which stage it ended, and why. */
export type ProbeTrouble = { readonly stage: ProbeStage; readonly cause: string };

/** null: it was ended before. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | null> {
  if (signal.aborted) return null;
  const ended = Promise.withResolvers<null>();
  const end = (): void => ended.resolve(null);
  signal.addEventListener('abort', end, { once: true });
  const result = await Promise.race([work, ended.promise]);
  signal.removeEventListener('abort', end);
  return result;
}
