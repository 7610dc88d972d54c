/** A client that does what it never did, in a relay as a user runs it: from the burst to the click on the link of the alert. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ClientGuard } from '../../src/clients/guard.ts';
import { policySchema } from '../../src/policy/schema.ts';
import { openEmbeddedSpool } from '../../src/spool/embedded/spool.ts';
import { systemClock, systemRandom } from '../../src/system.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type HookListener, startHookListener } from '../fakes/hook-listener.ts';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { SmtpDialogue } from '../fakes/smtp-dialogue.ts';
import { startSmtpSink } from '../fakes/smtp-sink.ts';
import { aSubmission } from '../fakes/submission.ts';

const HOUR_MS = 3_600_000;
const CLIENTS = { crm: { networks: ['127.0.0.2'], senders: ['*'] }, shop: { networks: ['127.0.0.3'], senders: ['*'] } };
const GUARD = { least: 20 };
/** The usual of an hour, all day and all night. */
const USUAL = ['r0@dest.test', 'r1@dest.test', 'r2@dest.test'];

/** 15 days of a client, learnt as a relay learns them. */
async function seed(path: string, client: string): Promise<void> {
  const clock = new FakeClock(systemClock.nowMs() - 15 * 24 * HOUR_MS);
  const policy = policySchema.parse({ hostname: 'relay.test', clients: CLIENTS, guard: GUARD });
  await using spool = await openEmbeddedSpool({ path, durability: 'relaxed', clock });
  await using guard = new ClientGuard({
    policy: () => policy,
    clock,
    random: systemRandom,
    emit: () => {},
    marks: spool.marks,
    tallies: spool.ledger,
    isOurs: async () => true,
    spool,
    wake: () => {},
  });
  for (let hour = 0; hour < 15 * 24; hour++) {
    guard.heard({ ...aSubmission({ atMs: clock.nowMs(), client, stream: 'marketing', to: USUAL }).received });
    if (hour % 40 === 0) await guard.look();
    clock.jumpMs(HOUR_MS);
  }
  await guard.look();
}

/** A client's software, which hands in one message after the other. */
async function software(port: number, localAddress: string) {
  const dialogue = await SmtpDialogue.greeted(port, { localAddress });
  await dialogue.say('EHLO app.test');
  let number = 0;
  const send = async (stream: 'marketing' | 'transactional'): Promise<string> => {
    number += 1;
    const id = `<${localAddress}.${stream}.${number}@app.test>`;
    await dialogue.all('MAIL FROM:<a@app.test>', `RCPT TO:<${USUAL[number % 3]}>`, 'DATA');
    dialogue.write(`From: a@app.test\r\nMessage-ID: ${id}\r\nX-Relevo-Stream: ${stream}\r\n\r\n${number}\r\n.\r\n`);
    expect(await dialogue.reply()).toMatch(/^250/);
    return id;
  };
  return { send, [Symbol.asyncDispose]: () => dialogue[Symbol.asyncDispose]() };
}

async function linkIn(listener: HookListener): Promise<string> {
  let link: RegExpExecArray | null = null;
  await expect
    .poll(
      () => (link = /https:\/\/out\.test(\/release\/[\w.-]+)/.exec(listener.posts.map(({ body }) => body).join())),
      {
        timeout: 20_000,
        interval: 20,
      },
    )
    .not.toBeNull();
  return link?.[1] ?? '';
}

test('its marketing mail is held, all else goes out, and the link of the alert lets it go, once', async () => {
  await using sink = await startSmtpSink();
  await using listener = await startHookListener();
  const [port, httpPort] = [await freePort(), await freePort()];
  await using relay = new RelayProcess(`
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: ${JSON.stringify(CLIENTS)}
guard: ${JSON.stringify(GUARD)}
egress: { out: { type: smtp, host: 127.0.0.1, port: ${sink.port}, tls: none } }
routes: [{ name: all, use: [out] }]
alerts: { to: [{ url: "${listener.url}", secret: hush }], gather: 1s }
http: { listen: 127.0.0.1:${httpPort}, publicUrl: https://out.test }
`);
  await seed(join(relay.dataFolder, 'spool'), 'crm');
  await relay.start();
  await using crm = await software(port, '127.0.0.2');
  await using shop = await software(port, '127.0.0.3');
  const [sent, held]: [string[], string[]] = [[], []];
  const isAlert = (raised: boolean): boolean =>
    relay.lines.some((line) => line['name'] === 'client-anomaly:crm' && line['raised'] === raised);
  const holds = (): number => relay.lines.filter((line) => line.event === 'held').length;

  while (holds() === 0 && sent.length < 3_000) sent.push(await crm.send('marketing'));
  expect(isAlert(true)).toBe(true);
  for (let n = 0; n < 5; n++) held.push(await crm.send('marketing'));
  sent.push(await crm.send('transactional'), await shop.send('marketing'), await shop.send('transactional'));
  await expect.poll(() => sink.accepted.length + holds(), { timeout: 10_000 }).toBe(sent.length + held.length);
  const arrived = new Set(sink.accepted.map(({ messageId }) => messageId));
  expect(held.filter((id) => arrived.has(id))).toEqual([]);
  expect(sent.slice(-3).filter((id) => !arrived.has(id))).toEqual([]);

  const url = `http://127.0.0.1:${httpPort}${await linkIn(listener)}`;
  expect(listener.posts[0]?.signedWith('hush')).toBe(true);
  const asked = await fetch(url);
  expect([asked.status, await asked.text()]).toEqual([200, expect.stringContaining('<button type="submit">')]);
  expect((await fetch(`${url}A`, { method: 'POST' })).status).toBe(404);
  expect(sink.accepted.length).toBe(arrived.size);
  const released = await fetch(url, { method: 'POST' });
  expect([released.status, await released.text()]).toEqual([200, expect.stringContaining('goes out now')]);
  await sink.until(() => sink.accepted.length === sent.length + held.length);
  expect(await (await fetch(url, { method: 'POST' })).text()).toContain('this link did its work');

  expect([...sink.copies().keys()].toSorted()).toEqual([...sent, ...held].toSorted());
  expect(await relay.audit()).toMatchObject({ queued: 0, possibleDuplicates: 0, violations: [] });
  expect(relay.lines.filter((line) => line.event === 'failed')).toEqual([]);
});
