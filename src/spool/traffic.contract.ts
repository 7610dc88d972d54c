/** What every engine keeps of `Traffic`. */
import { describe, expect, test } from 'vitest';
import { aSettlement, aSubmission, deliveryOf, type SubmissionOptions } from '../../tests/fakes/submission.ts';
import { eachWith, type Engine, type Fixture } from './engine.contract.ts';
import type { Submission } from './spool.ts';
import type { PassedMessage } from './traffic.ts';

export function testTraffic(engine: Engine): void {
  describe(`${engine.name}: traffic`, () => {
    const fixture = eachWith(engine);

    test('has what routes ask of a message, and its deliveries, before anything was tried', async () => {
      const { nowMs } = fixture();
      const sent = await accepted(fixture(), {
        client: 'crm',
        stream: 'marketing',
        priority: 'low',
        sender: 'news@shop.example',
        to: ['a@one.test', 'b@two.test', 'c@one.test'],
        dueAtMs: nowMs + 5_000,
        terms: { tag: 'june', sendAtMs: nowMs + 5_000, headers: { 'list-id': 'news' } },
      });
      expect(await all(fixture(), nowMs)).toEqual([
        {
          id: sent.message.id,
          receivedAtMs: nowMs,
          sendAtMs: nowMs + 5_000,
          client: 'crm',
          stream: 'marketing',
          priority: 'low',
          sender: 'news@shop.example',
          tag: 'june',
          sizeBytes: sent.message.sizeBytes,
          headers: { 'list-id': 'news' },
          deliveries: [
            waiting({ id: deliveryOf(sent, 1), domain: 'one.test', recipients: 2 }),
            waiting({ id: deliveryOf(sent, 2), domain: 'two.test', recipients: 1 }),
          ],
        },
      ]);
    });

    test('says by which exit and when each delivery ended, and how', async () => {
      const { clock, spool, nowMs } = fixture();
      await accepted(fixture(), { to: ['a@one.test', 'b@one.test'] });
      const leased = await fixture().oneClaimed();
      const of = {
        messageId: leased.message.id,
        deliveryId: leased.delivery.id,
        domain: 'one.test',
      };
      const reply = { code: 250, detail: '2.0.0', text: 'taken' };
      const attempt = {
        number: 1,
        egress: 'ip-1',
        host: 'mx.one.test',
        address: null,
        source: null,
        tls: null,
        reply,
        tookMs: 5,
      };
      await clock.advance(2_000);
      const atMs = clock.nowMs();
      await spool.settle({
        ...aSettlement(leased, { atMs, addresses: ['a@one.test'], rest: { lastEgress: 'ip-1', attempts: 1 } }),
        events: [
          { event: 'attempted', atMs, ...of, recipients: ['a@one.test', 'b@one.test'], attempt },
          { event: 'delivered', atMs, ...of, recipients: ['a@one.test'], reply, egress: 'ip-1' },
        ],
      });
      const half = {
        id: of.deliveryId,
        domain: 'one.test',
        recipients: 2,
        egress: 'ip-1',
        host: 'mx.one.test',
        attempts: 1,
      };
      expect((await all(fixture(), nowMs))[0]?.deliveries).toEqual([{ ...half, endedAtMs: null, end: null }]);
      await clock.advance(3_600_000);
      const again = await fixture().oneClaimed();
      const endedAtMs = clock.nowMs();
      await spool.settle({
        ...aSettlement(again, { atMs: endedAtMs, addresses: ['b@one.test'] }),
        events: [
          {
            event: 'attempted',
            atMs: endedAtMs,
            ...of,
            recipients: ['b@one.test'],
            attempt: { ...attempt, egress: 'ip-2' },
          },
          { event: 'bounced', atMs: endedAtMs, ...of, recipients: ['b@one.test'], reply, egress: 'ip-2' },
        ],
      });
      expect((await all(fixture(), nowMs))[0]?.deliveries).toEqual([
        { ...half, egress: 'ip-2', attempts: 2, endedAtMs, end: 'bounced' },
      ]);
    });

    test('pages through more than fit on one, each message once, none from before', async () => {
      const { clock, spool } = fixture();
      await accepted(fixture(), {});
      await accepted(fixture(), {});
      await ended(fixture());
      await clock.advance(1_000);
      const sinceMs = clock.nowMs();
      const ids = new Set<string>();
      for (let n = 0; n < 450; n++) ids.add((await accepted(fixture(), {})).message.id);
      await ended(fixture(), 300);
      await clock.advance(1_000);
      for (let n = 0; n < 30; n++) ids.add((await accepted(fixture(), {})).message.id);
      const before = await spool.overview();
      const found = await all(fixture(), sinceMs);
      expect(new Set(found.map(({ id }) => id))).toEqual(ids);
      expect(found).toHaveLength(ids.size);
      expect(await spool.overview()).toEqual(before);
    });

    test('a place that is none of its own ends it', async () => {
      await accepted(fixture(), {});
      const page = await fixture().spool.traffic({ sinceMs: 0, after: '}{' });
      expect(page.messages.length).toBeLessThanOrEqual(1);
    });
  });
}

function waiting(of: Pick<PassedMessage['deliveries'][number], 'id' | 'domain' | 'recipients'>) {
  return { ...of, egress: null, host: null, attempts: 0, endedAtMs: null, end: null };
}

async function accepted({ spool, nowMs }: Fixture, options: Partial<SubmissionOptions>): Promise<Submission> {
  const submission = aSubmission({ atMs: nowMs, ...options });
  expect(await spool.accept(submission)).toMatchObject({ kind: 'accepted' });
  return submission;
}

/** So many of what is due are delivered. */
async function ended(fixture: Fixture, most = 1_000): Promise<void> {
  const leased = await fixture.claimed();
  for (const one of leased.slice(0, most)) {
    expect(await fixture.spool.settle(aSettlement(one, { atMs: fixture.nowMs }))).toBe('settled');
  }
}

async function all({ spool }: Fixture, sinceMs: number): Promise<readonly PassedMessage[]> {
  const found: PassedMessage[] = [];
  let after: string | null = null;
  do {
    const page = await spool.traffic({ sinceMs, after });
    found.push(...page.messages);
    after = page.next;
  } while (after !== null);
  return found;
}
