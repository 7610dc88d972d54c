/** What every engine keeps of `Search`. */
import { describe, expect, test } from 'vitest';
import { aSettlement, aSubmission, type SubmissionOptions } from '../../tests/fakes/submission.ts';
import type { MessageEvent } from '../message/event.ts';
import type { FinalState } from '../message/outcome.ts';
import { eachWith, type Engine, type Fixture } from './engine.contract.ts';
import type { FoundMail, SearchFilter } from './search.ts';
import type { LeasedDelivery, Submission } from './spool.ts';

export function testSearch(engine: Engine): void {
  describe(`${engine.name}: search`, () => {
    const fixture = eachWith(engine);

    test('finds by the addresses of sender and recipients, in any case, wherever the mail is', async () => {
      const queued = await taken(fixture(), { to: ['Ann@one.test', 'bob@two.test'], sender: 'News@shop.example' });
      const ended = await taken(fixture(), { to: ['ann@one.test'], sender: 'other@shop.example' });
      await end(fixture(), ended, 'delivered');
      await taken(fixture(), { to: ['joann@one.test', 'ann@one.test.example'], sender: 'xnews@shop.example' });
      const ids = (filter: SearchFilter) => idsOf(fixture(), filter);
      expect(new Set(await ids({ recipient: 'aNN@one.TEST' }))).toEqual(new Set([queued, ended].map(idOf)));
      expect(await ids({ sender: 'news@SHOP.example' })).toEqual([idOf(queued)]);
      expect(await ids({ address: 'news@shop.example' })).toEqual([idOf(queued)]);
      expect(await ids({ address: 'bob@two.test' })).toEqual([idOf(queued)]);
      expect(new Set(await ids({ domain: 'ONE.test' }))).toHaveLength(3);
      expect(await ids({ domain: 'two.test' })).toEqual([idOf(queued)]);
      expect(await ids({ recipient: "x' OR '1'='1" })).toEqual([]);
    });

    test('tells of each message what a list shows', async () => {
      const { nowMs } = fixture();
      const sent = await taken(fixture(), {
        client: 'crm',
        stream: 'marketing',
        priority: 'low',
        sender: 'news@shop.example',
        to: ['a@one.test', 'b@two.test'],
        terms: { tag: 'june', subject: '<b>June</b>' },
      });
      await end(fixture(), sent, 'bounced', { recipients: ['a@one.test'], egress: 'ip-1' });
      const { id, sizeBytes, messageIdHeader } = sent.message;
      expect((await pageOf(fixture(), { recipient: 'a@one.test' })).messages).toEqual([
        {
          id,
          receivedAtMs: nowMs,
          client: 'crm',
          stream: 'marketing',
          priority: 'low',
          tag: 'june',
          sender: 'news@shop.example',
          subject: '<b>June</b>',
          messageIdHeader,
          sizeBytes,
          recipients: 2,
          recipient: 'a@one.test',
          states: { bounced: 1, queued: 1 },
          egress: 'ip-1',
        },
      ] satisfies FoundMail[]);
    });

    test('finds by client, stream, tag, Message-ID and time, all of which must hold', async () => {
      const { clock } = fixture();
      const first = await taken(fixture(), { client: 'crm', terms: { tag: 'june' } });
      await end(fixture(), first, 'delivered');
      await clock.advance(60_000);
      const second = await taken(fixture(), { client: 'Crm', stream: 'marketing', terms: { tag: 'june' } });
      await clock.advance(60_000);
      const third = await taken(fixture(), { client: 'crm', terms: { tag: '"june"' } });
      const ids = (filter: SearchFilter) => idsOf(fixture(), filter);
      expect(new Set(await ids({ client: 'crm' }))).toEqual(new Set([first, third].map(idOf)));
      expect(await ids({ client: 'crm', tag: '"june"' })).toEqual([idOf(third)]);
      expect(await ids({ stream: 'marketing', tag: 'june' })).toEqual([idOf(second)]);
      expect(await ids({ messageIdHeader: `<${idOf(second)}@example.com>` })).toEqual([idOf(second)]);
      expect(await ids({ messageIdHeader: `${idOf(first)}@example.com` })).toEqual([idOf(first)]);
      const at = second.message.receivedAtMs;
      expect(await ids({ sinceMs: at, untilMs: at + 1 })).toEqual([idOf(second)]);
      expect(await ids({ untilMs: at })).toEqual([idOf(first)]);
      expect(await ids({ sinceMs: at + 1 })).toEqual([idOf(third)]);
    });

    test('mail that ended hours after the time that is searched is found, and none that came later', async () => {
      const { clock } = fixture();
      const late = await taken(fixture(), {});
      await clock.advance(60_000);
      const untilMs = clock.nowMs();
      const after = await taken(fixture(), { to: ['x@after.test'] });
      await clock.advance(7_200_000);
      await end(fixture(), late, 'expired');
      await end(fixture(), after, 'delivered');
      expect(await idsOf(fixture(), { untilMs })).toEqual([idOf(late)]);
      expect(await idsOf(fixture(), { untilMs, state: 'expired' })).toEqual([idOf(late)]);
    });

    test('finds by where a recipient is, and its exit is that of the same recipient', async () => {
      const mixed = await taken(fixture(), { to: ['a@one.test', 'b@one.test'] });
      await end(fixture(), mixed, 'bounced', { recipients: ['a@one.test'], egress: 'ip-1' });
      await end(fixture(), mixed, 'delivered', { recipients: ['b@one.test'], egress: 'ip-2' });
      const held = await taken(fixture(), { to: ['c@three.test'] });
      await fixture().spool.hold({ domain: 'three.test' }, fixture().nowMs);
      const queued = await taken(fixture(), { to: ['d@four.test'] });
      const ids = (filter: SearchFilter) => idsOf(fixture(), filter);
      expect(await ids({ state: 'bounced' })).toEqual([idOf(mixed)]);
      expect(await ids({ state: 'bounced', recipient: 'b@one.test' })).toEqual([]);
      expect(await ids({ state: 'delivered', egress: 'ip-2' })).toEqual([idOf(mixed)]);
      expect(await ids({ state: 'delivered', egress: 'ip-1' })).toEqual([]);
      expect(await ids({ state: 'held' })).toEqual([idOf(held)]);
      expect(await ids({ state: 'queued' })).toEqual([idOf(queued)]);
      expect(await ids({ state: 'discarded' })).toEqual([]);
    });

    test('an attempt in doubt is found as that, whatever came of it', async () => {
      const sent = await taken(fixture(), {});
      const leased = await claimedOf(fixture(), sent);
      const { clock } = fixture();
      await clock.advance(120_000);
      expect(await fixture().spool.reap(clock.nowMs())).toBe(1);
      expect(leased.delivery.id).toBe(`${idOf(sent)}.1`);
      await end(fixture(), sent, 'delivered');
      expect(await idsOf(fixture(), { state: 'in-doubt' })).toEqual([idOf(sent)]);
      expect((await pageOf(fixture(), {})).messages[0]?.states).toEqual({ delivered: 1, 'in-doubt': 1 });
    });

    test('pages give each message once, the newest first, queued and ended together', async () => {
      const { clock } = fixture();
      const sent: Submission[] = [];
      for (let n = 0; n < 30; n++) {
        sent.push(await taken(fixture(), { to: [`u${n}@${n % 3 === 0 ? 'wait' : 'go'}.test`] }));
        await clock.advance(1);
      }
      for (const leased of await fixture().claimed({ exclude: ['wait.test'] }))
        await fixture().spool.settle(aSettlement(leased, { atMs: clock.nowMs() }));
      const found: FoundMail[] = [];
      let cursor: string | null = null;
      do {
        const page = await fixture().spool.search({ filter: {}, limit: 7, cursor });
        expect(page.messages.length).toBeLessThanOrEqual(7);
        expect(page.isWhole).toBe(true);
        found.push(...page.messages);
        cursor = page.next;
      } while (cursor !== null);
      expect(found).toHaveLength(30);
      const waiting = found.filter(({ states }) => states.queued === 1).map(({ id }) => id);
      expect(waiting).toEqual(
        sent
          .filter((_, n) => n % 3 === 0)
          .map(idOf)
          .toReversed(),
      );
      expect(new Set(found.map(({ id }) => id))).toEqual(new Set(sent.map(idOf)));
    });

    test('mail that ended all in one moment is paged as well', async () => {
      for (let n = 0; n < 20; n++) await taken(fixture(), { to: [`u${n}@all.test`] });
      await fixture().spool.discard({ domain: 'all.test' }, fixture().nowMs + 5);
      const ids: string[] = [];
      let cursor: string | null = null;
      do {
        const page = await fixture().spool.search({ filter: { state: 'discarded' }, limit: 3, cursor });
        ids.push(...page.messages.map(({ id }) => id));
        cursor = page.next;
      } while (cursor !== null);
      expect(new Set(ids).size).toBe(20);
      expect(ids).toHaveLength(20);
    });

    test('a question looks at so many, says so, and goes on where it stopped until all were looked at', async () => {
      const { clock, spool } = fixture();
      const oldest = await taken(fixture(), { to: ['wanted@go.test'] });
      const oldestQueued = await taken(fixture(), { to: ['wanted@wait.test'] });
      await clock.advance(1);
      for (let n = 0; n < 9; n++) {
        const hundred = Array.from(
          { length: 100 },
          (_, place) => `u${n}-${place}@${place % 2 === 0 ? 'go' : 'wait'}.test`,
        );
        await Promise.all(hundred.map((to) => taken(fixture(), { to: [to] })));
        await clock.advance(1);
      }
      for (const leased of await fixture().claimed({ exclude: ['wait.test'] }))
        await spool.settle(aSettlement(leased, { atMs: clock.nowMs() }));
      const found: string[] = [];
      let [cursor, questions, stops]: [string | null, number, number] = [null, 0, 0];
      do {
        const filter = { address: 'nobody@x.test' };
        const wanted = await spool.search({ filter, limit: 10, cursor, looksAt: 200 });
        expect(wanted.messages).toEqual([]);
        if (!wanted.isWhole) stops += 1;
        expect(wanted.isWhole).toBe(wanted.next === null);
        cursor = wanted.next;
        questions += 1;
      } while (cursor !== null);
      expect(questions).toBeLessThan(12);
      expect(stops).toBeGreaterThan(0);
      for (const to of ['wanted@go.test', 'wanted@wait.test']) {
        do {
          const page = await spool.search({ filter: { recipient: to }, limit: 10, cursor, looksAt: 200 });
          found.push(...page.messages.map(({ id }) => id));
          cursor = page.next;
        } while (cursor !== null);
      }
      expect(found).toEqual([oldest, oldestQueued].map(idOf));
    });

    test('a message with very many recipients is found by the last of them', async () => {
      const to = Array.from({ length: 400 }, (_, n) => `recipient-${n}@many.test`);
      const sent = await taken(fixture(), { to });
      expect(await idsOf(fixture(), { recipient: 'recipient-399@many.test' })).toEqual([idOf(sent)]);
      await end(fixture(), sent, 'delivered');
      expect(await idsOf(fixture(), { recipient: 'recipient-399@many.test', state: 'delivered' })).toEqual([
        idOf(sent),
      ]);
    });

    test('a cursor that is none of its own does no harm', async () => {
      await taken(fixture(), {});
      for (const cursor of ['}{', '', 'main:x:y', 'late', "'; DROP TABLE message"])
        expect((await fixture().spool.search({ filter: {}, limit: 5, cursor })).messages.length).toBeLessThanOrEqual(1);
    });
  });
}

