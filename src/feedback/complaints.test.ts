import { simpleParser } from 'mailparser';
import { expect, test } from 'vitest';
import { complaintOf, microsoftComplaint } from '../../tests/fakes/complaint.ts';
import { bounceOf, DAY_MS, DOMAINS, eachWithReturnPaths, type ReturnRig } from '../../tests/fakes/return-rig.ts';
import { deliveryOf } from '../../tests/fakes/submission.ts';
import type { Submission } from '../spool/spool.ts';

const rigOf = eachWithReturnPaths();
const FBL = 'fbl@bounces.example.com';
const TAKEN = { code: 250, detail: '6.0', text: 'taken' };
const BY = 'abuse, by MailboxLoop/1.0';

function fixture(): ReturnRig {
  const rig = rigOf();
  rig.inForce({ domains: { 'example.com': { ...DOMAINS['example.com'], complaints: ['fbl', 'abuse'] } } });
  return rig;
}

/** The fields that the message went out with. */
function marksOf(rig: ReturnRig, { message }: Submission): readonly string[] {
  const { id, fromDomain, receivedAtMs } = message;
  return rig.paths.fieldsFor({ id, fromDomain, firstAtMs: receivedAtMs, fields: [] }).map(({ raw }) => raw.trimEnd());
}

function complained(rig: ReturnRig) {
  return rig.events.map((event) => [event.event, 'recipients' in event ? event.recipients : null]);
}

test('mail of a domain with a return path names its message, signed, and where complaints are taken', async () => {
  const rig = fixture();
  const submission = await rig.sent();
  const [token, address, ...others] = marksOf(rig, submission);
  expect(token).toMatch(/^X-Report-Token: [0-9a-z]{26}-[0-9a-z]+-[0-9a-f]{24}$/);
  expect(token).toContain(submission.message.id.toLowerCase());
  expect(address).toBe(`CFBL-Address: ${FBL}; report=arf`);
  expect(others).toEqual([]);
  const { id, receivedAtMs: firstAtMs } = submission.message;
  const own = { name: 'cfbl-address', raw: 'CFBL-Address: me@app.test; report=arf\r\n' };
  const fields = rig.paths.fieldsFor({ id, fromDomain: 'example.com', firstAtMs, fields: [own] });
  expect(fields.map(({ name }) => name)).toEqual(['x-report-token']);
  expect(rig.paths.fieldsFor({ id, fromDomain: 'other.test', firstAtMs, fields: [] })).toEqual([]);
  rig.keys = null;
  expect(rig.paths.fieldsFor({ id, fromDomain: 'example.com', firstAtMs, fields: [] })).toEqual([]);
});

test('a token is believed for as long as its key stands in the file, whichever signs now', async () => {
  const rig = fixture();
  const submission = await rig.sent();
  const content = complaintOf({ original: marksOf(rig, submission) });
  const [before] = rig.keys ?? [];
  if (before === undefined) throw new Error('no key');
  rig.keys = [Buffer.alloc(32, 8)];
  await rig.take({ address: FBL, content });
  rig.keys = [Buffer.alloc(32, 8), before];
  await rig.take({ address: FBL, content });
  expect(rig.events.map(({ event }) => event)).toEqual(['complaint-dropped', 'complained']);
});

test('addresses for complaints are known where the policy names them, and nowhere else', () => {
  const rig = fixture();
  expect(rig.paths.judge(FBL)).toBe('known');
  expect(rig.paths.judge('ABUSE@bounces.example.com')).toBe('known');
  expect(rig.paths.judge('postmaster@bounces.example.com')).toBe('unknown');
  expect(rig.paths.judge('fbl@example.com')).toBe('elsewhere');
  rig.inForce({ domains: DOMAINS });
  expect(rig.paths.judge(FBL)).toBe('unknown');
});

test('a complaint with the token is kept and learnt from, counted to the exit, and nobody is mailed', async () => {
  const rig = fixture();
  const submission = await rig.sent();
  const content = complaintOf({ original: marksOf(rig, submission) });
  expect(await rig.take({ address: FBL, content })).toEqual(TAKEN);
  expect(rig.events).toMatchObject([
    {
      event: 'complained',
      source: 'report',
      detail: BY,
      deliveryId: deliveryOf(submission),
      recipients: ['gone@dest.test'],
      egress: 'direct',
    },
  ]);
  expect(rig.events).toMatchObject(rig.learnt);
  expect((await rig.spool.story(submission.message.id))?.events.at(-1)).toEqual(rig.learnt[0]);
  expect(await rig.told()).toEqual([]);
});

