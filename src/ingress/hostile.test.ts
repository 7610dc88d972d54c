/** What one client sends must not keep the others waiting, whatever it is. */
import { expect, test } from 'vitest';
import { IngressFixture } from '../../tests/fakes/ingress.ts';
import { SmtpDialogue } from '../../tests/fakes/smtp-dialogue.ts';

const MB = 1024 * 1024;

/** The most CPU time that one turn of the event loop took while `run` was going on, ms: nobody else gets a word in then. */
async function longestTurnMs(run: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let isOver = false;
  const watch = async () => {
    let before = process.threadCpuUsage().user;
    while (!isOver) {
      await new Promise((resolve) => setImmediate(resolve));
      const now = process.threadCpuUsage().user;
      longest = Math.max(longest, (now - before) / 1000);
      before = now;
    }
  };
  const watching = watch();
  await run();
  isOver = true;
  await watching;
  return longest;
}

async function deliver(fixture: IngressFixture, wire: Buffer): Promise<string> {
  await using dialogue = await SmtpDialogue.greeted(fixture.port(), { localAddress: '127.0.0.5' });
  await dialogue.all('EHLO x', 'MAIL FROM:<a@any.example>', 'RCPT TO:<b@dest.example>', 'DATA');
  for (let at = 0; at < wire.length; at += MB) await dialogue.send(wire.subarray(at, at + MB));
  dialogue.write('\r\n.\r\n');
  return await dialogue.reply();
}

const HEADER = 'From: a@any.example\r\nMessage-ID: <1@any.example>\r\n\r\n';

test.each([
  ['24 MB of dotted lines', Buffer.concat([Buffer.from(HEADER), Buffer.alloc(24 * MB, '..\r\n')]), /^250/],
  ['12 MB of bare LF', Buffer.concat([Buffer.from(HEADER), Buffer.alloc(12 * MB, '\n')]), /^250/],
  ['12 MB of bare CR', Buffer.concat([Buffer.from(HEADER), Buffer.alloc(12 * MB, '\r')]), /^250/],
  ['24 MB of empty lines', Buffer.concat([Buffer.from(HEADER), Buffer.alloc(24 * MB, '\r\n')]), /^250/],
  ['24 MB in one line', Buffer.concat([Buffer.from(HEADER), Buffer.alloc(24 * MB, 'x')]), /^554/],
  ['24 MB of NUL', Buffer.concat([Buffer.from(HEADER), Buffer.alloc(24 * MB)]), /^554/],
  ['24 MB of text without a header', Buffer.alloc(24 * MB, 'just text\r\n'), /^250/],
  ['24 MB of header', Buffer.alloc(24 * MB, 'A: b\r\n'), /^552/],
  ['60,000 header fields', Buffer.alloc(250_000, 'A:\r\n'), /^250/],
  ['one field with 60,000 folds', Buffer.from(`A: b\r\n${' \r\n'.repeat(60_000)}`), /^250/],
  ['a From with 15,000 addresses', Buffer.from(`From: ${'a@b.example,\r\n '.repeat(15_000)}a@b.example\r\n`), /^250/],
  [
    'a From with 240,000 brackets',
    Buffer.from(`From: ${`${'('.repeat(900)}\r\n `.repeat(265)}a@b.example\r\n`),
    /^250/,
  ],
])('%s', async (_what, wire, reply) => {
  await using fixture = await IngressFixture.open();
  let heard = '';
  const longestMs = await longestTurnMs(async () => {
    heard = await deliver(fixture, wire);
  });
  expect(heard).toMatch(reply);
  expect(longestMs).toBeLessThan(150);
});

test.each([
  ['NOOP\r\n', 400_000],
  ['RCPT TO:<a@dest.example>\r\n', 100_000],
  [`RCPT TO:<${'"'.repeat(400)}>\r\n`, 10_000],
  [`MAIL FROM:<${'@a,'.repeat(300)}:b@c.example>\r\n`, 5_000],
  [`RCPT TO:<a@${'xn--a.'.repeat(60)}example>\r\n`, 5_000],
])('%j, again and again without waiting', async (command, times) => {
  await using fixture = await IngressFixture.open();
  const flood = Buffer.from(command.repeat(times));
  const longestMs = await longestTurnMs(async () => {
    await using dialogue = await SmtpDialogue.greeted(fixture.port(), { localAddress: '127.0.0.5' });
    await dialogue.all('HELO x', 'MAIL FROM:<a@any.example>');
    let replies = 0;
    const reading = (async () => {
      while (replies < times && (await dialogue.reply()) !== '') replies += 1;
    })();
    for (let at = 0; at < flood.length; at += MB) await dialogue.send(flood.subarray(at, at + MB));
    await reading;
    expect(replies).toBe(times);
  });
  expect(longestMs).toBeLessThan(150);
});

test('a thousand connections that drip one byte at a time do no harm', async () => {
  await using fixture = await IngressFixture.open({ policy: { limits: { connections: 1_100 } } });
  const before = process.memoryUsage().rss;
  const opening = Array.from({ length: 1_000 }, (_, at) =>
    SmtpDialogue.open(fixture.port(), { localAddress: `127.0.1.${1 + (at % 25)}` }),
  );
  await using all = new AsyncDisposableStack();
  const drippers = (await Promise.all(opening)).map((dialogue) => all.use(dialogue));
  const longestMs = await longestTurnMs(async () => {
    for (let time = 0; time < 5; time++) {
      for (const dripper of drippers) dripper.write('x');
      expect(await deliver(fixture, Buffer.from(`${HEADER}text ${time}\r\n`))).toMatch(/^250/);
    }
  });
  expect(fixture.ingress.counters().connections).toBeGreaterThanOrEqual(1_000);
  expect(longestMs).toBeLessThan(150);
  // Both ends of them.
  expect(process.memoryUsage().rss - before).toBeLessThan(200 * MB);
});
