/** A running relay with two addresses of its own against a provider that hosts two domains, counts connections and blocks. */
import { expect, test } from 'vitest';
import { readDescription } from '../../scripts/simulator/description.ts';
import { startSimulator, type SimulatorEvent } from '../../scripts/simulator/simulator.ts';
import { systemClock } from '../../src/system.ts';
import { startLoad } from '../fakes/load.ts';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { SmtpDialogue } from '../fakes/smtp-dialogue.ts';

type World = AsyncDisposable & {
  readonly relay: RelayProcess;
  readonly port: number;
  readonly events: readonly SimulatorEvent[];
};

/** @param manners of the provider, @param shaping of the policy; both as YAML in braces */
async function world(manners: string, shaping: string): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const [port, httpPort, dnsPort, mxPort] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const listen = `listen: "127.0.1.21:${mxPort}", domains: [one.test, two.test], manner: google`;
  const read = readDescription(
    `{ dns: "127.0.0.1:${dnsPort}", providers: [{ name: big.test, ${listen}, ${manners} }] }`,
  );
  if (read.kind === 'refused') throw new Error(read.problems.join('\n'));
  const events: SimulatorEvent[] = [];
  stack.use(
    await startSimulator({
      description: read.description,
      clock: systemClock,
      emit: (event) => void events.push(event),
    }),
  );
  const exit = (bind: string): string => `{ type: mx, bind: ${bind}, port: ${mxPort}, privateAddresses: true }`;
  const relay = stack.use(
    new RelayProcess(`
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
dns: { servers: ["127.0.0.1:${dnsPort}"] }
egress: { ip-1: ${exit('127.0.0.21')}, ip-2: ${exit('127.0.0.22')} }
pools: { own: { members: [ip-1, ip-2] } }
routes: [{ name: all, use: [own] }]
shaping: ${shaping}
http: { listen: 127.0.0.1:${httpPort} }
`),
  );
  await relay.start();
  const kept = stack.move();
  return { relay, port, events, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function submit(port: number, to: string, fields = ''): Promise<void> {
  await using dialogue = await SmtpDialogue.greeted(port);
  await dialogue.all('EHLO client.test', 'MAIL FROM:<a@shop.test>', `RCPT TO:<${to}>`, 'DATA');
  dialogue.write(`${fields}Subject: x\r\n\r\nx\r\n.\r\n`);
  expect(await dialogue.reply()).toMatch(/^250/);
}

test('mail to two domains of one provider stays within its connections, and it never has to say so', async () => {
  await using place = await world('connections: 2, tarpit: 20ms', '{ "*.big.test": { connections: 2 } }');
  const { relay, port, events } = place;
  // Until its hosts are known each domain is a site of its own.
  for (const domain of ['one.test', 'two.test']) {
    await submit(port, `first@${domain}`);
    await relay.waitFor(({ event, ...line }) => event === 'delivered' && line['domain'] === domain);
  }
  const load = startLoad({
    port: () => port,
    sessions: 4,
    prefix: 'site',
    count: 30,
    recipient: (id) => `${id}@${id.length % 2 === 0 ? 'one' : 'two'}.test`,
  });
  await load.finished;
  await expect.poll(() => events.filter(({ event }) => event === 'taken').length, { timeout: 30_000 }).toBe(32);
  expect(events.filter(({ event }) => event === 'refused')).toEqual([]);
});

test('an address that a provider blocks: urgent mail goes by the other, a newsletter waits for an operator', async () => {
  await using place = await world('blocked: [{ network: 127.0.0.21, as: listed }]', '{}');
  const { relay, port, events } = place;
  await submit(port, 'urgent@one.test');
  await relay.waitFor(({ event }) => event === 'delivered');
  await submit(port, 'second@two.test');
  await relay.waitFor(({ event, ...line }) => event === 'delivered' && line['domain'] === 'two.test');
  expect(events.filter(({ event }) => event === 'taken').map(({ client }) => client)).toEqual([
    '127.0.0.22',
    '127.0.0.22',
  ]);

  for (let count = 0; count < 2; count++) await submit(port, `news${count}@one.test`, 'X-Relevo-Stream: marketing\r\n');
  const held = await relay.waitFor(({ event }) => event === 'held');
  expect(held['reason']).toMatch(/^the address of ip-1 was refused \(5/);
  expect((await relay.cli(['queue', 'list', '--state', 'held'])).stdout).toContain('one.test');
  expect((await relay.audit())['finished']).toMatchObject({ bounced: 0 });
});
