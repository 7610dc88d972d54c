import { simpleParser } from 'mailparser';
import { expect, test } from 'vitest';
import { QMAIL } from '../../tests/fakes/bounces.ts';
import { bounceOf, DOMAINS, eachWithReturnPaths } from '../../tests/fakes/return-rig.ts';
import { deliveryOf } from '../../tests/fakes/submission.ts';
import { longestTurnMs } from '../../tests/fakes/turns.ts';

const fixture = eachWithReturnPaths();

test('ten thousand forged return paths cost no look-up and next to no time', async () => {
  const rig = fixture();
  const submission = await rig.sent();
  const path = rig.pathOf(submission, deliveryOf(submission));
  rig.spool.story = () => Promise.reject(new Error('looked up'));
  let known = 0;
  const longestMs = await longestTurnMs(async () => {
    for (let n = 0; n < 10_000; n++) {
      const forged = path.replace(/[0-9a-f]{24}@/, `${n.toString(16).padStart(24, '0')}@`);
      if (rig.paths.judge(forged) !== 'unknown') known += 1;
      expect(await rig.take({ address: forged, content: Buffer.alloc(0) })).toMatchObject({ code: 550 });
    }
  });
  expect(known).toBe(0);
  expect(longestMs).toBeLessThan(3_000);
});

test('a storm of bounces of one delivery ends: the surplus is counted, and neither kept nor told', async () => {
  const rig = fixture();
  const submission = await rig.sent();
  const address = rig.pathOf(submission, deliveryOf(submission));
  for (let n = 0; n < 150; n++)
    expect(await rig.take({ address, content: bounceOf('gone@dest.test', `${n}`) })).toMatchObject({ code: 250 });
  expect((await rig.told()).length).toBe(101);
  expect(rig.events.filter((event) => event.event === 'bounced-later').length).toBe(101);
  expect(rig.events.filter((event) => event.event === 'answered' && event.what === 'surplus').length).toBe(49);
  expect((await rig.spool.story(submission.message.id))?.events.length).toBe(2 + 101);
});

test('what a stranger puts into From goes out inside a message of the relay’s own', async () => {
  const rig = fixture();
  const submission = await rig.sent();
  const address = rig.pathOf(submission, deliveryOf(submission));
  const content = Buffer.from('From: ceo@relay.test\r\nSubject: pay now\r\nBcc: victim@other.test\r\n\r\nPay.\r\n');
  await rig.take({ address, content });
  const [answer, ...others] = await rig.told();
  expect(others).toEqual([]);
  expect(answer?.to).toBe('shop@example.com');
  const parsed = await simpleParser(answer?.content ?? '');
  expect(parsed.from?.text).toContain('MAILER-DAEMON@relay.test');
  expect(parsed.subject).toBe('An answer to your message');
  const [, inside = ''] = (answer?.content ?? '').split('Content-Type: message/rfc822\r\n');
  expect(inside).toMatch(
    /^Content-Transfer-Encoding: 7bit\r\n\r\nReceived: from mx\.dest\.test by relay\.test id [0-9A-Z]{26}; now\r\n/,
  );
  expect(inside).toContain(String(content));
});

test('of what is too long to keep the start is read and passed on, and whoever gets it is told so', async () => {
  const rig = fixture();
  rig.inForce({ domains: { 'example.com': { ...DOMAINS['example.com'], complaints: ['fbl'] } } });
  const submission = await rig.sent();
  const address = rig.pathOf(submission, deliveryOf(submission));
  const text = 'x'.repeat(70);
  const start = (head: string): Buffer => Buffer.from(`${head}${`${text}\r\n`.repeat(13_000)}`);
  for (const [to, head] of [
    [address, QMAIL],
    [address, 'From: ana@far.test\r\nAuto-Submitted: auto-replied\r\nSubject: away\r\n\r\nI am away.\r\n'],
    ['fbl@bounces.example.com', 'From: ana@far.test\r\nSubject: stop\r\n\r\nPlease.\r\n'],
  ] as const)
    expect(await rig.take({ address: to, content: start(head), isCut: true })).toMatchObject({ code: 250 });
  expect(rig.events).toMatchObject([
    { event: 'bounced-later', recipients: ['gone@dest.test'] },
    { event: 'answered', what: 'auto-reply' },
  ]);
  const told = await rig.told();
  expect(told.length).toBe(3);
  for (const { content } of told) {
    expect(content.split('Content-Type: message/rfc822')[0]).toContain(
      'too long to keep: what is attached is its start',
    );
    expect(content.split(text).length).toBe(13_001);
  }
  expect(told.some(({ content }) => content.includes('Its report is attached as it came'))).toBe(false);
});
