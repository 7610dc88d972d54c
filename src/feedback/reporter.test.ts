import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { aSubmission } from '../../tests/fakes/submission.ts';
import { longestTurnMs } from '../../tests/fakes/turns.ts';
import type { Event } from '../message/event.ts';
import { deliveryIdOf } from '../message/ids.ts';
import type { Message } from '../message/message.ts';
import { OWN_CLIENT } from '../message/message.ts';
import type { Notice, NoticeKind } from '../message/notice.ts';
import { policySchema } from '../policy/schema.ts';
import type { Submission } from '../spool/spool.ts';
import { type OwnMail, ownMailStore } from './own-mail.ts';
import { createReporter, reportIdOf } from './reporter.ts';

const policy = policySchema.parse({
  hostname: 'relay.test',
  postmaster: 'Chief@relay.test',
  clients: { quiet: { networks: ['192.0.2.0/24'], senders: ['*'], bounceMail: false } },
});
const { message: FROM_SHOP } = aSubmission({ atMs: Date.UTC(2026, 0, 1) });
const FROM_NOBODY: Message = { ...FROM_SHOP, envelope: { ...FROM_SHOP.envelope, sender: '' } };
const OWN_REPORT: Message = { ...FROM_NOBODY, client: OWN_CLIENT, messageIdHeader: '<report.1@relay.test>' };

function aNotice(
  message: Message,
  { kind = 'failed', to = ['bob@dest.test'] }: { kind?: NoticeKind; to?: string[] } = {},
): Notice {
  return {
    kind,
    message,
    deliveryId: deliveryIdOf(message.id, 1),
    recipients: to.map((address) => ({ recipient: { address, notify: null, orcpt: null }, reply: null, host: null })),
    atMs: Date.UTC(2026, 0, 2),
    retryUntilMs: null,
    content: null,
  };
}

/** What is queued, and what is told to operators. */
async function told(notice: Notice, kept: Buffer | null = Buffer.from('Subject: x\r\n\r\nkept\r\n')) {
  const queued: OwnMail[] = [];
  const events: Event[] = [];
  const report = createReporter({
    policy: () => policy,
    clock: new FakeClock(),
    emit: (event) => void events.push(event),
    spool: { content: async () => (kept === null ? { kind: 'missing' } : { kind: 'found', content: kept }) },
    submitOwn: async (mail) => void queued.push(mail),
  });
  await report(notice);
  return { queued, events, text: queued[0]?.content.toString() ?? '' };
}

test('the envelope sender is told, with the original from the spool', async () => {
  const { queued, text } = await told(aNotice(FROM_SHOP));
  expect(queued.map(({ recipient }) => recipient)).toEqual(['shop@example.com']);
  expect(text).toContain('kept\r\n');
  expect(text).toContain('To: <shop@example.com>');
});

test('an original that is gone is no reason not to tell', async () => {
  expect((await told(aNotice(FROM_SHOP), null)).queued.length).toBe(1);
});

test.each<NoticeKind>(['failed', 'expired', 'delayed', 'relayed'])(
  'the null sender is told nothing: %s',
  async (kind) => {
    expect((await told(aNotice(FROM_NOBODY, { kind }))).queued).toEqual([]);
  },
);

test.each<[NoticeKind, number]>([
  ['failed', 0],
  ['expired', 0],
  ['delayed', 0],
  ['relayed', 1],
])('a client that wants no mail of bounces: of %s %i mails', async (kind, count) => {
  expect((await told(aNotice({ ...FROM_SHOP, client: 'quiet' }, { kind }))).queued).toHaveLength(count);
});

test('a report that cannot be delivered goes to the postmaster, once', async () => {
  const { queued, text } = await told(aNotice(OWN_REPORT));
  expect(queued.map(({ recipient }) => recipient)).toEqual(['Chief@relay.test']);
  expect(text).toMatch(/^Message-ID: <double-bounce\./m);
  expect(text).toMatch(/^Subject: Double bounce/m);
});

test.each([
  [
    'a double bounce that cannot be delivered',
    { ...OWN_REPORT, messageIdHeader: '<double-bounce.1@relay.test>' },
    'x@dest.test',
  ],
  ['any report to the postmaster', OWN_REPORT, 'chief@RELAY.test'],
])('%s goes nowhere, and operators are told', async (_, message, to) => {
  const { queued, events } = await told(aNotice(message, { to: [to] }));
  expect(queued).toEqual([]);
  expect(events).toMatchObject([{ event: 'failed', where: 'double bounce' }]);
});

test('a delay of an own report is nobody’s news', async () => {
  expect((await told(aNotice(OWN_REPORT, { kind: 'delayed' }))).queued).toEqual([]);
});

test('the same news is the same message; other news is another', () => {
  const notice = aNotice(FROM_SHOP, { to: ['a@dest.test', 'b@dest.test'] });
  const id = reportIdOf(notice);
  expect(id).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
  expect(reportIdOf({ ...aNotice(FROM_SHOP, { to: ['b@dest.test', 'a@dest.test'] }), atMs: 5 })).toBe(id);
  expect(reportIdOf(aNotice(FROM_SHOP, { to: ['a@dest.test'] }))).not.toBe(id);
  expect(reportIdOf({ ...notice, kind: 'expired' })).not.toBe(id);
  expect(reportIdOf({ ...notice, deliveryId: deliveryIdOf(FROM_SHOP.id, 2) })).not.toBe(id);
});

test.each([
  ['accepted', ['received']],
  ['known', []],
] as const)('a report that the store answers with %s is told of once', async (kind, told) => {
  const events: Event[] = [];
  const submitOwn = ownMailStore({
    policy: () => policy,
    clock: new FakeClock(),
    emit: (event) => void events.push(event),
    spool: { accept: async () => (kind === 'known' ? { kind } : { kind, leased: [] }) },
    sign: async () => ({ headers: Buffer.alloc(0) }),
    wake: () => {},
  });
  const report = createReporter({
    policy: () => policy,
    clock: new FakeClock(),
    emit: () => {},
    spool: { content: async () => ({ kind: 'missing' }) },
    submitOwn,
  });
  await report(aNotice(FROM_SHOP));
  expect(events.map(({ event }) => event)).toEqual(told);
});

test('nobody waits long while a large message is returned whole', async () => {
  const original = Buffer.alloc(26_000_000, `${'x'.repeat(70)}\r\n`);
  original.write('Subject: x\r\n\r\n');
  const message = { ...FROM_SHOP, envelope: { ...FROM_SHOP.envelope, ret: 'full' } } as const;
  const accepted: Submission[] = [];
  const submitOwn = ownMailStore({
    policy: () => policy,
    clock: new FakeClock(),
    emit: () => {},
    spool: {
      accept: async (submission) => {
        accepted.push(submission);
        return { kind: 'accepted', leased: [] };
      },
    },
    sign: async () => ({ headers: Buffer.alloc(0) }),
    wake: () => {},
  });
  const report = createReporter({
    policy: () => policy,
    clock: new FakeClock(),
    emit: () => {},
    spool: { content: async () => ({ kind: 'missing' }) },
    submitOwn,
  });
  expect(await longestTurnMs(() => report({ ...aNotice(message), content: original }))).toBeLessThan(250);
  expect(accepted[0]?.content.includes(original)).toBe(true);
  expect(accepted[0]?.message.envelope.eightBit).toBe(false);
});
