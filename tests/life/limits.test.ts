import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { startLoad } from '../fakes/load.ts';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { startSmtpSink } from '../fakes/smtp-sink.ts';

type Exit = { readonly port: number; readonly terms: string };

async function relayWith(
  exits: readonly Exit[],
  args: readonly string[] = [],
  more = '',
): Promise<{ relay: RelayProcess; port: number; httpPort: number }> {
  const port = await freePort();
  const httpPort = await freePort();
  const egress = exits
    .map(
      (exit, place) =>
        `exit-${place + 1}: { type: smtp, host: 127.0.0.1, port: ${exit.port}, tls: none, ${exit.terms} }`,
    )
    .join(', ');
  const relay = new RelayProcess(
    `
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
egress: { ${egress} }
routes: [{ name: all, use: [${exits.map((_, place) => `exit-${place + 1}`).join(', ')}] }]
http: { listen: 127.0.0.1:${httpPort} }
${more}
`,
    { args },
  );
  await relay.start();
  return { relay, port, httpPort };
}

test.each([
  ['one process', []],
  ['two workers', ['--workers', '2']],
] as const)('%s: what exceeds a daily limit leaves by the next exit, after a restart too', async (_, args) => {
  await using first = await startSmtpSink();
  await using second = await startSmtpSink();
  const { relay, port, httpPort } = await relayWith(
    [
      { port: first.port, terms: 'dailyLimit: 5' },
      { port: second.port, terms: 'connections: 5' },
    ],
    args,
  );
  await using _relay = relay;
  await startLoad({ port: () => port, sessions: 3, prefix: 'before', count: 12 }).finished;
  await expect.poll(() => [first.accepted.length, second.accepted.length], { timeout: 20_000 }).toEqual([5, 7]);
  await relay.stop();
  await relay.start();
  await startLoad({ port: () => port, sessions: 1, prefix: 'after', count: 3 }).finished;
  await expect.poll(() => [first.accepted.length, second.accepted.length], { timeout: 20_000 }).toEqual([5, 10]);
  const metrics = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  expect(metrics).toContain('relevo_egress_daily_limit{egress="exit-1"} 5');
  expect(metrics).toContain('relevo_egress_daily_used{egress="exit-1"} 5');
  expect((await relay.audit())['possibleDuplicates']).toBe(0);
  expect(relay.lines.filter((line) => line.event === 'failed')).toEqual([]);
});

test('two workers share a warm-up over a restart, keep a delay, and tell of both', async () => {
  await using sink = await startSmtpSink();
  const terms = 'warmup: { schedule: [3, 6] }, dailyLimit: 500, delay: 300ms';
  const exits = [{ port: sink.port, terms }];
  const { relay, port, httpPort } = await relayWith(exits, ['--workers', '2'], 'timeZone: America/Mexico_City');
  await using _ = relay;
  const began = performance.now();
  await startLoad({ port: () => port, sessions: 2, prefix: 'before', count: 5 }).finished;
  await expect.poll(() => sink.accepted.length, { timeout: 20_000, interval: 20 }).toBe(3);
  expect(performance.now() - began).toBeGreaterThan(600);
  await relay.stop();
  await relay.start();
  await startLoad({ port: () => port, sessions: 1, prefix: 'after', count: 1 }).finished;
  const listed = async (): Promise<readonly unknown[]> => {
    const { stdout } = await relay.cli(['egress', 'list', '--json']);
    return (JSON.parse(stdout) as { readonly exits: readonly unknown[] }).exits;
  };
  await expect.poll(listed, { timeout: 20_000 }).toMatchObject([
    {
      egress: 'exit-1',
      isRunning: true,
      closures: [{ gate: 'limited', cause: 'warm-up 3/3' }],
      limits: {
        day: { limit: 3, used: 3, left: 0 },
        delayMs: 300,
        connections: { limit: 10 },
        warmup: { kind: 'warming', day: 1, days: 2 },
      },
    },
  ]);
  const metrics = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  expect(metrics).toContain('relevo_egress_daily_limit{egress="exit-1"} 3');
  expect(metrics).toContain('relevo_egress_warmup_day{egress="exit-1"} 1');
  expect(sink.accepted.length).toBe(3);
  expect((await relay.audit())['possibleDuplicates']).toBe(0);
  expect(relay.lines.filter((line) => line.event === 'failed')).toEqual([]);
});

test('mail that waits for the next day is told why, and leaves when the limit is raised', async () => {
  await using sink = await startSmtpSink();
  const { relay, port } = await relayWith([{ port: sink.port, terms: 'dailyLimit: 2' }]);
  await using _ = relay;
  await startLoad({ port: () => port, sessions: 1, prefix: 'day', count: 4 }).finished;
  await expect.poll(() => sink.accepted.length, { timeout: 20_000 }).toBe(2);
  const queue = async (): Promise<readonly { readonly id: string }[]> => {
    const { stdout } = await relay.cli(['queue', 'list', '--json']);
    return (JSON.parse(stdout) as { readonly deliveries: readonly { readonly id: string }[] }).deliveries;
  };
  await expect.poll(async () => (await queue()).length, { timeout: 20_000 }).toBe(2);
  const [waiting] = await queue();
  const { stdout } = await relay.cli(['explain', waiting?.id ?? '']);
  expect(stdout).toMatch(/exit-1: daily limit 2\/2, resets in (\d+ h )?\d+ m/);
  relay.writePolicy(readFileSync(relay.policyFile, 'utf8').replace('dailyLimit: 2', 'dailyLimit: 9'));
  await expect.poll(() => sink.accepted.length, { timeout: 20_000 }).toBe(4);
  await relay.audit();
});

test('a rate of 5/s sends twenty messages in no less than 3.8 s, one by one', async () => {
  await using sink = await startSmtpSink();
  const { relay, port } = await relayWith([{ port: sink.port, terms: 'rate: 5/s' }]);
  await using _ = relay;
  const began = performance.now();
  await startLoad({ port: () => port, sessions: 3, prefix: 'rate', count: 20 }).finished;
  await expect.poll(() => sink.accepted.length, { timeout: 30_000, interval: 50 }).toBe(20);
  expect(performance.now() - began).toBeGreaterThan(3_700);
  expect((await relay.audit())['possibleDuplicates']).toBe(0);
});
