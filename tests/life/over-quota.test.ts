/** A client over its quota, whose software does not come again: several workers, a kill, and never more than the quota. */
import { expect, test } from 'vitest';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { SmtpDialogue } from '../fakes/smtp-dialogue.ts';
import { startSmtpSink } from '../fakes/smtp-sink.ts';

const QUOTA = 4;
const COUNT = 2 * QUOTA + 3;

/** As PHP does: a connection for each message. */
async function handIn(port: number, number: number): Promise<string> {
  await using dialogue = await SmtpDialogue.greeted(port);
  await dialogue.all('HELO app.test', 'MAIL FROM:<a@app.test>', 'RCPT TO:<b@dest.test>', 'DATA');
  dialogue.write(`From: a@app.test\r\nMessage-ID: <${number}@app.test>\r\n\r\n${number}\r\n.\r\n`);
  return await dialogue.reply();
}

test('what is over the quota waits, says why, and goes by itself, in order, after a kill too', async () => {
  await using sink = await startSmtpSink();
  const port = await freePort();
  const policyWith = (quota: string): string => `
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { php: { networks: [127.0.0.0/8], senders: ["*"], quota: ${quota}, overQuota: hold } }
egress: { out: { type: smtp, host: 127.0.0.1, port: ${sink.port}, tls: none } }
routes: [{ name: all, use: [out] }]
`;
  await using relay = new RelayProcess(policyWith(`${QUOTA}/d`), { args: ['--workers', '2'] });
  await relay.start();
  for (let number = 0; number < COUNT; number++) expect(await handIn(port, number)).toMatch(/^250/);
  await sink.until(() => sink.accepted.length >= QUOTA);
  await relay.waitFor((line) => line['name'] === 'quota-held:php');
  await relay.kill();
  const { stdout } = await relay.cli(['queue', 'list', '--state', 'held']);
  expect(stdout.match(/over its quota of 4\/d: it goes by itself/g)).toHaveLength(COUNT - QUOTA);
  expect(sink.accepted).toHaveLength(QUOTA);

  relay.writePolicy(policyWith(`${QUOTA}/s`));
  const seconds = (): number => Math.floor(Date.now() / 1_000);
  const first = seconds();
  await relay.start();
  let most = 0;
  const isAll = (): boolean => {
    most = Math.max(most, sink.accepted.length - QUOTA * (seconds() - first + 2));
    return sink.accepted.length >= COUNT;
  };
  await expect.poll(isAll, { timeout: 30_000, interval: 20 }).toBe(true);
  expect(most).toBeLessThanOrEqual(0);
  const order = sink.accepted.map(({ messageId }) => Number(/\d+/.exec(messageId)?.[0]));
  expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: COUNT }, (_, at) => at));
  expect(await relay.audit()).toMatchObject({ queued: 0, violations: [] });
  expect(relay.lines.filter((line) => line.event === 'failed')).toEqual([]);
});
