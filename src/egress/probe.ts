/** Whether an exit could send now: it does what an attempt does before its first message, and ends in order. */
import { assertNever } from '../message/outcome.ts';
import { plainText } from '../message/plain-text.ts';
import { formatReply } from '../message/reply.ts';
import type { EgressPolicy, SmtpEgressPolicy } from '../policy/schema.ts';
import type { Ports } from '../ports.ts';
import { classify } from './classify.ts';
import { sandboxTrouble } from './sandbox.ts';
import { Connector, type Connection } from './smtp/connector.ts';
import { openingOf, upstreamHops } from './smtp/smtp-egress.ts';

/** In their order. `tls` stands before `greeting` where it is implicit. */
export type ProbeStage = 'folder' | 'bind' | 'resolve' | 'connect' | 'greeting' | 'ehlo' | 'tls' | 'auth';

/** A stage that went well, and what it found: `connect`, `192.0.2.1:587`. */
export type ProbeStep = { readonly stage: ProbeStage; readonly found: string };

/** `failed`: nothing could be sent now. `cause`: for operators, in one line. `steps`: what went well before. */
export type ProbeResult = { readonly steps: readonly ProbeStep[]; readonly tookMs: number } & (
  | { readonly kind: 'ok' }
  | { readonly kind: 'failed'; readonly stage: ProbeStage; readonly cause: string }
);

export type ProbeNeeds = Pick<Ports, 'clock' | 'dns' | 'dial'> & {
  readonly hostname: string;
  /** For all of it. */
  readonly timeoutMs: number;
  readonly canSendFrom: (address: string) => Promise<boolean>;
};

/**
 * `smtp`: connect, TLS, EHLO, AUTH as an attempt would, then QUIT. `mx`: whether this machine can send from its address.
 * `sandbox`: whether its folder can be written. Nothing is asked of an exit where there is nothing to ask. Never rejects.
 * @param signal ends it: `failed`
 */
export async function probe(egress: EgressPolicy, needs: ProbeNeeds, signal: AbortSignal): Promise<ProbeResult> {
  const { clock, timeoutMs } = needs;
  const startedMs = clock.monotonicMs();
  const steps: ProbeStep[] = [];
  const late = new AbortController();
  const cancel = clock.after(timeoutMs, () => late.abort(new Error('too late')));
  const run: Run = { ...needs, steps, signal: AbortSignal.any([signal, late.signal]) };
  const failure = await probed(egress, run);
  cancel();
  const tookMs = Math.round(clock.monotonicMs() - startedMs);
  if (failure === null) return { kind: 'ok', steps, tookMs };
  const isLate = late.signal.aborted && !signal.aborted;
  const cause = isLate ? `no end within ${timeoutMs / 1000} s (${failure.stage})` : plainText(failure.cause, 300);
  return { kind: 'failed', stage: failure.stage, cause, steps, tookMs };
}

type Run = ProbeNeeds & { readonly steps: ProbeStep[]; readonly signal: AbortSignal };
type Trouble = { readonly stage: ProbeStage; readonly cause: string };

async function probed(egress: EgressPolicy, run: Run): Promise<Trouble | null> {
  switch (egress.type) {
    case 'mx':
      return bound(egress.bind, run);
    case 'smtp':
      return (await bound(egress.bind, run)) ?? upstream(egress, run);
    case 'sandbox': {
      const looked = sandboxTrouble(egress.path).then((cause) => ({ cause }));
      const { cause } = (await unlessAborted(looked, run.signal)) ?? { cause: 'stopped' };
      if (cause !== null) return { stage: 'folder', cause };
      run.steps.push({ stage: 'folder', found: egress.path });
      return null;
    }
    case 'sendgrid':
    case 'mailgun':
    case 'ses':
      return null;
    default:
      return assertNever(egress);
  }
}

async function bound(address: string | null, { canSendFrom, steps, signal }: Run): Promise<Trouble | null> {
  if (address === null) return null;
  const can = await unlessAborted(canSendFrom(address), signal);
  if (can === null) return { stage: 'bind', cause: 'stopped' };
  if (!can) return { stage: 'bind', cause: `this machine does not have ${address}` };
  steps.push({ stage: 'bind', found: address });
  return null;
}

async function upstream(egress: SmtpEgressPolicy, run: Run): Promise<Trouble | null> {
  const { clock, dial, dns, hostname, timeoutMs, signal, steps } = run;
  const hop = await unlessAborted(upstreamHops(egress.host, dns).next(), signal);
  if (hop === null) return { stage: 'resolve', cause: 'stopped' };
  if (hop.done === true) return { stage: 'resolve', cause: hop.value?.reply.text ?? 'no address' };
  steps.push({ stage: 'resolve', found: hop.value.addresses.join(' ') });
  const { connectMs, replyMs, dataMs } = egress.timeouts;
  const timeouts = { connectMs: Math.min(connectMs, timeoutMs), replyMs: Math.min(replyMs, timeoutMs), dataMs };
  const opening = { ...openingOf(egress, () => hostname), timeouts };
  const connection = await new Connector({ ...opening, clock, dial, dead: null }).open(hop.value, signal);
  steps.push(...stepsOf(egress, connection));
  if (connection.kind === 'open') {
    // Nobody waits long for the answer to a goodbye.
    await connection.session.wire.quit(QUIT_MS);
    return null;
  }
  const { stage, happening, address } = connection;
  const who = address === null || address === egress.host ? egress.host : `${egress.host}[${address}]`;
  const { reply } = classify({ stage, happening, peer: 'upstream', who });
  const cause = happening.kind === 'reply' ? `${who} said: ${formatReply(reply)}` : reply.text;
  return { stage: isProbed(stage) ? stage : 'ehlo', cause };
}

const QUIT_MS = 1_000;
const CONVERSATION = ['connect', 'greeting', 'ehlo', 'tls', 'auth'] as const satisfies readonly ProbeStage[];

function isProbed(stage: string): stage is (typeof CONVERSATION)[number] {
  return CONVERSATION.some((one) => one === stage);
}

/** What went well of the conversation: all that comes before the stage at which it ended. */
function stepsOf({ tls, port, username }: SmtpEgressPolicy, connection: Connection): readonly ProbeStep[] {
  const order: readonly ProbeStage[] =
    tls === 'implicit' ? ['connect', 'tls', 'greeting', 'ehlo', 'auth'] : CONVERSATION;
  const { address } = connection;
  const at = address === null ? '' : `${address}:${port}`;
  if (connection.kind === 'failed') {
    const end = order.indexOf(isProbed(connection.stage) ? connection.stage : 'connect');
    return order.slice(0, end).map((stage) => ({ stage, found: stage === 'connect' ? at : '' }));
  }
  const { session } = connection;
  const found: Partial<Record<ProbeStage, string | null>> = {
    connect: session.source === null ? at : `${at} from ${session.source}`,
    greeting: '',
    ehlo: '',
    tls: session.tls,
    auth: username === null ? null : `as ${username}`,
  };
  return order.flatMap((stage) => {
    const what = found[stage] ?? null;
    return what === null ? [] : [{ stage, found: what }];
  });
}

/** null: it was ended before. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | null> {
  if (signal.aborted) return null;
  const ended = Promise.withResolvers<null>();
  const end = (): void => ended.resolve(null);
  signal.addEventListener('abort', end, { once: true });
  const result = await Promise.race([work, ended.promise]);
  signal.removeEventListener('abort', end);
  return result;
}
