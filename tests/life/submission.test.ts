/** Mail over HTTP into a relay with two workers, as a user runs it. */
import { SendEmailCommand, SESv2Client } from '@aws-sdk/client-sesv2';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { expect, test } from 'vitest';
import { makeDkimDomain } from '../fakes/dkim-domain.ts';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { startSmtpSink } from '../fakes/smtp-sink.ts';

const MESSAGES = 40;

async function world() {
  await using stack = new AsyncDisposableStack();
  const sink = stack.use(await startSmtpSink());
  const [port, httpPort] = [await freePort(), await freePort()];
  const relay = stack.use(new RelayProcess('', { args: ['--workers', '2'] }));
  const dkim = await makeDkimDomain('app.test', relay.folder);
  relay.writePolicy(`
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { app: { networks: [127.0.0.0/8], senders: ["*@app.test"] } }
domains:
  ${dkim.entry}
egress: { one: { type: smtp, host: 127.0.0.1, port: ${sink.port}, tls: none } }
routes: [{ name: all, use: [one] }]
http: { listen: 127.0.0.1:${httpPort} }
`);
  await relay.start();
  const kept = stack.move();
  const base = `http://127.0.0.1:${httpPort}`;
  return { relay, sink, base, dkim, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

test('mail over HTTP leaves signed, its story tells by which exit, and what is asked again after kill -9 is one message', async () => {
  await using place = await world();
  const { relay, sink, base, dkim } = place;
  const token = async (...args: string[]) =>
    JSON.parse((await relay.cli(['token', 'create', ...args, '--json'])).stdout) as Record<string, string>;
  const {
    token: mine = '',
    accessKeyId = '',
    secretAccessKey = '',
  } = await token('app', '--scopes', 'submit,read', '--client', 'app', '--aws');
  const headers = { authorization: `Bearer ${mine}`, 'content-type': 'application/json' };
  const post = async (place: number): Promise<string | null> => {
    const mail = {
      from: 'shop@app.test',
      to: `to-${place}@dest.test`,
      subject: `no ${place}`,
      text: 'Hello\n',
      html: '<p>Hello</p>',
    };
    const named = { ...headers, 'idempotency-key': `order-${place}` };
    try {
      const answer = await fetch(`${base}/api/v1/messages`, {
        method: 'POST',
        body: JSON.stringify(mail),
        headers: named,
      });
      return answer.status === 202 ? ((await answer.json()) as { id: string }).id : null;
    } catch {
      return null;
    }
  };

  const first = await post(0);
  await sink.until(() => sink.accepted.length === 1);
  const mail = sink.accepted[0]?.content ?? Buffer.alloc(0);
  const { results } = await dkimVerify(mail, { resolver: dkim.resolver });
  expect(results.map(({ status }) => status.result)).toEqual(['pass', 'pass']);
  const story = async () => (await (await fetch(`${base}/api/v1/messages/${first}`, { headers })).json()) as object;
  await expect.poll(async () => JSON.stringify(await story()), { timeout: 20_000 }).toContain('"delivered"');
  expect(JSON.stringify(await story())).toContain('"egress":"one"');

  const places = Array.from({ length: MESSAGES }, (_, at) => at + 1);
  const answered: (string | null)[] = [];
  const asked = places.map(async (at) => {
    const id = await post(at);
    answered[at] = id;
    // While some are answered, some are kept, and some are not even read.
    if (id !== null && answered.filter(Boolean).length === MESSAGES / 4) relay.signal('SIGKILL');
  });
  await Promise.all(asked);
  await relay.exited();
  await relay.start();
  const again = await Promise.all(places.map(post));
  expect(again).not.toContain(null);
  const before = places.filter((at) => answered[at] !== null && answered[at] !== undefined);
  expect(before.length).toBeGreaterThan(0);
  for (const at of before) expect(again[at - 1]).toBe(answered[at]);
  await sink.until(() => new Set(sink.accepted.map(({ messageId }) => messageId)).size === MESSAGES + 1);

  const credentials = { accessKeyId, secretAccessKey };
  const ses = new SESv2Client({ region: 'eu-west-1', endpoint: base, credentials });
  const Simple = { Subject: { Data: 'by the SDK' }, Body: { Text: { Data: 'text' } } };
  const Destination = { ToAddresses: ['sdk@dest.test'] };
  await ses.send(new SendEmailCommand({ FromEmailAddress: 'shop@app.test', Destination, Content: { Simple } }));
  await sink.until(() => sink.accepted.some(({ recipients }) => recipients[0]?.address === 'sdk@dest.test'));
  // Each subject came under one Message-ID, however often it was asked for.
  const ids = new Map<string, Set<string>>();
  for (const { content, messageId } of sink.accepted) {
    const subject = /^Subject: (.*)\r$/m.exec(content.toString())?.[1] ?? '';
    ids.set(subject, (ids.get(subject) ?? new Set()).add(messageId));
  }
  expect([...ids.values()].map((of) => of.size)).toEqual(Array.from({ length: MESSAGES + 2 }, () => 1));
  await relay.stop();
  expect(await relay.audit()).toMatchObject({ accepted: MESSAGES + 2, queued: 0 });
  for (const text of [JSON.stringify(relay.lines), relay.stderr])
    for (const secret of [mine, secretAccessKey]) expect(text).not.toContain(secret);
});
