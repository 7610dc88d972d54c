/** Applications that are told of events: by two workers, over kills, and by one of two nodes. */
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type HookListener, startHookListener } from '../fakes/hook-listener.ts';
import { startLoad } from '../fakes/load.ts';
import { freePort } from '../fakes/postfix.ts';
import { startRedis } from '../fakes/redis.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { startSmtpSink } from '../fakes/smtp-sink.ts';

type Terms = { readonly port: number; readonly sinkPort: number; readonly url: string; readonly more?: string };

async function policyOf({ port, sinkPort, url, more = '' }: Terms): Promise<string> {
  return `
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
egress: { one: { type: smtp, host: 127.0.0.1, port: ${sinkPort}, tls: none } }
webhooks: [{ name: app, url: "${url}", secret: hush, events: [received, delivered] }]
http: { listen: 127.0.0.1:${await freePort()} }
${more}`;
}

/** Messages that the program was told of as delivered, with how often. */
function told(listener: HookListener): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { events } of listener.posts)
    for (const { event, message, id } of events)
      if (event === 'delivered')
        counts.set(`${message.messageId} ${id}`, (counts.get(`${message.messageId} ${id}`) ?? 0) + 1);
  return counts;
}

test('a relay with two workers that is killed under load tells of each delivery all the same', async () => {
  await using sink = await startSmtpSink();
  await using listener = await startHookListener();
  const port = await freePort();
  await using relay = new RelayProcess(await policyOf({ port, sinkPort: sink.port, url: listener.url }), {
    args: ['--workers', '2'],
  });
  await relay.start();
  await expect.poll(async () => (await relay.cli(['webhook', 'list'])).stdout, { timeout: 10_000 }).toMatch(/app +new/);
  const load = startLoad({ port: () => port, sessions: 4, prefix: 'hook', count: 200 });
  await wait(300);
  await relay.kill();
  await relay.start();
  await load.finished;
  const untold = (): string[] => {
    const names = new Set([...told(listener).keys()].map((key) => key.split(' ')[0]));
    return [...load.acknowledged].filter((id) => !names.has(`<${id}@load.test>`));
  };
  await expect.poll(untold, { timeout: 30_000 }).toEqual([]);
  expect(listener.posts.every(({ signedWith }) => signedWith('hush'))).toBe(true);
});

test('of two nodes on one Redis one tells, and the other goes on when it stops', async () => {
  await using redis = await startRedis();
  await using sink = await startSmtpSink();
  await using listener = await startHookListener();
  const [first, second] = [await freePort(), await freePort()];
  const more = `spool: { engine: redis, url: "${redis.url}" }\n`;
  const terms = { sinkPort: sink.port, url: listener.url, more };
  await using a = new RelayProcess(await policyOf({ port: first, ...terms }), { args: ['--node', 'a'] });
  await using b = new RelayProcess(await policyOf({ port: second, ...terms }), { args: ['--node', 'b'] });
  await Promise.all([a.start(), b.start()]);
  await expect.poll(async () => (await a.cli(['webhook', 'list'])).stdout, { timeout: 10_000 }).toMatch(/app +new/);
  await startLoad({ port: () => second, sessions: 2, prefix: 'two', count: 20 }).finished;
  await expect.poll(() => told(listener).size, { timeout: 20_000 }).toBe(20);
  await a.stop();
  await startLoad({ port: () => second, sessions: 2, prefix: 'one', count: 20 }).finished;
  await expect.poll(() => told(listener).size, { timeout: 30_000 }).toBe(40);
  expect([...told(listener).values()].every((count) => count === 1)).toBe(true);
});
