import { expect, test } from 'vitest';
import { startLoad } from '../fakes/load.ts';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { startSmtpSink, type SmtpSink } from '../fakes/smtp-sink.ts';

type World = AsyncDisposable & {
  readonly relay: RelayProcess;
  readonly port: number;
  /** SMTP_HOST_1 and so on. */
  readonly sinks: readonly SmtpSink[];
  readonly figures: () => Promise<string>;
  readonly usePreset: (name: string) => Promise<void>;
};

/** A relay whose environment has five servers, the policy with `more` in it. */
async function world(more: string, args: readonly string[] = []): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const sinks: SmtpSink[] = [];
  for (let number = 1; number <= 5; number++) sinks.push(stack.use(await startSmtpSink({ keepContent: false })));
  const [port, httpPort] = [await freePort(), await freePort()];
  const policy = `
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
http: { listen: 127.0.0.1:${httpPort} }
${more}
`;
  const relay = stack.use(new RelayProcess(policy, { args }));
  const env = sinks.flatMap((sink, index): [string, string][] => [
    [`SMTP_HOST_${index + 1}`, '127.0.0.1'],
    [`SMTP_PORT_${index + 1}`, String(sink.port)],
    [`SMTP_TLS_${index + 1}`, 'none'],
  ]);
  await relay.start({ ...Object.fromEntries(env), SENDGRID_API_KEY: 'SG.not-used' });
  const kept = stack.move();
  return {
    relay,
    port,
    sinks,
    figures: async () => (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text(),
    usePreset: async (name) => {
      const used = await relay.cli(['preset', 'use', name]);
      expect(used).toMatchObject({ code: 0, stderr: '' });
      expect(used.stdout).toContain('In force.');
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function countsOf(sinks: readonly SmtpSink[]): number[] {
  return sinks.map((sink) => sink.accepted.length);
}

/** Sends messages one after the other; the number of the server that each went to. */
async function turns({ port, sinks }: World, { prefix, count }: { prefix: string; count: number }): Promise<number[]> {
  const order: number[] = [];
  for (let number = 0; number < count; number++) {
    const before = countsOf(sinks);
    await startLoad({ port: () => port, sessions: 1, prefix: `${prefix}-${number}`, count: 1 }).finished;
    await expect.poll(() => countsOf(sinks).some((now, index) => now > (before[index] ?? 0))).toBe(true);
    order.push(1 + countsOf(sinks).findIndex((now, index) => now > (before[index] ?? 0)));
  }
  return order;
}

/** Whether each of these servers is followed by the next of them. */
function isCircle(order: readonly number[], servers: readonly number[]): boolean {
  const places = order.map((server) => servers.indexOf(server));
  return places.every((place, index) => index === 0 || place === ((places[index - 1] ?? 0) + 1) % servers.length);
}

function withLimits(limits: readonly number[]): string {
  return limits.map((limit, index) => `smtp-${index + 1}: { warmup: null, dailyLimit: ${limit} }`).join(', ');
}

test('a preset is switched under load, down, up and back: nothing is lost, servers take turns, what was sent today counts on', async () => {
  const limits = [60, 5_000, 5_000, 5_000, 5_000];
  await using place = await world(`preset: starter-triple # to begin with\negress: { ${withLimits(limits)} }`);
  const { relay, port, sinks, usePreset } = place;
  expect(isCircle(await turns(place, { prefix: 'three', count: 7 }), [1, 2, 3])).toBe(true);

  const load = startLoad({ port: () => port, sessions: 3, prefix: 'load', sizeBytes: 500 });
  const moved = async (servers: number): Promise<void> => {
    const before = countsOf(sinks);
    await expect
      .poll(() => countsOf(sinks).filter((now, index) => now > (before[index] ?? 0) + 10).length, { timeout: 20_000 })
      .toBeGreaterThanOrEqual(servers);
  };
  await expect.poll(() => sinks[0]?.accepted.length, { timeout: 20_000 }).toBe(60);
  await usePreset('basic-dual');
  await moved(1);
  const third = sinks[2]?.accepted.length;
  await moved(1);
  expect(sinks[2]?.accepted.length).toBe(third);
  await usePreset('professional');
  await moved(4);
  await usePreset('starter-triple');
  await moved(2);
  await usePreset('professional');
  await load.stop();
  expect([...load.refused]).toEqual([]);
  expect(load.unanswered.size).toBe(0);
  const total = (): number => countsOf(sinks).reduce((sum, count) => sum + count, 0);
  await expect.poll(total, { timeout: 20_000 }).toBe(load.acknowledged.size + 7);

  expect(isCircle(await turns(place, { prefix: 'five', count: 9 }), [2, 3, 4, 5])).toBe(true);
  expect(sinks[0]?.accepted.length).toBe(60);
  expect(await place.figures()).toContain('relevo_egress_daily_used{egress="smtp-1"} 60\n');
  expect((await relay.audit())['possibleDuplicates']).toBe(0);
  expect(relay.lines.filter(({ event }) => event === 'failed' || event === 'policy-refused')).toEqual([]);
});

test('hybrid-basic with a stand-in for SendGrid: own servers up to their limits, then the cloud', async () => {
  await using cloud = await startSmtpSink({ keepContent: false });
  const standIn = `sendgrid: { type: smtp, host: 127.0.0.1, port: ${cloud.port}, tls: none, dailyLimit: 1500 }`;
  await using place = await world(`preset: hybrid-basic\negress: { ${standIn}, ${withLimits([2, 2, 2])} }`);
  await startLoad({ port: () => place.port, sessions: 3, prefix: 'hybrid', count: 10 }).finished;
  await expect
    .poll(() => [...countsOf(place.sinks), cloud.accepted.length], { timeout: 20_000 })
    .toEqual([2, 2, 2, 0, 0, 4]);
  await place.relay.audit();
});

test('new servers of a preset warm up by themselves: 50 messages each on the first day, the rest waits and says why', async () => {
  await using place = await world('preset: basic-dual');
  const { relay, port, sinks } = place;
  await startLoad({ port: () => port, sessions: 3, prefix: 'warm', count: 105, sizeBytes: 200 }).finished;
  await expect.poll(() => countsOf(sinks), { timeout: 20_000 }).toEqual([50, 50, 0, 0, 0]);
  const { stdout } = await relay.cli(['queue', 'list', '--json']);
  const { deliveries } = JSON.parse(stdout) as { readonly deliveries: readonly { readonly id: string }[] };
  expect(deliveries).toHaveLength(5);
  expect((await relay.cli(['explain', deliveries[0]?.id ?? ''])).stdout).toMatch(/smtp-1: warm-up 50\/50/);
  await relay.audit();
});

test('a preset that the relay has no servers for is refused: the one in force stays, and the command says why', async () => {
  await using place = await world('preset: starter-triple');
  const { relay } = place;
  const used = await relay.cli(['preset', 'use', 'business', '--force']);
  expect(used.code).toBe(1);
  expect(used.stderr).toContain('the running relay refused the file');
  expect(used.stderr).toContain('SMTP_HOST_6, SMTP_HOST_7, SMTP_HOST_8, SMTP_HOST_9 and SMTP_HOST_10 are not set');
  expect(isCircle(await turns(place, { prefix: 'still', count: 4 }), [1, 2, 3])).toBe(true);
  await place.usePreset('basic-dual');
  expect(isCircle(await turns(place, { prefix: 'two', count: 4 }), [1, 2])).toBe(true);
  await relay.audit();
});