const idOf = ({ message }: Submission) => message.id;

async function taken({ spool, nowMs }: Fixture, options: Partial<SubmissionOptions>): Promise<Submission> {
  const submission = aSubmission({ atMs: nowMs, ...options });
  expect(await spool.accept(submission)).toMatchObject({ kind: 'accepted' });
  return submission;
}

/** Of all that is claimed, that of this message; the others are given back. */
async function claimedOf(fixture: Fixture, { message: { id } }: Submission): Promise<LeasedDelivery> {
  const leased = await fixture.claimed();
  const wanted = leased.find(({ message }) => message.id === id);
  if (wanted === undefined) throw new Error('it is not there');
  const others = leased.filter((one) => one !== wanted);
  await fixture.spool.giveBack(others.map(({ delivery, lease }) => ({ deliveryId: delivery.id, token: lease.token })));
  return wanted;
}

async function end(
  fixture: Fixture,
  submission: Submission,
  state: FinalState,
  { recipients, egress = 'direct' }: { readonly recipients?: readonly string[]; readonly egress?: string } = {},
): Promise<void> {
  const leased = await claimedOf(fixture, submission);
  const atMs = fixture.nowMs;
  const { id, messageId, domain } = leased.delivery;
  const all = leased.delivery.recipients.map(({ address }) => address);
  const reply = { code: 550, detail: '1.1', text: 'so it is' };
  const attempted: MessageEvent = {
    event: 'attempted',
    atMs,
    messageId,
    deliveryId: id,
    domain,
    recipients: recipients ?? all,
    attempt: { number: 1, egress, host: null, address: null, source: null, tls: null, reply, tookMs: 5 },
  };
  const settlement = aSettlement(leased, {
    atMs,
    state,
    ...(recipients === undefined ? {} : { addresses: recipients, rest: { dueAtMs: atMs } }),
    before: [attempted],
  });
  const events = settlement.events.map((event) => (event.event === state ? { ...event, egress } : event));
  expect(await fixture.spool.settle({ ...settlement, events: events as MessageEvent[] })).toBe('settled');
}

async function pageOf({ spool }: Fixture, filter: SearchFilter) {
  return spool.search({ filter, limit: 100, cursor: null });
}

async function idsOf({ spool }: Fixture, filter: SearchFilter): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let cursor: string | null = null; ;) {
    const page = await spool.search({ filter, limit: 100, cursor });
    ids.push(...page.messages.map(({ id }) => id));
    if (page.next === null) return ids;
    cursor = page.next;
  }
}
