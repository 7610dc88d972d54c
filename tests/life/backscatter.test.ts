import { createConnection } from 'node:net';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { collectGarbage } from '../fakes/garbage.ts';
import { IngressFixture, MAIL, send, SIGN_IN } from '../fakes/ingress.ts';
import { bounceOf, eachWithReturnPaths } from '../fakes/return-rig.ts';
import { SmtpDialogue } from '../fakes/smtp-dialogue.ts';
import { deliveryOf } from '../fakes/submission.ts';

const rigOf = eachWithReturnPaths();

/** What is under way in sockets, and no more than one message. */
const MOST_BYTES = 30_000_000;

/** The rig's return paths behind a real SMTP port. */
async function behindSmtp(rig: ReturnType<typeof rigOf>): Promise<IngressFixture> {
  return await IngressFixture.open({
    returnPaths: { judge: (address) => rig.paths.judge(address), take: (mail) => rig.paths.take(mail) },
  });
}

/** Says it all at once, and what was answered until the server hung up. */
async function flood(port: number, lines: readonly string[]): Promise<string> {
  const socket = createConnection(port, '127.0.0.1');
  let heard = '';
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => (heard += text));
  socket.on('error', () => undefined);
  await once(socket, 'data');
  socket.write(lines.map((line) => `${line}\r\n`).join(''));
  await once(socket, 'close');
  return heard;
}

test('ten thousand forged bounces over SMTP: each is refused at RCPT, nothing is kept or mailed, and clients go on', async () => {
  const rig = rigOf();
  const submission = await rig.sent();
  const path = rig.pathOf(submission, deliveryOf(submission));
  await using fixture = await behindSmtp(rig);
  const port = fixture.port({ tls: 'opportunistic' });
  rig.spool.story = () => Promise.reject(new Error('looked up'));
  let next = 0;
  const session = (): readonly string[] => [
    'EHLO far.example',
    'MAIL FROM:<>',
    ...Array.from({ length: 20 }, () => {
      next += 1;
      return `RCPT TO:<${path.replace(/[0-9a-f]{24}@/, `${next.toString(16).padStart(24, '0')}@`)}>`;
    }),
    'QUIT',
  ];
  // A client that sends all the while.
  let [isOver, sent] = [false, 0];
  const client = (async () => {
    await using dialogue = await SmtpDialogue.greeted(fixture.port());
    await dialogue.all('EHLO app.example', SIGN_IN);
    while (!isOver) {
      await dialogue.all('MAIL FROM:<ana@shop.example>', 'RCPT TO:<bob@dest.example>');
      expect(await send(dialogue, MAIL.replace('<1@', `<${sent}@`))).toMatch(/^250 2\.6\.0/);
      sent += 1;
    }
  })();
  let refused = 0;
  for (let round = 0; round < 50; round++) {
    const heard = await Promise.all(Array.from({ length: 10 }, () => flood(port, session())));
    refused += heard.join('').split('550 5.1.1 no such address here').length - 1;
  }
  isOver = true;
  await client;
  expect(refused).toBe(10_000);
  expect(fixture.eventsOf('refused').length).toBe(10_000);
  expect(sent).toBeGreaterThan(5);
  expect(fixture.spool.accepted.length).toBe(sent);
  expect(await rig.told()).toEqual([]);
  // Its end of the last connection may come a moment after the client's.
  await expect
    .poll(() => fixture.ingress.counters())
    .toMatchObject({ connections: 0, bytesInFlight: 0, messagesInFlight: 0 });
});

test('a return path that is replayed ten thousand times is told of a hundred times at most, and costs little more', async () => {
  const rig = rigOf();
  const submission = await rig.sent();
  const address = rig.pathOf(submission, deliveryOf(submission));
  const same = bounceOf('gone@dest.test');
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < 5_000; n++) expect((await rig.take({ address, content: same })).code).toBe(250);
  expect((await rig.told()).length).toBe(1);
  expect(rig.events.length).toBe(1);
  for (let n = 0; n < 5_000; n++) {
    expect((await rig.take({ address, content: bounceOf('gone@dest.test', `${n}`) })).code).toBe(250);
  }
  expect((await rig.told()).length).toBe(101);
  expect((await rig.spool.story(submission.message.id))?.events.length).toBe(2 + 101);
  const surplus = rig.events.filter((event) => event.event === 'answered' && event.what === 'surplus');
  expect(surplus.length).toBe(4_900);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(100_000_000);
});

test('the bounce of what the relay tells a sender has nowhere to go: it was from nobody', async () => {
  const rig = rigOf();
  const submission = await rig.sent({ sender: 'gone-too@example.com' });
  await rig.take({ address: rig.pathOf(submission, deliveryOf(submission)), content: bounceOf('gone@dest.test') });
  const [report, ...others] = await rig.told();
  expect(others).toEqual([]);
  expect(report?.to).toBe('gone-too@example.com');
  // From the null sender (`told` holds it to that), so that no server may answer it (RFC 5321 §4.5.5).
  const [queued] = await rig.spool.list({ recipient: 'gone-too@example.com' }, { limit: 1 });
  const story = queued === undefined ? null : await rig.spool.story(queued.delivery.messageId);
  if (story === null || queued === undefined) throw new Error('no report');
  expect(rig.paths.reversePath(story.message, queued.delivery.id)).toBe('');
  expect(rig.paths.judge('MAILER-DAEMON@bounces.example.com')).toBe('unknown');
});

test('a bounce of 140 MB, 100 MB once decoded, is refused, and neither it nor what it says is ever in memory', async () => {
  const rig = rigOf();
  const submission = await rig.sent();
  const path = rig.pathOf(submission, deliveryOf(submission));
  await using fixture = await behindSmtp(rig);
  const megabyte = Buffer.from(`${'QUJD'.repeat(19)}\r\n`.repeat(12_820));
  const socket = createConnection(fixture.port({ tls: 'opportunistic' }), '127.0.0.1');
  socket.setEncoding('latin1');
  let heard = '';
  let most = 0;
  const before = process.memoryUsage().arrayBuffers;
  const grownBytes = (): number => process.memoryUsage().arrayBuffers - before;
  socket.on('data', (text: string) => (heard += text));
  socket.on('error', () => undefined);
  socket.write(`EHLO far.example\r\nMAIL FROM:<>\r\nRCPT TO:<${path}>\r\nDATA\r\n`);
  await expect.poll(() => heard).toContain('354 ');
  socket.write('Content-Transfer-Encoding: base64\r\n\r\n');
  for (let sent = 0; sent < 140 && !socket.destroyed; sent++) {
    if (!socket.write(megabyte)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
    // What nobody keeps any more is no part of it.
    if (grownBytes() > MOST_BYTES) collectGarbage();
    most = Math.max(most, grownBytes());
  }
  socket.write('.\r\n');
  await expect.poll(() => heard).toContain('552 5.3.4 message exceeds the size limit');
  socket.destroy();
  expect(most).toBeLessThanOrEqual(MOST_BYTES);
  expect(rig.events).toEqual([]);
  expect(fixture.ingress.counters().bytesInFlight).toBe(0);
});
