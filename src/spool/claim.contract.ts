/** What every engine keeps of `Spool.claim`: order, fairness, bounds. */
import { describe, expect, test } from 'vitest';
import { aSettlement, aSubmission, type SubmissionOptions } from '../../tests/fakes/submission.ts';
import { eachWith, type Engine, type Fixture } from './engine.contract.ts';

type Queued = Partial<SubmissionOptions> & { readonly count?: number };

export function testClaim(engine: Engine): void {
  describe(`${engine.name}: claim`, () => {
    const fixture = eachWith(engine);

    test('takes what is due and nothing else, and says when the next is', async () => {
      const { nowMs } = fixture();
      await queue(
        fixture(),
        { dueAtMs: nowMs + 5_000 },
        { dueAtMs: nowMs },
        { dueAtMs: nowMs + 9_000, to: ['x@y.test'] },
      );
      const first = await claim(fixture());
      expect(first.leased.map(({ delivery }) => delivery.dueAtMs)).toEqual([nowMs]);
      expect(first.nextDueAtMs).toBe(nowMs + 5_000);
      const second = await claim(fixture(), { nowMs: nowMs + 5_000 });
      expect(second.leased.map(({ delivery }) => delivery.dueAtMs)).toEqual([nowMs + 5_000]);
      expect(second.nextDueAtMs).toBe(nowMs + 9_000);
      expect((await claim(fixture(), { nowMs: nowMs + 9_000 })).nextDueAtMs).toBeNull();
    });

    test('leases for as long as asked, with the message and all that is known of the delivery', async () => {
      const { spool, nowMs } = fixture();
      const submission = aSubmission({ atMs: nowMs, priority: 'high', client: 'crm' });
      await spool.accept(submission);
      const [leased] = (await claim(fixture(), { leaseUntilMs: nowMs + 7 })).leased;
      expect(leased?.message).toEqual(submission.message);
      expect(leased?.lease.untilMs).toBe(nowMs + 7);
      expect(leased?.delivery).toEqual({
        id: `${submission.message.id}.1`,
        messageId: submission.message.id,
        domain: 'dest.test',
        recipients: submission.deliveries[0]?.recipients,
        client: 'crm',
        stream: 'transactional',
        priority: 'high',
        state: 'queued',
        attempts: 0,
        createdAtMs: nowMs,
        dueAtMs: nowMs,
        warnedAtMs: null,
        lastReply: null,
        lastEgress: null,
      });
    });

    test('takes a message that is split within a domain as the deliveries that it was split into', async () => {
      const { spool, nowMs } = fixture();
      const to = ['a@one.test', 'b@one.test', 'c@one.test'];
      const shared = aSubmission({ atMs: nowMs, to });
      const [delivery] = shared.deliveries;
      if (delivery === undefined) throw new Error('no delivery');
      const deliveries = delivery.recipients.map((recipient) => ({ ...delivery, recipients: [recipient] }));
      await spool.accept({ ...shared, deliveries });
      const { leased } = await claim(fixture());
      const found = leased.map((one) => [one.delivery.id, one.delivery.recipients.map(({ address }) => address)]);
      expect(found.toSorted()).toEqual(to.map((address, at) => [`${shared.message.id}.${at + 1}`, [address]]));
      const [first] = leased;
      if (first !== undefined) await spool.settle(aSettlement(first, { atMs: nowMs }));
      const story = await spool.story(shared.message.id);
      expect(story?.queued.length).toBe(2);
      expect((await spool.audit()).violations).toEqual([]);
      expect(await spool.audit()).toMatchObject({ accepted: 3, queued: 2, finished: { delivered: 1 } });
    });

    test('keeps to the limit, of all and of a lane', async () => {
      await queue(fixture(), { count: 5, to: ['a@one.test'] }, { count: 5, to: ['a@two.test'] });
      const first = await claim(fixture(), { limit: 5, perLane: 3 });
      expect(countBy(first.leased, ({ delivery }) => delivery.domain)).toEqual({ 'one.test': 3, 'two.test': 2 });
      expect(first.nextDueAtMs).toBe(fixture().nowMs);
      expect((await claim(fixture(), { limit: 0 })).leased).toEqual([]);
    });

    test('leaves the excluded lanes alone, their time included', async () => {
      const { nowMs } = fixture();
      await queue(
        fixture(),
        { to: ['a@one.test'] },
        { to: ['a@two.test'] },
        { to: ['a@three.test'], dueAtMs: nowMs + 9 },
      );
      const { leased, nextDueAtMs } = await claim(fixture(), { exclude: ['one.test'] });
      expect(leased.map(({ delivery }) => delivery.domain)).toEqual(['two.test']);
      expect(nextDueAtMs).toBe(nowMs + 9);
      expect((await claim(fixture(), { exclude: ['one.test', 'three.test'] })).nextDueAtMs).toBeNull();
    });

    test('serves the lane that waits longest first', async () => {
      const { nowMs } = fixture();
      await queue(fixture(), { to: ['a@new.test'], dueAtMs: nowMs - 1 }, { to: ['a@old.test'], dueAtMs: nowMs - 9 });
      expect((await claim(fixture(), { limit: 1 })).leased.map(({ delivery }) => delivery.domain)).toEqual([
        'old.test',
      ]);
    });

    test('splits a lane 16:4:1 between the priorities', async () => {
      await queue(
        fixture(),
        { count: 30, priority: 'low' },
        { count: 30, priority: 'normal' },
        { count: 30, priority: 'high' },
      );
      const { leased } = await claim(fixture(), { limit: 21, perLane: 21 });
      expect(countBy(leased, ({ delivery }) => delivery.priority)).toEqual({ high: 16, normal: 4, low: 1 });
    });

    test('splits a claim over many lanes 16:4:1 too: a password reset does not wait behind newsletters', async () => {
      const { nowMs } = fixture();
      const domains = Array.from({ length: 30 }, (_, n) => `${n}.test`);
      await queue(
        fixture(),
        ...domains.map((domain) => ({ priority: 'low' as const, to: [`a@news${domain}`], dueAtMs: nowMs - 1_000 })),
        ...domains.map((domain) => ({ priority: 'high' as const, to: [`a@reset${domain}`] })),
      );
      const { leased } = await claim(fixture(), { limit: 17 });
      expect(countBy(leased, ({ delivery }) => delivery.priority)).toEqual({ high: 16, low: 1 });
    });

    test('gives what one priority does not use to the others', async () => {
      await queue(fixture(), { count: 2, priority: 'high' }, { count: 30, priority: 'low' });
      const { leased } = await claim(fixture(), { limit: 12, perLane: 12 });
      expect(countBy(leased, ({ delivery }) => delivery.priority)).toEqual({ high: 2, low: 10 });
    });

    test('serves low priority even one at a time', async () => {
      await queue(fixture(), { count: 60, priority: 'high' }, { count: 5, priority: 'low' });
      const taken: string[] = [];
      for (let n = 0; n < 51; n++) {
        for (const { delivery } of (await claim(fixture(), { limit: 1, perLane: 1 })).leased)
          taken.push(delivery.priority);
      }
      expect(taken.filter((priority) => priority === 'low')).toHaveLength(3);
    });

    test('serves the clients of a lane in turns, each in order of time', async () => {
      const { nowMs } = fixture();
      await queue(
        fixture(),
        { count: 50, client: 'bulk', dueAtMs: nowMs - 500 },
        { count: 2, client: 'crm', dueAtMs: nowMs - 10 },
        { count: 1, client: 'zoo', dueAtMs: nowMs - 1 },
        { count: 3, client: 'bulk', dueAtMs: nowMs - 900 },
      );
      const { leased } = await claim(fixture(), { limit: 6, perLane: 6 });
      expect(countBy(leased, ({ delivery }) => delivery.client)).toEqual({ bulk: 3, crm: 2, zoo: 1 });
      const bulk = leased.filter(({ delivery }) => delivery.client === 'bulk');
      expect(bulk.map(({ delivery }) => delivery.dueAtMs)).toEqual([nowMs - 900, nowMs - 900, nowMs - 900]);
    });

    test('goes on with the round over the clients where the last claim stopped', async () => {
      await queue(fixture(), { count: 9, client: 'a' }, { count: 9, client: 'b' }, { count: 9, client: 'c' });
      const taken: string[] = [];
      for (let n = 0; n < 9; n++) {
        for (const { delivery } of (await claim(fixture(), { limit: 1 })).leased) taken.push(delivery.client);
      }
      expect(countBy(taken, (client) => client)).toEqual({ a: 3, b: 3, c: 3 });
    });

    test('gives one delivery to one claimer, however many ask at once', async () => {
      await queue(fixture(), { count: 40 });
      const claims = await Promise.all(Array.from({ length: 8 }, () => claim(fixture(), { limit: 10 })));
      const ids = claims.flatMap(({ leased }) => leased.map(({ delivery }) => delivery.id));
      expect(ids).toHaveLength(40);
      expect(new Set(ids).size).toBe(40);
    });

    test('a call to prolong a lease that comes late, after a newer one, takes nothing away', async () => {
      const { spool, nowMs } = fixture();
      await spool.accept(aSubmission({ atMs: nowMs }));
      const { delivery, lease } = await fixture().oneClaimed();
      const ours = [{ deliveryId: delivery.id, token: lease.token }];
      expect(await spool.extend(ours, nowMs + 120_000)).toEqual([]);
      expect(await spool.extend(ours, nowMs + 90_000)).toEqual([]);
      expect(await spool.list({}, { limit: 1 })).toMatchObject([{ leasedUntilMs: nowMs + 120_000 }]);
      expect(await spool.reap(nowMs + 120_000)).toBe(0);
      // By a clock that was set back it may: else a dead node's would wait for the old time.
      expect(await spool.extend(ours, nowMs - 3_600_000)).toEqual([]);
      expect(await spool.list({}, { limit: 1 })).toMatchObject([{ leasedUntilMs: nowMs - 3_600_000 }]);
      await spool.giveBack(ours);
      expect(await spool.list({}, { limit: 1 })).toMatchObject([{ leasedUntilMs: null }]);
    });

    test('takes nothing that is held', async () => {
      await queue(fixture(), {});
      await fixture().spool.hold({}, fixture().nowMs);
      expect(await claim(fixture())).toEqual({ leased: [], nextDueAtMs: null });
    });

    test('stays fast in front of a dead destination with a long queue', async () => {
      const { spool, nowMs } = fixture();
      await queue(fixture(), { count: 3_000, to: ['a@dead.test'], dueAtMs: nowMs - 10_000 }, { to: ['a@live.test'] });
      const { leased } = await claim(fixture(), { exclude: ['dead.test'] });
      expect(leased.map(({ delivery }) => delivery.domain)).toEqual(['live.test']);
      const [only] = leased;
      if (only !== undefined) await spool.settle(aSettlement(only, { atMs: nowMs }));
      expect((await claim(fixture(), { perLane: 7 })).leased).toHaveLength(7);
    });
  });
}

type ClaimOptions = Partial<Parameters<Fixture['spool']['claim']>[0]>;

function claim(fixture: Fixture, options: ClaimOptions = {}): ReturnType<Fixture['spool']['claim']> {
  const nowMs = options.nowMs ?? fixture.nowMs;
  return fixture.spool.claim({
    nowMs,
    leaseUntilMs: nowMs + 60_000,
    limit: 1_000,
    perLane: 1_000,
    exclude: [],
    ...options,
  });
}

async function queue(fixture: Fixture, ...kinds: readonly Queued[]): Promise<void> {
  for (const { count, ...kind } of kinds) {
    const submissions = Array.from({ length: count ?? 1 }, () => aSubmission({ atMs: fixture.nowMs, ...kind }));
    await Promise.all(submissions.map((submission) => fixture.spool.accept(submission)));
  }
}

function countBy<T>(list: readonly T[], key: (one: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const one of list) counts[key(one)] = (counts[key(one)] ?? 0) + 1;
  return counts;
}
