import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import type { AttemptRecord, Event } from '../message/event.ts';
import type { DeliveryId, MessageId } from '../message/ids.ts';
import { parseReply, type Reply } from '../message/reply.ts';
import { flushOutcomes, OutcomeBook } from './outcome-book.ts';
import { policySchema } from '../policy/schema.ts';
import { DAY_MS, HOUR_MS } from '../routing/outcome-figures.ts';
import type { Tally } from '../spool/tallies.ts';

const AT_MS = Date.UTC(2026, 0, 20, 12, 34, 56);
const OK = { code: 250, detail: '2.0.0', text: 'queued' };
const NO_USER = { code: 550, detail: '1.1', text: 'no such user here' };
const BUSY = { code: 451, detail: '3.0', text: 'try again later' };
const LISTED = {
  code: 554,
  detail: '7.1',
  text: 'Service unavailable; client host [192.0.2.1] blocked using zen.spamhaus.org',
};
const FULL = { code: 452, detail: '2.2', text: 'The email account that you tried to reach is over quota' };
const policy = policySchema.parse({ hostname: 'relay.test' });

function about(recipients: readonly string[], ordinal = 1) {
  const messageId = '01KC0000000000000000000000' as MessageId;
  return {
    atMs: AT_MS,
    messageId,
    deliveryId: `${messageId}-${ordinal}` as DeliveryId,
    domain: 'dest.test',
    recipients,
  };
}

type Attempt = { readonly reply: Reply; readonly egress?: string; readonly ordinal?: number } & Pick<
  AttemptRecord,
  'own'
>;

function attempted(recipients: readonly string[], { reply, egress = 'ip-1', ordinal, own }: Attempt): Event {
  const where = { host: 'mx.dest.test', address: '192.0.2.9', source: null, tls: null };
  const attempt = { number: 1, egress, ...where, reply, ...(own === undefined ? {} : { own }), tookMs: 5 };
  return { event: 'attempted', attempt, ...about(recipients, ordinal) };
}

function ended(
  event: 'delivered' | 'bounced',
  recipients: readonly string[],
  { reply, egress = 'ip-1', ordinal }: Attempt,
): Event {
  return { event, reply, egress, ...about(recipients, ordinal) };
}

function complaint(recipients: readonly string[], egress: string | null, host: string | null): Event {
  return { event: 'complained', source: 'report', detail: 'abuse', egress, host, ...about(recipients) };
}

/** What was counted, by hours, without the prefix. */
function counted(events: readonly Event[], prefix = 'outcome:'): Record<string, number> {
  const book = new OutcomeBook(() => policy);
  for (const event of events) book.sink(event);
  return Object.fromEntries(
    book
      .take()
      .flatMap(({ account, amount }) => (account.startsWith(prefix) ? [[account.slice(prefix.length), amount]] : [])),
  );
}

