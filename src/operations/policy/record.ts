/** Keeps each policy text that comes into force, whoever wrote it. */
import type { PolicyHolder } from '../../policy/holder.ts';
import type { Clock, Emit } from '../../ports.ts';
import type { PolicyVersions } from './versions.ts';

export type PolicyRecordNeeds = {
  readonly holder: Pick<PolicyHolder, 'text' | 'state' | 'subscribe'>;
  readonly versions: PolicyVersions;
  readonly clock: Clock;
  readonly emit: Emit;
};

export type PolicyRecord = AsyncDisposable & {
  /** Resolves once what is in force now is kept, or could not be. */
  kept(): Promise<void>;
};

/** From now on, the text that is in force already among them. Nothing of it keeps a policy from coming into force. */
export function recordPolicies({ holder, versions, clock, emit }: PolicyRecordNeeds): PolicyRecord {
  let last: Promise<void> = Promise.resolve();
  const keep = (): void => {
    // As it is at this moment: the next may be there before it is written.
    const [text, { version, appliedAtMs: atMs }] = [holder.text(), holder.state()];
    last = last.then(async () => {
      try {
        await versions.record({ text, version, atMs });
      } catch (error) {
        const cause = error instanceof Error ? error.message : String(error);
        emit({ event: 'failed', atMs: clock.nowMs(), where: 'policy versions', cause });
      }
    });
  };
  const unsubscribe = holder.subscribe(keep);
  keep();
  return {
    kept: () => last,
    [Symbol.asyncDispose]: async () => {
      unsubscribe();
      await last;
    },
  };
}
