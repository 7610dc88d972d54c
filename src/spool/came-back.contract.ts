/** What every engine keeps of what came back of mail, of attempts in doubt, and of what providers call messages. */
import { describe, expect, test } from 'vitest';
import { aSettlement, aSubmission, deliveryOf, takenBy } from '../../tests/fakes/submission.ts';
import type { CameBack } from '../message/event.ts';
import { ANY_EXIT } from '../message/delivery.ts';
import { deliveryIdOf, type MessageId } from '../message/ids.ts';
import { accepted, CAREFUL_STREAM, eachWith, type Engine, type Fixture } from './engine.contract.ts';
import { REAPED } from './last-reply.ts';
import type { Settlement } from './spool.ts';

export function testCameBack(engine: Engine): void {
  testHistory(engine);
  testProviderIds(engine);
}

function testHistory(engine: Engine): void {
  describe(`${engine.name}: what came back`, () => {
    const fixture = eachWith(engine);

    test('is in the history as it was noted, and in no sum of the audit', async () => {
      const { spool, nowMs } = fixture();
      const { id: messageId } = (await accepted(fixture(), { to: ['a@one.test'] })).message;
      await spool.settle(aSettlement(await fixture().oneClaimed(), { atMs: nowMs }));
      const before = await spool.audit();
      const of = { atMs: nowMs + 1, messageId, deliveryId: deliveryIdOf(messageId, 1), domain: 'one.test' };
      const about = { ...of, recipients: ['a@one.test'], source: 'hook:ses', egress: 'ses' };
      const reply = { code: 550, detail: '1.1', text: 'no such user' };
      const events: CameBack[] = [
        { event: 'put-off', detail: '452 mailbox full', ...about },
        { event: 'confirmed', detail: '', ...about },
        { event: 'opened', detail: '', ...about },
        { event: 'clicked', detail: 'https://shop.example/é?"\n', ...about },
        { event: 'complained', detail: 'abuse', ...about, source: 'report', egress: null },
        { event: 'unsubscribed', detail: '', ...about, source: 'one-click' },
        { event: 'bounced-later', reply, host: null, report: null, ...about, source: 'hook:ses' },
        { event: 'bounced-later', reply, host: 'mx.one.test', report: null, ...of, recipients: [], egress: null },
      ];
      expect(await spool.note(events)).toBe('noted');
      const story = await spool.story(messageId);
      expect(story?.events.slice(-events.length)).toEqual(events);
      expect(await spool.audit()).toEqual(before);
      fixture().store = await fixture().store.reopened();
      expect((await fixture().spool.story(messageId))?.events.slice(-events.length)).toEqual(events);
    });
  });

  describe(`${engine.name}: an attempt in doubt`, () => {
    const fixture = eachWith(engine);
    const settled = async (rest: Partial<Settlement['rest']>) => {
      const { spool, nowMs } = fixture();
      await spool.settle(
        aSettlement(await fixture().oneClaimed(), { atMs: nowMs, addresses: [], rest: { dueAtMs: nowMs, ...rest } }),
      );
      return (await spool.list({}, { limit: 1 }))[0]?.delivery;
    };

    test('is remembered with its exit until the next attempt, whoever claims it', async () => {
      await accepted(fixture(), {});
      const delivery = await settled({ doubtBy: 'sendgrid', refusedBy: ['ip-1'] });
      expect(delivery).toMatchObject({ doubtBy: 'sendgrid', refusedBy: ['ip-1'] });
      expect(Object.keys(delivery?.lastReply ?? {})).not.toContain('doubtBy');
      fixture().store = await fixture().store.reopened();
      const leased = await fixture().oneClaimed();
      expect(leased.delivery).toEqual({ ...delivery });
      await fixture().spool.giveBack([{ deliveryId: leased.delivery.id, token: leased.lease.token }]);
      const next = await settled({});
      expect(Object.keys(next ?? {})).not.toContain('doubtBy');
      expect(next?.lastReply).toEqual(delivery?.lastReply);
    });

    test('is that of whichever exit had it, where its owner died', async () => {
      const { spool, nowMs } = fixture();
      await accepted(fixture(), {});
      const lastReply = { code: 451, detail: '4.1', text: 'busy' };
      await settled({ lastReply, refusedBy: ['ip-1'], doubtBy: 'ses' });
      await fixture().oneClaimed();
      expect(await spool.reap(nowMs + 60_001)).toBe(1);
      const [reaped] = await spool.list({}, { limit: 1 });
      const expected = { lastReply, refusedBy: ['ip-1'], doubtBy: ANY_EXIT, state: 'queued' };
      expect(reaped?.delivery).toMatchObject(expected);
      expect((await fixture().oneClaimed()).delivery).toMatchObject(expected);
    });

    test('is that of whichever exit had it after a start, too, though it is held', async () => {
      const { nowMs, store } = fixture();
      const leaseUntilMs = nowMs + 3_600_000;
      const queued = aSubmission({ atMs: nowMs, leaseUntilMs });
      const held = aSubmission({ atMs: nowMs, leaseUntilMs, stream: CAREFUL_STREAM });
      for (const submission of [queued, held]) await fixture().spool.accept(submission);
      fixture().store = await store.reopened();
      const { spool } = fixture();
      const of = async (state: 'queued' | 'held') => (await spool.list({ state }, { limit: 1 }))[0]?.delivery;
      expect(await of('queued')).toMatchObject({ lastReply: null, doubtBy: ANY_EXIT });
      expect(await of('held')).toMatchObject({ lastReply: REAPED, doubtBy: ANY_EXIT });
    });

    test('is remembered without a reply, too', async () => {
      await accepted(fixture(), {});
      expect(await settled({ doubtBy: 'ses', lastReply: null })).toMatchObject({ doubtBy: 'ses', lastReply: null });
    });
  });
}

