/** Nodes that share a spool on Redis: killed under load, frozen for longer than their leases. */
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startLoad } from '../fakes/load.ts';
import { freePort } from '../fakes/postfix.ts';
import { startRedis } from '../fakes/redis.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { startSmtpSink, type SmtpSink } from '../fakes/smtp-sink.ts';

/** How long nodes are killed: the whole two minutes by hand. */
const KILLING_MS = Number(process.env['RELEVO_NODES_KILLING_MS'] ?? 40_000);
const KILL_EVERY_MS = 10_000;

type Node = { readonly name: string; readonly relay: RelayProcess; readonly port: number };

type World = AsyncDisposable & { readonly sink: SmtpSink; readonly nodes: readonly Node[] };

type WorldOptions = { readonly workers?: number; readonly slowMs?: number };

/** Nodes of these names, started one after the other, each with all its mail to one sink. */
async function world(names: readonly string[], { workers = 1, ...more }: WorldOptions = {}): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedis());
  const sink = stack.use(await startSmtpSink({ keepContent: false, ...more }));
  const nodes: Node[] = [];
  for (const name of names) {
    const [port, httpPort] = [await freePort(), await freePort()];
    const policy = `
hostname: ${name}.relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
egress: { up: { type: smtp, host: 127.0.0.1, port: ${sink.port}, tls: none, connections: 10 } }
retry: { delays: [1s] }
http: { listen: 127.0.0.1:${httpPort} }
spool: { engine: redis, url: "${redis.url}" }
`;
    const relay = stack.use(new RelayProcess(policy, { args: ['--node', name, '--workers', String(workers)] }));
    await relay.start();
    nodes.push({ name, relay, port });
  }
  const running = stack.move();
  return { sink, nodes, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** Resolves once nothing is queued; then what the audit says. */
async function drained({ relay }: Node, withinMs: number): Promise<Readonly<Record<string, unknown>>> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const audit = await relay.audit();
    if (audit['queued'] === 0) return audit;
    if (Date.now() > deadline) throw new Error(`still queued after ${withinMs} ms: ${JSON.stringify(audit)}`);
    await wait(200);
  }
}

function surplusOf(sink: SmtpSink): number {
  return [...sink.copies('all').values()].reduce((sum, count) => sum + count - 1, 0);
}

function missingAt(sink: SmtpSink, ids: Iterable<string>): string[] {
  const there = sink.copies('accepted');
  return [...ids].filter((id) => !there.has(`<${id}@load.test>`));
}

function senders(sink: SmtpSink): Set<string> {
  return new Set(sink.accepted.map(({ helo }) => helo));
}

test('three nodes of which one is killed every 10 s share the work, lose nothing and know of every copy', async () => {
  await using place = await world(['a', 'b', 'c']);
  const { sink, nodes } = place;
  const [first] = nodes;
  if (first === undefined) throw new Error('no node');
  let turn = 0;
  const port = (): number => nodes[turn++ % nodes.length]?.port ?? 0;
  const load = startLoad({ port, sessions: 9, prefix: 'kill', perConnection: 5 });
  let kills = 0;
  for (; kills < KILLING_MS / KILL_EVERY_MS; kills++) {
    await wait(KILL_EVERY_MS - 3_000);
    const node = nodes[kills % nodes.length];
    await node?.relay.kill();
    await wait(3_000);
    await node?.relay.start();
  }
  await load.stop();
  // Leases of the last one killed end within 15 s.
  const audit = await drained(first, 60_000);
  const surplus = surplusOf(sink);
  process.stdout.write(
    `${kills} kills, ${load.acknowledged.size} acknowledged, ${load.unanswered.size} unanswered, ` +
      `${sink.messages.length} at the sink, ${surplus} copies, at most ${String(audit['possibleDuplicates'])} possible\n`,
  );
  expect(kills).toBeGreaterThanOrEqual(4);
  expect(missingAt(sink, load.acknowledged)).toEqual([]);
  expect(surplus).toBeLessThanOrEqual(Number(audit['possibleDuplicates']));
  expect(senders(sink)).toEqual(new Set(['a.relay.test', 'b.relay.test', 'c.relay.test']));
  expect(load.acknowledged.size).toBeGreaterThan(KILLING_MS / 100);
});

test('what a node that died had in hand is with the others after its leases, within 20 s', async () => {
  await using place = await world(['a', 'b'], { slowMs: 60_000, workers: 2 });
  const { sink, nodes } = place;
  const [a, b] = nodes;
  if (a === undefined || b === undefined) throw new Error('no nodes');
  // It gets no further than the greeting.
  sink.fault('greeting', 'slow');
  const load = startLoad({ port: () => a.port, sessions: 5, prefix: 'had', count: 60 });
  await load.finished;
  // Its workers' as well. One may be between two leases for a moment.
  await expect
    .poll(async () => (await b.relay.cli(['nodes'])).stdout, { timeout: 30_000 })
    .toMatch(/^a +up .* 2 +60( |$)/m);
  expect(sink.messages).toEqual([]);
  sink.heal();
  const killedMs = Date.now();
  await a.relay.kill();
  // Seen at the sink: a command that asks for it takes seconds on a busy machine.
  await sink.until(() => missingAt(sink, load.acknowledged).length === 0);
  expect(Date.now() - killedMs).toBeLessThan(20_000);
  await drained(b, 40_000);
  expect(senders(sink)).toEqual(new Set(['b.relay.test']));
  await b.relay.waitFor(({ name, raised }) => name === 'node-gone:a' && raised === true);
  const listed = await b.relay.cli(['nodes']);
  expect(listed.code).toBe(1);
  expect(listed.stdout).toMatch(/^a +gone for .*\n^b +up for /m);
  // The same name, at once: its process is seen to be gone.
  await a.relay.start();
  await b.relay.waitFor(({ name, raised }) => name === 'node-gone:a' && raised === false);
});

test('a node frozen for longer than its leases sends nothing of theirs once it wakes', async () => {
  await using place = await world(['a', 'b'], { slowMs: 4_000 });
  const { sink, nodes } = place;
  const [a, b] = nodes;
  if (a === undefined || b === undefined) throw new Error('no nodes');
  // Conversations stand before MAIL when it freezes, and go on when it wakes.
  sink.fault('greeting', 'slow');
  const load = startLoad({ port: () => a.port, sessions: 5, prefix: 'froze', count: 80 });
  await load.finished;
  await sink.until(() => sink.open > 0);
  a.relay.signal('SIGSTOP');
  sink.heal();
  await drained(b, 60_000);
  expect(missingAt(sink, load.acknowledged)).toEqual([]);
  const commands = sink.commands.length;
  a.relay.signal('SIGCONT');
  await a.relay.waitFor(({ where }) => where === 'lease' || where === 'settle');
  await wait(3_000);
  expect(sink.commands.slice(commands).filter((command) => /MAIL/i.test(command))).toEqual([]);
  expect(surplusOf(sink)).toBe(0);
  // And goes on as one of the two.
  const later = startLoad({ port: () => a.port, sessions: 3, prefix: 'later', count: 30 });
  await later.finished;
  await drained(b, 30_000);
  expect(missingAt(sink, later.acknowledged)).toEqual([]);
  expect(senders(sink)).toEqual(new Set(['a.relay.test', 'b.relay.test']));
});
