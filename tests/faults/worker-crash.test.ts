/** Workers that break under load: the others go on, and nothing that was answered 250 is lost. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { MailPath } from '../../src/mail-path.ts';
import type { Event } from '../../src/message/event.ts';
import { openSpool, type OpenedSpool } from '../../src/foundation/open-spool.ts';
import { startSupervisor } from '../../src/workers/supervisor.ts';
import { systemClock } from '../../src/system.ts';
import { startLoad } from '../fakes/load.ts';
import { loaded } from '../fakes/policy-text.ts';
import { freePort } from '../fakes/postfix.ts';
import { startRedis } from '../fakes/redis.ts';
import { startSmtpSink } from '../fakes/smtp-sink.ts';

type World = AsyncDisposable & {
  readonly port: number;
  /** Of the spool. */
  readonly folder: string;
  readonly path: MailPath;
  readonly spool: OpenedSpool['spool'];
  readonly events: Event[];
  readonly sink: Awaited<ReturnType<typeof startSmtpSink>>;
  break(worker: number): void;
};

type Engine = 'embedded' | 'redis';

async function world(engine: Engine = 'embedded'): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const sink = stack.use(await startSmtpSink());
  const port = await freePort();
  const scratch = await mkdtemp(join(tmpdir(), 'relevo-workers-'));
  stack.defer(() => rm(scratch, { recursive: true, force: true }));
  const folder = join(scratch, 'spool');
  const redis = engine === 'redis' ? stack.use(await startRedis()) : null;
  const hostname = `${randomUUID()}.test`;
  const channel = new BroadcastChannel(hostname);
  stack.defer(() => channel.close());
  const { policy, version } = loaded(`
hostname: ${hostname}
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
egress: { one: { type: smtp, host: 127.0.0.1, port: ${sink.port}, tls: none } }
routes: [{ name: all, use: [one] }]
spool: ${redis === null ? `{ engine: embedded, path: ${folder} }` : `{ engine: redis, url: "${redis.url}" }`}
`);
  const reopened = new Set<() => void>();
  const onReopened = (): void => reopened.forEach((run) => run());
  const clock = systemClock;
  const events: Event[] = [];
  const emit = (event: Event): void => void events.push(event);
  const opened = await openSpool({ policy: () => policy, clock, emit, node: async () => 'here', onReopened });
  if (typeof opened === 'string') throw new Error(opened);
  const { reach } = opened;
  const spool = stack.use(opened.spool);
  const path = stack.use(
    await startSupervisor({
      workers: 2,
      clock,
      policy: () => policy,
      version: () => version,
      emit,
      reach,
      onReachLost: (run) => {
        reopened.add(run);
        return () => void reopened.delete(run);
      },
      entry: new URL('../fakes/breakable-worker.ts', import.meta.url),
    }),
  );
  const kept = stack.move();
  const world = { port, folder, path, spool, events, sink, break: (worker: number) => channel.postMessage(worker) };
  return { ...world, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

test.each<Engine>(['embedded', 'redis'])(
  'a worker that breaks under load comes again, the other goes on (%s)',
  async (engine) => {
    await using place = await world(engine);
    const { port, sink, spool, path, events } = place;
    const load = startLoad({ port: () => port, sessions: 8, prefix: 'crash', perConnection: 5 });
    const restarts = (): number => events.filter(({ event }) => event === 'worker-restarted').length;
    for (const [round, worker] of [2, 1, 2].entries()) {
      const before = load.acknowledged.size;
      await expect.poll(() => load.acknowledged.size, { timeout: 20_000 }).toBeGreaterThan(before + 60);
      place.break(worker);
      const atBreak = load.acknowledged.size;
      await expect.poll(restarts, { timeout: 20_000 }).toBe(round + 1);
      expect(load.acknowledged.size).toBeGreaterThan(atBreak);
    }
    expect(path.notReady()).toEqual([]);
    await load.stop();
    // What the dead had leased is taken over once its leases end, and is all there then.
    await expect.poll(async () => (await spool.overview()).deliveries, { timeout: 90_000, interval: 250 }).toBe(0);
    const copies = sink.copies('all');
    expect([...load.acknowledged].filter((id) => !copies.has(`<${id}@load.test>`))).toEqual([]);
    const audit = await spool.audit();
    expect(audit.violations).toEqual([]);
    const twice = [...copies.values()].reduce((sum, count) => sum + count - 1, 0);
    expect(twice).toBeLessThanOrEqual(audit.possibleDuplicates);
    expect(events.filter(({ event }) => event === 'received').length).toBeLessThanOrEqual(audit.accepted);
  },
);

test('workers come back to a store whose thread died, and refuse for now what they cannot keep', async () => {
  await using place = await world();
  const { port, sink, spool, folder } = place;
  const load = startLoad({ port: () => port, sessions: 4, prefix: 'away', perConnection: 5, sizeBytes: 300_000 });
  await expect.poll(() => load.acknowledged.size, { timeout: 20_000 }).toBeGreaterThan(20);
  await rename(folder, `${folder}-away`);
  await expect.poll(() => load.refused.get('451') ?? 0, { timeout: 20_000 }).toBeGreaterThan(5);
  await rename(`${folder}-away`, folder);
  const before = load.acknowledged.size;
  await expect.poll(() => load.acknowledged.size, { timeout: 30_000 }).toBeGreaterThan(before + 40);
  await load.stop();
  await expect.poll(async () => (await spool.overview()).deliveries, { timeout: 60_000, interval: 250 }).toBe(0);
  const copies = sink.copies('all');
  expect([...load.acknowledged].filter((id) => !copies.has(`<${id}@load.test>`))).toEqual([]);
  // Both do: neither is left without a way to the store.
  const since = place.events.length;
  const last = startLoad({ port: () => port, sessions: 4, prefix: 'back', perConnection: 1, count: 40 });
  await last.finished;
  const workers = place.events.slice(since).filter(({ event }) => event === 'received');
  expect(new Set(workers.map(({ worker }) => worker))).toEqual(new Set([1, 2]));
  expect(last.refused.size).toBe(0);
});