function testProviderIds(engine: Engine): void {
  describe(`${engine.name}: messages by what a provider calls them`, () => {
    const fixture = eachWith(engine);
    const sent = async (of: Fixture, providerId: string, change: Partial<Parameters<typeof aSettlement>[1]> = {}) => {
      const submission = await accepted(of, {});
      const taken = takenBy(await of.oneClaimed(), providerId, { atMs: of.nowMs, ...change });
      expect(await of.spool.settle(taken)).toBe('settled');
      return submission.message.id;
    };
    const found = (id: string): Promise<readonly MessageId[]> => fixture().spool.byProviderId(id);

    test('are found by each of several ids, whole, and over a restart', async () => {
      const one = await sent(fixture(), '0100018f-aa 0100018f-ab');
      const two = await sent(fixture(), '<20261122.1@mg.example>');
      const odd = await sent(fixture(), 'é%_*"\'\\[a]');
      const story = await fixture().spool.story(one);
      expect(story?.events[1]).toMatchObject({ attempt: { providerId: '0100018f-aa 0100018f-ab' } });
      fixture().store = await fixture().store.reopened();
      expect(await found('0100018f-aa')).toEqual([one]);
      expect(await found('0100018f-ab')).toEqual([one]);
      for (const part of ['0100018f-a', '0100018f-aa 0100018f-ab', '%', '', one]) expect(await found(part)).toEqual([]);
      expect(await found('20261122.1@mg.example')).toEqual([two]);
      expect(await found(' <20261122.1@mg.example> ')).toEqual([two]);
      expect(await found('é%_*"\'\\[a]')).toEqual([odd]);
    });

    test('of one id several: the newest first, ten of them, each once', async () => {
      const ids: MessageId[] = [];
      for (let n = 0; n < 12; n++) ids.push(await sent(fixture(), 'same same'));
      expect(await found('same')).toEqual(ids.toSorted().toReversed().slice(0, 10));
    });

    test('are found while they are queued, and with each attempt', async () => {
      const { nowMs } = fixture();
      const id = await sent(fixture(), 'first', { addresses: [], rest: { dueAtMs: nowMs } });
      expect(await found('first')).toEqual([id]);
      await fixture().spool.settle(takenBy(await fixture().oneClaimed(), 'second', { atMs: nowMs }));
      expect(await found('first')).toEqual([id]);
      expect(await found('second')).toEqual([id]);
    });

    test('are not found by what a lost lease would have written', async () => {
      const submission = aSubmission({ atMs: fixture().nowMs });
      await fixture().spool.accept(submission);
      const leased = await fixture().oneClaimed();
      expect(leased.delivery.id).toBe(deliveryOf(submission));
      const stale = { ...leased, lease: { ...leased.lease, token: leased.lease.token + 7 } };
      expect(await fixture().spool.settle(takenBy(stale, 'lost', { atMs: fixture().nowMs }))).toBe('lost');
      expect(await found('lost')).toEqual([]);
    });

    test('are forgotten with their history, and others are not', async () => {
      const { spool, nowMs } = fixture();
      const first = await sent(fixture(), '<odd"\\é> old shared', { addresses: [], rest: { dueAtMs: nowMs } });
      const of = {
        messageId: first,
        deliveryId: deliveryIdOf(first, 1),
        domain: 'dest.test',
        recipients: [],
        atMs: nowMs,
      };
      const said = { event: 'put-off', source: 'hook:ses', egress: 'ses', detail: 'x'.repeat(900), ...of } as const;
      for (let n = 0; n < 3; n++) await spool.note([said]);
      await spool.settle(takenBy(await fixture().oneClaimed(), 'late', { atMs: nowMs }));
      expect(await found('late')).toEqual([first]);
      const young = await sent(fixture(), 'shared', { atMs: nowMs + 1_000 });
      expect(await spool.prune(nowMs + 1_000)).toBe(1);
      for (const id of ['old', 'late', 'odd"\\é']) expect(await found(id)).toEqual([]);
      expect(await found('shared')).toEqual([young]);
    });

    test('and by their own Message-ID, among all messages, the newest ten', async () => {
      const odd = `<odd"é\\x@example.com>`;
      const ids: MessageId[] = [];
      for (let n = 0; n < 11; n++)
        ids.push((await accepted(fixture(), { terms: { messageIdHeader: '<same@example.com>' } })).message.id);
      const other = await accepted(fixture(), { terms: { messageIdHeader: odd, subject: 'same@example.com' } });
      const header = (text: string) => fixture().spool.byMessageIdHeader(text);
      const found = await header('<same@example.com>');
      expect(found).toHaveLength(10);
      for (const id of found) expect(ids).toContain(id);
      expect(await header(odd)).toEqual([other.message.id]);
      expect(await header('odd"é\\x@example.com')).toEqual([other.message.id]);
      expect(await header('ame@example.com')).toEqual([]);
      expect(await header('')).toEqual([]);
    });
  });
}