describe('what is counted of an exit', () => {
  test('is each recipient that it delivered to, and each that was refused', () => {
    const events = [
      attempted(['a', 'b', 'c'], { reply: NO_USER }),
      ended('delivered', ['a', 'b'], { reply: OK }),
      ended('bounced', ['c'], { reply: NO_USER }),
    ];
    expect(counted(events)).toEqual({ 'ip-1:other:delivered': 2, 'ip-1:other:bounced': 1 });
  });

  test('is what a server puts off, of those whose story goes on', () => {
    const events = [attempted(['a', 'b', 'c'], { reply: BUSY }), ended('delivered', ['a'], { reply: OK })];
    expect(counted(events)).toEqual({ 'ip-1:other:delivered': 1, 'ip-1:other:deferred': 2 });
  });

  test('is a refusal of its address as a block, whether for good or for now', () => {
    const refused = [attempted(['a'], { reply: LISTED }), ended('bounced', ['a'], { reply: LISTED })];
    const putOff = [attempted(['a', 'b'], { reply: { ...LISTED, code: 421 }, ordinal: 2 })];
    expect(counted([...refused, ...putOff])).toEqual({ 'ip-1:other:blocked': 3 });
  });

  test('is nothing where a mailbox is full, where the relay itself is in trouble, or where it must sign in', () => {
    const signIn = { code: 535, detail: '7.8', text: 'bad credentials' };
    const lacks = { code: 550, detail: '6.7', text: 'mx.dest.test does not take internationalized mail' };
    const events = [
      attempted(['a'], { reply: FULL }),
      attempted(['a'], { reply: BUSY, own: true, ordinal: 2 }),
      attempted(['a'], { reply: signIn, ordinal: 3 }),
      attempted(['a'], { reply: lacks, own: true, ordinal: 4 }),
      ended('bounced', ['a'], { reply: lacks, ordinal: 4 }),
    ];
    expect(counted(events)).toEqual({});
  });

  test('is no “too much at once” and no “come again”, however many', () => {
    const slower = [
      '421 4.7.0 too many connections',
      '451 4.4.5 System is busy',
      '450 4.7.1 too much mail from 192.0.2.1',
    ];
    const events = [...slower, '451 4.7.1 Greylisted, try again in 300 seconds'].map((line, place) =>
      attempted(['a', 'b'], { reply: parseReply(Number(line.slice(0, 3)), [line.slice(4)]), ordinal: place + 1 }),
    );
    const daily = { code: 550, detail: '4.5', text: 'Daily user sending limit exceeded.' };
    const bounced = [
      attempted(['c'], { reply: daily, ordinal: 9 }),
      ended('bounced', ['c'], { reply: daily, ordinal: 9 }),
    ];
    expect(counted([...events, ...bounced])).toEqual({});
  });

  test.each([
    '421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address.',
    '421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints',
    '451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation. (S775)',
  ])('is a limit because of what the address sent before: “%s”', (line) => {
    const reply = parseReply(Number(line.slice(0, 3)), [line.slice(4)]);
    expect(counted([attempted(['a'], { reply })])).toEqual({ 'ip-1:other:deferred': 1 });
  });

  test('is what each exit of one turn came to, for that exit', () => {
    const events = [
      attempted(['a'], { reply: LISTED, egress: 'ip-1' }),
      attempted(['a'], { reply: OK, egress: 'ip-2' }),
      ended('delivered', ['a'], { reply: OK, egress: 'ip-2' }),
    ];
    expect(counted(events)).toEqual({ 'ip-1:other:blocked': 1, 'ip-2:other:delivered': 1 });
  });

  test('is no end that an operator made', () => {
    expect(counted([ended('bounced', ['a'], { reply: { code: 554, detail: '7.0', text: 'returned' } })])).toEqual({});
  });

  test('is what came back later', () => {
    const later: Event = {
      event: 'bounced-later',
      reply: NO_USER,
      host: null,
      egress: 'ip-1',
      report: null,
      ...about(['a']),
    };
    expect(counted([later, { ...later, egress: null }])).toEqual({ 'ip-1:other:bounced': 1 });
  });

  test('stands under its hour and its day, and is forgotten after 10 and 40 days', () => {
    const book = new OutcomeBook(() => policy);
    book.sink(attempted(['a'], { reply: OK }));
    book.sink(ended('delivered', ['a'], { reply: OK }));
    const hour = Date.UTC(2026, 0, 20, 12);
    const day = Date.UTC(2026, 0, 20);
    expect(book.take().filter(({ account }) => account.startsWith('outcome'))).toEqual([
      { account: 'outcome:ip-1:other:delivered', startsAtMs: hour, amount: 1, keepUntilMs: hour + 10 * DAY_MS },
      { account: 'outcome-day:ip-1:other:delivered', startsAtMs: day, amount: 1, keepUntilMs: day + 40 * DAY_MS },
    ]);
    expect(hour % HOUR_MS).toBe(0);
  });
});