test('the return path that a provider leaves in names the delivery', async () => {
  const rig = fixture();
  const submission = await rig.sent({ to: ['ana@one.test', 'luis@two.test'] });
  const path = rig.pathOf(submission, deliveryOf(submission, 2));
  await rig.take({ address: FBL, content: complaintOf({ original: [`Return-Path: <${path}>`] }) });
  const fields = [`Original-Mail-From: <${rig.pathOf(submission, deliveryOf(submission))}>`];
  await rig.take({ address: FBL, content: complaintOf({ original: ['Subject: x'], fields }) });
  // And one that comes to the return path itself.
  await rig.take({ address: path, content: complaintOf({ original: ['Subject: x'], type: 'fraud' }) });
  expect(complained(rig)).toEqual([
    ['complained', ['luis@two.test']],
    ['complained', ['ana@one.test']],
  ]);
});

test('of several recipients only whom the report names has complained; where it names nobody, nobody is suppressed', async () => {
  const rig = fixture();
  const submission = await rig.sent({ to: ['ana@dest.test', 'luis@dest.test', 'eva@two.test'] });
  const original = marksOf(rig, submission);
  await rig.take({ address: FBL, content: complaintOf({ original, fields: ['Original-Rcpt-To: <EVA@two.test>'] }) });
  await rig.take({ address: FBL, content: microsoftComplaint(original, 'luis@dest.test') });
  await rig.take({ address: FBL, content: complaintOf({ original, fields: ['Original-Rcpt-To: victim@far.test'] }) });
  expect(complained(rig)).toEqual([
    ['complained', ['eva@two.test']],
    ['complained', ['luis@dest.test']],
  ]);
  const other = await rig.sent({ to: ['ana@dest.test', 'luis@dest.test'] });
  await rig.take({ address: FBL, content: complaintOf({ original: marksOf(rig, other) }) });
  expect(complained(rig).at(-1)).toEqual(['complained', []]);
});

test('a complaint that nobody of ours signed suppresses no stranger, and is counted', async () => {
  const rig = fixture();
  const submission = await rig.sent();
  const [token = ''] = marksOf(rig, submission);
  const forged = token.replace(/[0-9a-f]$/, (digit) => (digit === '0' ? '1' : '0'));
  const naming = [
    'Original-Rcpt-To: gone@dest.test',
    `Original-Mail-From: <b+${'0'.repeat(26)}-1-g17-${'0'.repeat(24)}@bounces.example.com>`,
  ];
  for (const original of [[forged], ['Subject: x'], [`Message-ID: ${submission.message.messageIdHeader}`]]) {
    expect(await rig.take({ address: FBL, content: complaintOf({ original, fields: naming }) })).toEqual(TAKEN);
  }
  expect(rig.learnt).toEqual([]);
  expect(rig.events).toMatchObject(
    Array.from({ length: 3 }, () => ({
      event: 'complaint-dropped',
      address: FBL,
      reason: `nothing in it was signed by this relay (${BY})`,
    })),
  );
});

test('a token is believed as long as a return path, and as long as the history knows the message', async () => {
  const rig = fixture();
  const submission = await rig.sent();
  const content = complaintOf({ original: marksOf(rig, submission) });
  await rig.clock.advance(31 * DAY_MS + rig.policy.retry.expireMs);
  expect(await rig.take({ address: FBL, content })).toEqual(TAKEN);
  const late = await rig.sent();
  const marks = marksOf(rig, late);
  await rig.clock.advance(1_000);
  await rig.spool.prune(rig.clock.nowMs());
  await rig.take({ address: FBL, content: complaintOf({ original: marks }) });
  expect(rig.events.map((event) => 'reason' in event && event.reason)).toEqual([
    `nothing in it was signed by this relay (${BY})`,
    `the history has forgotten the message that it is about (${BY})`,
  ]);
});

test('what a report is of decides: an opt-out is no complaint, and what somebody wants to have is none either', async () => {
  const rig = fixture();
  for (const [type, event] of [
    ['opt-out', 'unsubscribed'],
    ['virus', 'complained'],
    ['not-spam', null],
    ['auth-failure', null],
  ] as const) {
    const submission = await rig.sent();
    const content = complaintOf({ original: marksOf(rig, submission), type });
    expect(await rig.take({ address: FBL, content })).toEqual(TAKEN);
    const about = rig.events.filter((one) => 'messageId' in one && one.messageId === submission.message.id);
    expect(
      about.map((one) => one.event),
      type,
    ).toEqual(event === null ? [] : [event]);
  }
});

test('Microsoft may pass the mail on as it is: its own field on top and the token in it are believed, one alone is not', async () => {
  const rig = fixture();
  const submission = await rig.sent({ to: ['ana@dest.test', 'luis@dest.test'] });
  const original = [...marksOf(rig, submission), 'From: shop@example.com', 'Subject: x', '', 'text', ''].join('\r\n');
  const field = 'X-HmXmrOriginalRecipient: luis@dest.test\r\n';
  await rig.take({ address: FBL, content: Buffer.from(`${field}From: shop@example.com\r\n\r\ntext\r\n`) });
  await rig.take({ address: FBL, content: Buffer.from(original) });
  expect(complained(rig)).toEqual([]);
  expect(await rig.take({ address: FBL, content: Buffer.from(field + original) })).toEqual(TAKEN);
  expect(complained(rig)).toEqual([['complained', ['luis@dest.test']]]);
});

