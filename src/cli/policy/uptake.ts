/** Whether the running relay takes up an edit of its policy file. */
import { setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { connectControl } from '../../control/client.ts';
import type { Operations, RelayStatus } from '../../operations/operations.ts';
import type { UptakeWatch } from '../../operations/policy/uptake.ts';

const LOOK_MS = 100;
/** An edit is in force within a second, and with many workers on a busy machine in a few. */
const MOST_LOOKS = 80;

/** To be called before the edit: it remembers what was in force. */
export async function watchUptake(dataFolder: string): Promise<UptakeWatch> {
  const connection = await connectControl(dataFolder);
  if (connection.kind === 'none') return { result: async () => ({ kind: 'not-running' }) };
  if (connection.kind === 'failed') return { result: async () => ({ kind: 'unknown', why: connection.cause }) };
  const { operations } = connection;
  const before = await statusOf(operations);
  return {
    result: async (version, isSame = false) => {
      if (isSame && isRefused(before)) return { kind: 'refused', problems: problemsOf(before) };
      if (isSame && before !== null && version === null) return { kind: 'in-force' };
      let now = before;
      for (let look = 0; look < MOST_LOOKS; look++) {
        now = await statusOf(operations);
        if (isTaken(now, { before, version })) return { kind: 'in-force' };
        if (isRefused(now) && !isDeepStrictEqual(problemsOf(now), problemsOf(before))) break;
        // Unlike a sleep of the clock it keeps the process alive.
        await setTimeout(LOOK_MS);
      }
      // The same problems as before are no news, until it has had its time.
      if (isRefused(now)) return { kind: 'refused', problems: problemsOf(now) };
      return { kind: 'unknown', why: 'it has not said so within some seconds: see its log' };
    },
  };
}

function isTaken(
  now: RelayStatus | null,
  { before, version }: { readonly before: RelayStatus | null; readonly version: string | null },
): boolean {
  if (now === null || isRefused(now)) return false;
  return version === null ? now.policyVersion !== before?.policyVersion : now.policyVersion === version;
}

function isRefused(status: RelayStatus | null): boolean {
  return problemsOf(status).length > 0;
}

function problemsOf(status: RelayStatus | null): readonly string[] {
  return status?.policyProblems ?? [];
}

/** null: it cannot say just now. */
function statusOf(operations: Operations): Promise<RelayStatus | null> {
  return operations.status().catch(() => null);
}
