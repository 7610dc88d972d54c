import { renameSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { startLoad } from '../fakes/load.ts';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { startSmtpSink } from '../fakes/smtp-sink.ts';

type World = AsyncDisposable & {
  readonly relay: RelayProcess;
  readonly port: number;
  /** The policy, with mail for dest.test by the exit `one` or `two`. */
  readonly text: (exit: 'one' | 'two') => string;
  readonly one: Awaited<ReturnType<typeof startSmtpSink>>;
  readonly two: Awaited<ReturnType<typeof startSmtpSink>>;
};

async function world(): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const [one, two] = [stack.use(await startSmtpSink()), stack.use(await startSmtpSink())];
  const [port, httpPort] = [await freePort(), await freePort()];
  const text = (exit: string): string => `
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
egress:
  one: { type: smtp, host: 127.0.0.1, port: ${one.port}, tls: none }
  two: { type: smtp, host: 127.0.0.1, port: ${two.port}, tls: none }
routes: [{ name: all, use: [${exit}] }]
http: { listen: 127.0.0.1:${httpPort} }
`;
  const relay = stack.use(new RelayProcess(text('one')));
  await relay.start();
  const kept = stack.move();
  return { relay, port, text, one, two, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Makes a change and returns how long it took until the relay said what became of it, ms. */
async function timed(relay: RelayProcess, event: string, change: () => void): Promise<number> {
  const since = relay.lines.length;
  const before = Date.now();
  change();
  await relay.waitFor((line) => line.event === event, since, 5_000);
  return Date.now() - before;
}

test('an edit of the policy is in force within a second, written in place or renamed over, while mail flows', async () => {
  await using place = await world();
  const { relay, port, one, two, text } = place;
  const load = startLoad({ port: () => port, sessions: 4, prefix: 'reload' });
  await one.until(() => one.accepted.length > 20);

  expect(await timed(relay, 'policy-applied', () => relay.writePolicy(text('two')))).toBeLessThan(1_000);
  const seen = one.accepted.length;
  const before = two.accepted.length;
  await two.until(() => two.accepted.length > before + 50);
  // What was under way may still end where it began; nothing new goes there.
  expect(one.accepted.length).toBeLessThan(seen + 50);

  const rename = (): void => {
    writeFileSync(`${relay.policyFile}.new`, text('one'));
    renameSync(`${relay.policyFile}.new`, relay.policyFile);
  };
  expect(await timed(relay, 'policy-applied', rename)).toBeLessThan(1_000);
  const again = one.accepted.length;
  await one.until(() => one.accepted.length > again + 50);
  await load.stop();
  expect([...load.refused]).toEqual([]);
  expect(load.unanswered.size).toBe(0);
  await expect.poll(() => one.accepted.length + two.accepted.length, { timeout: 20_000 }).toBe(load.acknowledged.size);
  await relay.audit();
});

test('a bad edit changes nothing and names its line; SIGHUP reads the file again', async () => {
  await using place = await world();
  const { relay, port, one, text } = place;
  const bad = text('one').replace('type: smtp, host: 127.0.0.1, port', 'type: smtp, hots: 127.0.0.1, port');
  expect(await timed(relay, 'policy-refused', () => relay.writePolicy(bad))).toBeLessThan(1_000);
  const refused = relay.lines.findLast((line) => line.event === 'policy-refused');
  expect(String(refused?.['problems'])).toMatch(/relevo\.yaml:6:\d+ egress\.one\.hots: unknown key.*host/);
  const load = startLoad({ port: () => port, sessions: 2, prefix: 'bad', count: 20 });
  await load.finished;
  await one.until(() => one.accepted.length === 20);

  relay.writePolicy(text('one'));
  expect(await timed(relay, 'policy-applied', () => relay.signal('SIGHUP'))).toBeLessThan(1_000);
});

test('a storm of edits, torn and whole, good and bad, costs no message', { timeout: 90_000 }, async () => {
  await using place = await world();
  const { relay, port, one, two, text } = place;
  const load = startLoad({ port: () => port, sessions: 4, prefix: 'storm' });
  for (let round = 0; round < 60; round++) {
    const whole = text(round % 2 === 0 ? 'one' : 'two');
    if (round % 3 === 0) relay.writePolicy(whole.slice(0, Math.floor(whole.length / 2)));
    if (round % 5 === 0) relay.writePolicy(`${whole}\nnonsense: [`);
    relay.writePolicy(whole);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
  await load.stop();
  expect([...load.refused]).toEqual([]);
  expect(load.unanswered.size).toBe(0);
  await expect.poll(() => one.accepted.length + two.accepted.length, { timeout: 30_000 }).toBe(load.acknowledged.size);
  await relay.audit();
});
