import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import type { SimulatorEvent } from '../../scripts/simulator/simulator.ts';
import { startLoad } from '../fakes/load.ts';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** `relevo simulate-provider` as a process, its events as they come. */
async function simulate(file: string): Promise<AsyncDisposable & { readonly events: readonly SimulatorEvent[] }> {
  const child = spawn(join(ROOT, 'scripts/relevo'), ['simulate-provider', file, '--json'], { cwd: ROOT });
  const events: SimulatorEvent[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => events.push(JSON.parse(line) as SimulatorEvent));
  const lines = createInterface({ input: child.stderr });
  const isUp = new Promise<void>((done, reject) => {
    lines.on('line', (line) => (line.startsWith('names are answered for') ? done() : undefined));
    child.once('exit', (code) => reject(new Error(`the simulator ended with ${code}`)));
  });
  await isUp;
  const stop = async (): Promise<void> => {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  };
  return { events, [Symbol.asyncDispose]: stop };
}

test('a relay delivers to simulated providers: greylisting passes, a dead host deferred, a cut after the dot in doubt', async () => {
  const [port, httpPort, dnsPort, mxPort] = [await freePort(), await freePort(), await freePort(), await freePort()];
  await using relay = new RelayProcess(`
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
dns: { servers: ["127.0.0.1:${dnsPort}"] }
egress:
  ip-1: { type: mx, bind: 127.0.0.2, port: ${mxPort}, privateAddresses: true }
retry: { delays: [1s] }
http: { listen: 127.0.0.1:${httpPort} }
`);
  const file = join(relay.folder, 'providers.yaml');
  writeFileSync(
    file,
    `
dns: 127.0.0.1:${dnsPort}
providers:
  - { name: grey.test, listen: "127.0.1.1:${mxPort}", domains: [grey.test], greylist: { delay: 1s } }
  - { name: gone.test, listen: "127.0.1.2:${mxPort}", domains: [gone.test], dead: refuse }
  - { name: drop.test, listen: "127.0.1.3:${mxPort}", domains: [drop.test], dropAfterDot: 1 }
`,
  );
  await using simulator = await simulate(file);
  await relay.start();
  const send = (domain: string) =>
    startLoad({ port: () => port, sessions: 1, prefix: domain, count: 1, recipient: () => `a@${domain}` }).finished;
  await Promise.all(['grey.test', 'gone.test'].map(send));

  const told = (provider: string): string[] =>
    simulator.events.filter((event) => event.provider === provider).map(({ event, client }) => `${event} ${client}`);
  await relay.waitFor((line) => line.event === 'deferred' && line['domain'] === 'grey.test');
  expect(told('grey.test')).toEqual(['refused 127.0.0.2']);
  // By itself it comes again after a minute at the earliest: so long greylisting lasts at least.
  const again = async (): Promise<string | undefined> => {
    await relay.cli(['queue', 'retry', '--domain', 'grey.test']);
    return told('grey.test').at(-1);
  };
  await expect.poll(again, { timeout: 20_000, interval: 500 }).toBe('taken 127.0.0.2');
  await relay.waitFor((line) => line.event === 'delivered' && line['domain'] === 'grey.test');
  await relay.waitFor((line) => line.event === 'deferred' && line['domain'] === 'gone.test');

  await send('drop.test');
  await relay.waitFor((line) => line.event === 'in-doubt' && line['domain'] === 'drop.test');
  expect(told('drop.test')[0]).toBe('dropped 127.0.0.2');
  expect((await relay.audit())['finished']).toMatchObject({ delivered: 1 });
});
