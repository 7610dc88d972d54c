/** Under 200 messages a second a provider answers 500, hangs, or resets: what is late, what is lost, and how it comes back. */
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { MAILGUN_DOMAIN, mailgunError, mailgunSends, startMailgun } from '../fakes/cloud-mailgun.ts';
import type { CloudAct, CloudServer } from '../fakes/cloud-server.ts';
import { startLoad, type Load } from '../fakes/load.ts';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { startSmtpSink } from '../fakes/smtp-sink.ts';

const FAULTS: Readonly<Record<string, CloudAct>> = {
  answers: mailgunError(500, 'Internal Server Error'),
  hangs: { kind: 'hang' },
  resets: { kind: 'drop' },
};
const KINDS = Object.keys(FAULTS);
const PER_SECOND = 200;
const LATE_MS = 5_000;
const WELL_MS = 3_000;
const FAULT_MS = 20_000;

/** Messages at an even pace, to each of the domains in turn, until it is stopped. */
function startSteadyLoad(port: number): { readonly stop: () => Promise<readonly Load[]> } {
  const loads: (Load & { readonly finished: Promise<void> })[] = [];
  const startMs = Date.now();
  let sent = 0;
  const tick = setInterval(() => {
    const due = Math.floor(((Date.now() - startMs) / 1_000) * PER_SECOND) - sent;
    if (due <= 0) return;
    const first = sent;
    sent += due;
    let at = first;
    const recipient = (): string => `ana@${KINDS[at++ % KINDS.length] ?? ''}.test`;
    loads.push(
      startLoad({ port: () => port, sessions: 2, prefix: `steady${first}`, count: due, perConnection: due, recipient }),
    );
  }, 50);
  return {
    stop: async () => {
      clearInterval(tick);
      await Promise.all(loads.map(({ finished }) => finished));
      return loads;
    },
  };
}

/** How long each message took from being accepted to being delivered, ms, as the log tells. */
function delays({ lines }: RelayProcess): ReadonlyMap<string, number> {
  const received = new Map<unknown, number>();
  const took = new Map<string, number>();
  for (const line of lines) {
    const { event, messageId: message, time } = line as { event?: string; messageId?: string; time?: string | number };
    if (message === undefined || time === undefined) continue;
    const atMs = typeof time === 'number' ? time : Date.parse(time);
    if (event === 'received') received.set(message, atMs);
    if (event === 'delivered') took.set(message, atMs - (received.get(message) ?? Number.NaN));
  }
  return took;
}

type Terms = { readonly port: number; readonly backupPort: number; readonly servers: ReadonlyMap<string, CloudServer> };

/** Each of the providers has a route of its own, with the same exit behind it. */
async function policyOf({ port, backupPort, servers }: Terms): Promise<string> {
  const egress = [...servers].map(
    ([kind, { url }]) => `  ${kind}: { type: mailgun, domain: ${MAILGUN_DOMAIN}, apiKeys: [k], endpoint: "${url}" }`,
  );
  return `
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
egress:
${egress.join('\n')}
  backup: { type: smtp, host: 127.0.0.1, port: ${backupPort}, tls: none }
routes: [${KINDS.map((kind) => `{ name: ${kind}, match: { recipientDomain: [${kind}.test] }, use: [${kind}, backup] }`).join(', ')}]
retry: { delays: [2s] }
http: { listen: 127.0.0.1:${await freePort()} }
`;
}

test('less than 1 % of the mail is late, none is lost, copies are of attempts in doubt alone, and the exits come back', async () => {
  await using stack = new AsyncDisposableStack();
  const backup = stack.use(await startSmtpSink({ keepContent: false }));
  const servers = new Map<string, CloudServer>();
  for (const kind of KINDS) servers.set(kind, stack.use(await startMailgun()));
  const port = await freePort();
  const relay = stack.use(new RelayProcess(await policyOf({ port, backupPort: backup.port, servers })));
  await relay.start();
  const load = startSteadyLoad(port);
  await wait(WELL_MS);
  for (const [kind, server] of servers) server.act(FAULTS[kind] ?? { kind: 'hang' });
  await wait(FAULT_MS);
  const before = new Map([...servers].map(([kind, server]) => [kind, mailgunSends(server).length]));
  for (const server of servers.values()) server.act();
  // By itself: a message is tried now and then, and the others follow.
  const isBack = (): boolean =>
    [...servers].every(([kind, server]) => mailgunSends(server).length >= (before.get(kind) ?? 0) + 50);
  await expect.poll(isBack, { timeout: 90_000, interval: 500 }).toBe(true);
  const loads = await load.stop();
  const acknowledged = new Set(loads.flatMap((one) => [...one.acknowledged]));
  // What is in doubt waits for five minutes, which providers have to tell what they took: here an operator has them asked at once.
  const left = async (): Promise<unknown> => {
    await relay.cli(['queue', 'retry', '--all']);
    return (await relay.audit())['queued'];
  };
  await expect.poll(left, { timeout: 60_000, interval: 1_000 }).toBe(0);
  const audit = await relay.audit();
  const took = delays(relay);
  const late = [...took.values()].filter((ms) => ms > LATE_MS).length;
  const surplus = [...backup.copies('all').values()].reduce((sum, count) => sum + count - 1, 0);
  process.stdout.write(
    `${acknowledged.size} messages, ${late} (${((100 * late) / took.size).toFixed(2)} %) later than ${LATE_MS} ms, ` +
      `${backup.messages.length} by the other exit, at most ${String(audit['possibleDuplicates'])} copies\n`,
  );
  expect(audit['violations']).toEqual([]);
  expect(took.size).toBe(acknowledged.size);
  expect(late / took.size).toBeLessThan(0.01);
  expect(surplus).toBeLessThanOrEqual(Number(audit['possibleDuplicates']));
  const inDoubt = relay.lines.filter(({ event }) => event === 'in-doubt').length;
  expect(Number(audit['possibleDuplicates'])).toBeLessThanOrEqual(inDoubt);
});