test('what is no report goes to the postmaster as an attachment, so many an hour; bounces are refused', async () => {
  const rig = fixture();
  const address = 'abuse@bounces.example.com';
  const letter = Buffer.from('From: ana@far.test\r\nSubject: your mail\r\n\r\nPlease stop.\r\n');
  expect(await rig.take({ address, content: letter })).toEqual(TAKEN);
  expect(await rig.take({ address, content: microsoftComplaint(['Subject: not yours'], 'gone@dest.test') })).toEqual(
    TAKEN,
  );
  const [told, ...others] = await rig.told();
  expect(others.length).toBe(1);
  expect(told?.to).toBe(rig.policy.postmaster);
  const parsed = await simpleParser(
    (await rig.told()).find(({ content }) => content.includes('Please stop'))?.content ?? '',
  );
  expect(parsed.from?.text).toContain('MAILER-DAEMON@relay.test');
  expect(parsed.attachments.map(({ contentType, content }) => [contentType, content.toString()])).toEqual([
    ['message/rfc822', expect.stringContaining(String(letter).trimEnd())],
  ]);
  const refused = { code: 550, detail: '7.1', text: 'only complaint reports (RFC 5965) are taken here' };
  expect(await rig.take({ address, content: bounceOf('gone@dest.test') })).toEqual(refused);
  const later = { code: 450, detail: '7.1', text: 'too many messages to this address, try again later' };
  for (let n = 0; n < 30; n++) await rig.take({ address, content: letter });
  expect(await rig.take({ address, content: letter })).toEqual(later);
  expect((await rig.told()).length).toBeLessThanOrEqual(20);
  await rig.clock.advance(3_600_000);
  expect(await rig.take({ address, content: letter })).toEqual(TAKEN);
  // A postmaster who is a return path would be told of what he is told.
  rig.policy = { ...rig.policy, postmaster: 'fbl@bounces.example.com' };
  expect(await rig.take({ address, content: letter })).toEqual(refused);
  expect([rig.events, rig.learnt]).toEqual([[], []]);
});

test('a complaint that comes again is noted once, also after a crash before it was noted', async () => {
  const rig = fixture();
  const submission = await rig.sent();
  const content = complaintOf({ original: marksOf(rig, submission) });
  const note = rig.spool.note.bind(rig.spool);
  rig.spool.note = () => Promise.reject(new Error('died'));
  await expect(rig.take({ address: FBL, content })).rejects.toThrow('died');
  expect(rig.learnt.length).toBe(1);
  rig.spool.note = note;
  for (let n = 0; n < 500; n++) expect(await rig.take({ address: FBL, content })).toEqual(TAKEN);
  expect(rig.events.length).toBe(1);
  expect(
    (await rig.spool.story(submission.message.id))?.events.filter(({ event }) => event === 'complained').length,
  ).toBe(1);
});

test('a complaint that returns a message too long to keep counts all the same', async () => {
  const rig = fixture();
  const submission = await rig.sent();
  const whole = complaintOf({ original: [...marksOf(rig, submission), '', `${'x'.repeat(70)}\r\n`.repeat(14_000)] });
  const content = whole.subarray(0, whole.lastIndexOf('x\r\n', 950_000) + 3);
  expect(await rig.take({ address: FBL, content, isCut: true })).toEqual(TAKEN);
  expect(complained(rig)).toEqual([['complained', ['gone@dest.test']]]);
});

test('where what is learnt cannot be kept, nothing is answered for', async () => {
  const rig = fixture();
  const submission = await rig.sent();
  rig.learning = () => Promise.reject(new Error('the store is away'));
  const content = complaintOf({ original: marksOf(rig, submission) });
  await expect(rig.take({ address: FBL, content })).rejects.toThrow('the store is away');
  const bounce = { address: rig.pathOf(submission, deliveryOf(submission)), content: bounceOf('gone@dest.test') };
  await expect(rig.take(bounce)).rejects.toThrow('the store is away');
  expect(rig.events).toEqual([]);
  rig.learning = async () => undefined;
  await rig.take({ address: FBL, content });
  await rig.take(bounce);
  expect(rig.events.map(({ event }) => event)).toEqual(['complained', 'bounced-later']);
  expect(rig.learnt.map(({ event }) => event)).toEqual(['complained', 'bounced-later']);
  expect((await rig.told()).length).toBe(1);
});
