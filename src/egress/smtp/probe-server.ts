/** Whether a server of one's own, or a provider's, would take mail now. */
import { formatReply } from '../../message/reply.ts';
import type { SmtpEgressPolicy } from '../../policy/schema.ts';
import { classify } from '../classify.ts';
import { type ProbeRun, type ProbeStage, type ProbeStep, type ProbeTrouble, unlessAborted } from '../probe-run.ts';
import { Connector, type Connection, type ConnectorOptions } from './connector.ts';
import { openingOf, upstreamHops } from './smtp-egress.ts';

export type ProbedServer = {
  readonly host: string;
  readonly opening: Omit<ConnectorOptions, 'clock' | 'dial' | 'dead'>;
};

export function serverOf(egress: SmtpEgressPolicy, hostname: string): ProbedServer {
  return { host: egress.host, opening: openingOf(egress, () => hostname) };
}

/** Does what an attempt does before its first message. What went well is in `run.steps`. @returns what did not; null: nothing */
export async function probeServer(server: ProbedServer, run: ProbeRun): Promise<ProbeTrouble | null> {
  const { clock, dial, dns, timeoutMs, signal, steps } = run;
  const hop = await unlessAborted(upstreamHops(server.host, dns).next(), signal);
  if (hop === null) return { stage: 'resolve', cause: 'stopped' };
  if (hop.done === true) return { stage: 'resolve', cause: hop.value?.reply.text ?? 'no address' };
  steps.push({ stage: 'resolve', found: hop.value.addresses.join(' ') });
  const { connectMs, replyMs, dataMs } = server.opening.timeouts;
  const timeouts = { connectMs: Math.min(connectMs, timeoutMs), replyMs: Math.min(replyMs, timeoutMs), dataMs };
  const opening = { ...server.opening, timeouts };
  const connection = await new Connector({ ...opening, clock, dial, dead: null }).open(hop.value, signal);
  steps.push(...stepsOf(server, connection));
  if (connection.kind === 'open') {
    // Nobody waits long for the answer to a goodbye.
    await connection.session.wire.quit(QUIT_MS);
    return null;
  }
  const { stage, happening, address } = connection;
  const who = address === null || address === server.host ? server.host : `${server.host}[${address}]`;
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
function stepsOf({ opening: { tls, port, credentials } }: ProbedServer, connection: Connection): readonly ProbeStep[] {
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
    auth: credentials === null ? null : `as ${credentials.username}`,
  };
  return order.flatMap((stage) => {
    const what = found[stage] ?? null;
    return what === null ? [] : [{ stage, found: what }];
  });
}
