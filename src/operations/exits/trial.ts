/** One message of its own by the exits of a policy, from this process, to see where it comes out: without a running relay, and not in its queue. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { domainOf } from '../../message/address.ts';
import type { AttemptRecord, MessageEvent } from '../../message/event.ts';
import type { MessageId } from '../../message/ids.ts';
import { FINAL_STATES, type FinalState } from '../../message/outcome.ts';
import { formatReply, type Reply } from '../../message/reply.ts';
import { openMailPath } from '../../mail-path.ts';
import { exitsOf, matchRoute } from '../../policy/match.ts';
import { egress as egressSchema } from '../../policy/schema/exits.ts';
import type { EgressPolicy, Policy } from '../../policy/schema.ts';
import { WHOLE } from '../../policy/share.ts';
import type { Clock, Ports } from '../../ports.ts';
import { type EmbeddedSpool, openEmbeddedSpool } from '../../spool/embedded/spool.ts';
import { canSendFrom, localAddresses } from '../../system.ts';
import { clientFor } from '../live-relay.ts';

export type TrialAsk = {
  readonly policy: Policy;
  readonly sender: string;
  readonly recipient: string;
  /** By this one; null: by the route that the message has. */
  readonly egress: string | null;
  /** The exit, or the first of its route, is made unreachable for this message. */
  readonly failover: boolean;
};

export type Trial = {
  readonly route: string;
  /** The exit that was made unreachable; null: none was. */
  readonly broken: string | null;
  readonly attempts: readonly AttemptRecord[];
  /** null: its story had not ended in time. */
  readonly state: FinalState | null;
  readonly reply: Reply | null;
};

/** `refused`: it could not be sent at all; for operators. */
export type TrialResult =
  | { readonly kind: 'tried'; readonly trial: Trial }
  | { readonly kind: 'refused'; readonly why: string };

/** For a message that no exit takes at once there will be another try in some minutes: nobody waits for that. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 50;

/** Never touches the spool, the limits and the figures of a relay that runs. */
export async function tryMessage(ask: TrialAsk, ports: Ports): Promise<TrialResult> {
  const client = clientFor(ask.policy, ask.sender);
  if (client === null) return { kind: 'refused', why: `no client of the policy may send as ${ask.sender}: say --from` };
  const planned = await plan(ask, client);
  if (planned.kind === 'refused') return planned;
  const { policy, route, broken } = planned;
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'relevo-trial-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const spool = stack.use(await openEmbeddedSpool({ path: folder, durability: 'relaxed', clock: ports.clock }));
  const needs = { policy: () => policy, spool, ports, emit: () => {}, localAddresses, canSendFrom, share: WHOLE };
  const path = stack.use(await openMailPath(needs));
  const { sender, recipient } = ask;
  const content = messageOf(ask);
  const recipients = [recipient];
  const taken = await path.submit({ client, sender, recipients, content, address: null, protocol: 'local' });
  if (taken.kind === 'refused') return { kind: 'refused', why: formatReply(taken.reply) };
  return { kind: 'tried', trial: { route, broken, ...(await storyOf(spool, taken.id, ports.clock)) } };
}

type Plan = {
  readonly kind: 'planned';
  readonly policy: Policy;
  readonly route: string;
  readonly broken: string | null;
};

/** The policy as it is for this message: it listens nowhere, and knows one route. */
async function plan(
  { policy, recipient, sender, egress, failover }: TrialAsk,
  client: string,
): Promise<Plan | Refused> {
  const { stream = 'transactional' } = policy.clients[client] ?? {};
  const facts = {
    client,
    stream,
    priority: policy.clients[client]?.priority ?? policy.streams[stream]?.priority ?? 'normal',
    senderDomain: domainOf(sender),
    recipientDomain: domainOf(recipient),
    tag: null,
    sizeBytes: 1_000,
  } as const;
  const route = matchRoute(policy, facts);
  if (route === null && (egress === null || failover))
    return { kind: 'refused', why: 'no route matches such a message' };
  const use = egress !== null && !failover ? [egress] : (route?.use ?? []);
  const exits = route === null ? [] : exitsOf(policy, route, stream).flatMap((one) => one.egress);
  const broken = failover ? (egress ?? exits[0] ?? null) : null;
  if (failover && !exits.some((exit) => exit !== broken))
    return {
      kind: 'refused',
      why: `the route ${route?.name ?? ''} has no exit beside ${broken ?? 'none'}: there is nothing to fail over to`,
    };
  const all = broken === null ? policy.egress : { ...policy.egress, [broken]: await unreachable() };
  const only = { name: route?.name ?? 'test', match: {}, use: broken === null ? use : [broken, ...use] };
  return {
    kind: 'planned',
    policy: { ...policy, listen: [], egress: all, routes: [only] },
    route: only.name,
    broken,
  };
}

type Refused = TrialResult & { readonly kind: 'refused' };

/** A port of this machine on which nobody listens. */
async function unreachable(): Promise<EgressPolicy> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => void server.close(resolve));
  const { broken } = egressSchema.parse({ broken: { type: 'smtp', host: '127.0.0.1', port, tls: 'none' } });
  if (broken === undefined) throw new Error('an exit that was just parsed is gone');
  return broken;
}

function messageOf({ sender, recipient, failover }: TrialAsk): Buffer {
  const lines = [
    `From: <${sender}>`,
    `To: <${recipient}>`,
    `Subject: relevo egress test${failover ? ' --failover' : ''}`,
    'Auto-Submitted: auto-generated',
    '',
    'This is a test message, sent by `relevo egress test`.',
    '',
  ];
  return Buffer.from(lines.join('\r\n'));
}

async function storyOf(spool: EmbeddedSpool, id: MessageId, clock: Clock): Promise<Omit<Trial, 'route' | 'broken'>> {
  const untilMs = clock.monotonicMs() + PATIENCE_MS;
  for (;;) {
    const events = (await spool.story(id))?.events ?? [];
    const attempts = events.flatMap((event) => (event.event === 'attempted' ? [event.attempt] : []));
    const end = events.find(isEnd);
    if (end !== undefined) return { attempts, state: end.event, reply: end.reply };
    const isPutOff = events.some(({ event }) => event === 'deferred' || event === 'in-doubt');
    if (isPutOff || clock.monotonicMs() > untilMs)
      return { attempts, state: null, reply: attempts.at(-1)?.reply ?? null };
    await clock.sleep(LOOK_MS);
  }
}

function isEnd(event: MessageEvent): event is MessageEvent & { readonly event: FinalState } {
  return FINAL_STATES.some((state) => state === event.event);
}
