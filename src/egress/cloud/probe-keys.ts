/** Whether a provider would take mail now, key by key: in order where one of them may send. */
import type { ProbeRun, ProbeStage, ProbeTrouble } from '../probe-run.ts';
import type { CloudKey } from './provider.ts';

/** `isOfKey` false: the others would fare alike. */
export type KeyProbe =
  | { readonly kind: 'well'; readonly found: readonly { readonly stage: ProbeStage; readonly found: string }[] }
  | { readonly kind: 'ill'; readonly stage: ProbeStage; readonly cause: string; readonly isOfKey: boolean };

/** What refused keys were told is among the steps. */
export async function probeKeys(
  keys: readonly CloudKey[],
  { steps }: Pick<ProbeRun, 'steps'>,
  ask: (key: CloudKey) => Promise<KeyProbe>,
): Promise<ProbeTrouble | null> {
  let trouble: ProbeTrouble = { stage: 'auth', cause: 'the exit has no key' };
  let isSound = false;
  const seen = new Set<string>();
  for (const key of keys) {
    const probe = await ask(key);
    if (probe.kind === 'ill') {
      trouble = { stage: probe.stage, cause: probe.isOfKey ? `${key.shown}: ${probe.cause}` : probe.cause };
      if (!probe.isOfKey) return trouble;
      steps.push({ stage: 'auth', found: `${key.shown} IS REFUSED: ${probe.cause}`, isTrouble: true });
      continue;
    }
    isSound = true;
    steps.push({ stage: 'auth', found: `${key.shown} is taken` });
    // Of one account, as a rule: told once.
    for (const step of probe.found) {
      if (!seen.has(step.found)) steps.push(step);
      seen.add(step.found);
    }
  }
  return isSound ? null : trouble;
}