test('the whole relay counts recipients by what happens to them', () => {
  const events: Event[] = [
    ended('bounced', ['a', 'b'], { reply: NO_USER }),
    { event: 'deferred', dueAtMs: AT_MS, reason: 'later', ...about(['c']) },
    { event: 'held', reason: 'by an operator', ...about(['d']) },
  ];
  expect(counted(events, 'flow:')).toEqual({ bounced: 2, deferred: 1 });
});

describe('the tallies get it', () => {
  async function flushing(
    run: (rig: {
      readonly book: OutcomeBook;
      readonly clock: FakeClock;
      readonly written: Map<string, number>;
      readonly store: { isAway: boolean };
      readonly events: Event[];
    }) => Promise<void>,
  ): Promise<Map<string, number>> {
    const clock = new FakeClock(AT_MS);
    const book = new OutcomeBook(() => policy);
    const written = new Map<string, number>();
    const store = { isAway: false };
    const count = async (tallies: readonly Tally[]): Promise<void> => {
      if (store.isAway) throw new Error('the store is away');
      for (const { account, amount } of tallies) written.set(account, (written.get(account) ?? 0) + amount);
    };
    const events: Event[] = [];
    const flush = flushOutcomes({ book, tallies: { count }, clock, emit: (event) => void events.push(event) });
    await run({ book, clock, written, store, events });
    await flush[Symbol.asyncDispose]();
    expect(clock.pending).toBe(0);
    return written;
  }

  function deliver(book: OutcomeBook): void {
    book.sink(attempted(['a'], { reply: OK }));
    book.sink(ended('delivered', ['a'], { reply: OK }));
  }

  test('every 2 seconds, and once more at the end', async () => {
    const written = await flushing(async ({ book, clock, written: now }) => {
      deliver(book);
      await clock.advance(2_000);
      expect(now.get('outcome:ip-1:other:delivered')).toBe(1);
      deliver(book);
      deliver(book);
    });
    expect(written.get('outcome:ip-1:other:delivered')).toBe(3);
  });

  test('once the store is back, and says so once', async () => {
    const written = await flushing(async ({ book, clock, store, events }) => {
      store.isAway = true;
      deliver(book);
      await clock.advance(20_000);
      expect(events).toHaveLength(1);
      deliver(book);
      store.isAway = false;
      await clock.advance(2_000);
    });
    expect(written.get('outcome:ip-1:other:delivered')).toBe(2);
    expect(written.get('flow-day:delivered')).toBe(2);
  });
});

test('complaints count against the exit that had sent the mail, with the provider whose host took it', () => {
  expect(
    counted([
      complaint(['ana@dest.test'], 'ip-1', 'gmail-smtp-in.l.google.com'),
      complaint([], 'ip-1', null),
      complaint(['ana@dest.test'], null, null),
    ]),
  ).toEqual({ 'ip-1:google:complained': 1, 'ip-1:other:complained': 1 });
});

test('what providers and complaints say of mail is counted for its exit, by day', () => {
  const said = (event: 'opened' | 'confirmed', recipients: readonly string[], egress: string | null): Event => {
    return { event, source: 'hook:grid', detail: '', egress, ...about(recipients) };
  };
  const reply = NO_USER;
  const bounce: Event = {
    event: 'bounced-later',
    reply,
    host: null,
    egress: 'grid',
    report: null,
    ...about(['ana@dest.test']),
  };
  const events = [
    said('confirmed', ['ana@dest.test', 'bob@dest.test'], 'grid'),
    said('opened', ['ana@dest.test'], 'grid'),
    said('opened', ['ana@dest.test'], 'grid'),
    said('opened', ['ana@dest.test'], null),
    bounce,
    complaint([], 'ip-1', null),
  ];
  expect(counted(events, 'report-day:')).toEqual({
    'grid:confirmed': 2,
    'grid:opened': 2,
    'grid:bounced-later': 1,
    'ip-1:complained': 1,
  });
});
