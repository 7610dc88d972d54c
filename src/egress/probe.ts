/** Whether an exit could send now: it does what an attempt does before its first message, and ends in order. */
import { assertNever } from '../message/outcome.ts';
import { plainText } from '../message/plain-text.ts';
import type { EgressPolicy } from '../policy/schema.ts';
import {
  type ProbeNeeds,
  type ProbeRun,
  type ProbeStage,
  type ProbeStep,
  type ProbeTrouble,
  unlessAborted,
} from './probe-run.ts';
import { probeMailgun } from './mailgun/mailgun-probe.ts';
import { sandboxTrouble } from './sandbox.ts';
import { probeSendGrid } from './sendgrid/sendgrid-probe.ts';
import { probeSes } from './ses/ses-probe.ts';
import { probeServer, serverOf } from './smtp/probe-server.ts';

/** `failed`: nothing could be sent now. `cause`: for operators, in one line. `steps`: what went well before. */
export type ProbeResult = { readonly steps: readonly ProbeStep[]; readonly tookMs: number } & (
  | { readonly kind: 'ok' }
  | { readonly kind: 'failed'; readonly stage: ProbeStage; readonly cause: string }
);

/**
 * `smtp`: connect, TLS, EHLO, AUTH as an attempt would, then QUIT. `mx`: whether this machine can send from its address.
 * `sandbox`: whether its folder can be written. Providers: whether they know the keys and would take mail. Nothing is asked of an exit where there is nothing to ask. Never rejects.
 * @param signal ends it: `failed`
 */
export async function probe(egress: EgressPolicy, needs: ProbeNeeds, signal: AbortSignal): Promise<ProbeResult> {
  const { clock, timeoutMs } = needs;
  const startedMs = clock.monotonicMs();
  const steps: ProbeStep[] = [];
  const late = new AbortController();
  const cancel = clock.after(timeoutMs, () => late.abort(new Error('too late')));
  const run: ProbeRun = { ...needs, steps, signal: AbortSignal.any([signal, late.signal]) };
  const failure = await probed(egress, run);
  cancel();
  const tookMs = Math.round(clock.monotonicMs() - startedMs);
  if (failure === null) return { kind: 'ok', steps, tookMs };
  const isLate = late.signal.aborted && !signal.aborted;
  const cause = isLate ? `no end within ${timeoutMs / 1000} s (${failure.stage})` : plainText(failure.cause, 300);
  return { kind: 'failed', stage: failure.stage, cause, steps, tookMs };
}

async function probed(egress: EgressPolicy, run: ProbeRun): Promise<ProbeTrouble | null> {
  switch (egress.type) {
    case 'mx':
      return bound(egress.bind, run);
    case 'smtp':
      return (await bound(egress.bind, run)) ?? probeServer(serverOf(egress, run.hostname), run);
    case 'sandbox': {
      const looked = sandboxTrouble(egress.path).then((cause) => ({ cause }));
      const { cause } = (await unlessAborted(looked, run.signal)) ?? { cause: 'stopped' };
      if (cause !== null) return { stage: 'folder', cause };
      run.steps.push({ stage: 'folder', found: egress.path });
      return null;
    }
    case 'sendgrid':
      return probeSendGrid(egress, run);
    case 'mailgun':
      return probeMailgun(egress, run);
    case 'ses':
      return probeSes(egress, run);
    default:
      return assertNever(egress);
  }
}

async function bound(address: string | null, { canSendFrom, steps, signal }: ProbeRun): Promise<ProbeTrouble | null> {
  if (address === null) return null;
  const can = await unlessAborted(canSendFrom(address), signal);
  if (can === null) return { stage: 'bind', cause: 'stopped' };
  if (!can) return { stage: 'bind', cause: `this machine does not have ${address}` };
  steps.push({ stage: 'bind', found: address });
  return null;
}
