/** Queues that are longer than what a script looks at in one go, and records that cannot be read. */
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { endedAfterEach, sharedRedis } from '../../../tests/fakes/redis-in-tests.ts';
import { aPrefix } from '../../../tests/fakes/redis-store.ts';
import { aSettlement, aSubmission, deliveryOf, type SubmissionOptions } from '../../../tests/fakes/submission.ts';
import type { MessageEvent } from '../../message/event.ts';
import type { MessageId } from '../../message/ids.ts';
import { systemClock } from '../../system.ts';
import type { ClaimRequest, Submission } from '../spool.ts';
import { Keys } from './keys.ts';
import { openRedisLink } from './open-link.ts';
import { openRedisSpool, type RedisSpool } from './spool.ts';

const redis = sharedRedis();
const kept = endedAfterEach();
const clock = new FakeClock();
const nowMs = clock.nowMs();

async function open(shards: number, prefix = aPrefix(), told: MessageEvent[] = []): Promise<RedisSpool> {
  const link = await redis.link();
  const onEvents = (events: readonly MessageEvent[]): void => void told.push(...events);
  const spool = await openRedisSpool({ link, prefix, shards, clock, node: 'one', onEvents });
  return kept.use(spool);
}

async function fill(
  spool: RedisSpool,
  count: number,
  kind: (n: number) => Partial<SubmissionOptions> = () => ({}),
): Promise<readonly Submission[]> {
  const submissions = Array.from({ length: count }, (_, n) => aSubmission({ atMs: nowMs, ...kind(n) }));
  for (let from = 0; from < count; from += 500) {
    await Promise.all(submissions.slice(from, from + 500).map((submission) => spool.accept(submission)));
  }
  return submissions;
}

function claim(spool: RedisSpool, change: Partial<ClaimRequest> = {}): ReturnType<RedisSpool['claim']> {
  const request = { nowMs, leaseUntilMs: nowMs + 60_000, limit: 1_000, perLane: 1_000, exclude: [] };
  return spool.claim({ ...request, ...change });
}

describe.each([1, 3])('in %i shards', (shards) => {
  test('a lane behind more than a thousand that are excluded is found, and so is its time', async () => {
    const spool = await open(shards);
    const hangs = Array.from({ length: 2_400 }, (_, n) => `hangs-${n}.test`);
    await fill(spool, hangs.length, (n) => ({ to: [`a@${hangs[n]}`], dueAtMs: nowMs - 5_000 }));
    await fill(spool, 2, (n) => ({ to: ['a@lives.test'], dueAtMs: nowMs + n * 1_000 }));
    const { leased, nextDueAtMs } = await claim(spool, { exclude: hangs });
    expect(leased.map(({ delivery }) => delivery.domain)).toEqual(['lives.test']);
    expect(nextDueAtMs).toBe(nowMs + 1_000);
    expect((await claim(spool, { exclude: [...hangs, 'lives.test'] })).nextDueAtMs).toBeNull();
  });

  test('more lanes than a claim takes are taken by the next ones, and what is left is told', async () => {
    const spool = await open(shards);
    await fill(spool, 700, (n) => ({ to: [`a@${n}.test`] }));
    const seen = new Set<string>();
    for (let round = 0; seen.size < 700; round++) {
      const { leased, nextDueAtMs } = await claim(spool, { limit: 150 });
      for (const { delivery } of leased) seen.add(delivery.id);
      expect(leased).toHaveLength(Math.min(150, 700 - 150 * round));
      expect(nextDueAtMs).toBe(seen.size < 700 ? nowMs : null);
    }
  });

  test('each of very many clients gets its turn in a lane', async () => {
    const spool = await open(shards);
    const names = Array.from({ length: 260 }, (_, n) => `client-${n}`);
    await fill(spool, 520, (n) => ({ client: names[n % 260] ?? '' }));
    const turns: string[] = [];
    for (let round = 0; round < 13; round++) {
      for (const { delivery } of (await claim(spool, { limit: 20 })).leased) turns.push(delivery.client);
    }
    expect(turns.toSorted()).toEqual(names.toSorted());
  });

  test('the queue is listed newest first over all its windows, and changed whole', async () => {
    const spool = await open(shards);
    const submissions = await fill(spool, 350);
    const ids = submissions
      .map((submission) => deliveryOf(submission))
      .toSorted()
      .toReversed();
    const listed = (await spool.list({}, { limit: 1_000 })).map(({ delivery }) => delivery.id);
    expect(listed).toEqual(ids);
    const after = listed[199];
    if (after === undefined) throw new Error('350 were listed');
    expect((await spool.list({}, { limit: 100, after })).map(({ delivery }) => delivery.id)).toEqual(
      ids.slice(200, 300),
    );
    expect(await spool.hold({}, nowMs)).toBe(350);
    expect(await spool.take({ state: 'held' }, nowMs + 1_000, 205)).toHaveLength(205);
    expect(await spool.discard({}, nowMs)).toBe(145);
    expect(await spool.reap(nowMs + 1_001)).toBe(205);
  });

  test('an audit counts each once, though hundreds ended in the same millisecond, and all are forgotten', async () => {
    const spool = await open(shards);
    await fill(spool, 350);
    await spool.discard({}, nowMs);
    const queued = await fill(spool, 130);
    expect(await spool.audit()).toMatchObject({
      messages: 480,
      finished: { discarded: 350 },
      queued: 130,
      violations: [],
    });
    let pruned = 0;
    for (let calls = 0; pruned < 350 && calls < 20; calls++) pruned += await spool.prune(nowMs + 1);
    expect(pruned).toBe(350);
    expect(await spool.audit()).toMatchObject({ messages: queued.length, queued: 130 });
  });

  test('a message to 1,300 destinations goes out to each', async () => {
    const spool = await open(shards);
    const to = Array.from({ length: 1_300 }, (_, n) => `ann@${n}.test`);
    const [submission] = await fill(spool, 1, () => ({ to }));
    if (submission === undefined) throw new Error('one was accepted');
    expect((await spool.story(submission.message.id))?.queued).toHaveLength(1_300);
    let settled = 0;
    for (let round = 0; round < 5; round++) {
      const { leased } = await claim(spool);
      for (const one of leased) if ((await spool.settle(aSettlement(one, { atMs: nowMs }))) === 'settled') settled += 1;
    }
    expect(settled).toBe(1_300);
    expect(await spool.audit()).toMatchObject({ finished: { delivered: 1_300 }, violations: [] });
    expect(await spool.overview()).toMatchObject({ messages: 0, deliveries: 0, contentBytes: 0 });
  });
});

describe('a record that cannot be read', () => {
  const SPOIL = `return redis.call('HSET', KEYS[tonumber(ARGV[1])], ARGV[2], ARGV[3])`;

  async function spoiled(place: number, make: (submission: Submission) => [field: string, value: string | Buffer]) {
    const [prefix, told] = [aPrefix(), [] as MessageEvent[]];
    const spool = await open(1, prefix, told);
    const [bad, good] = await fill(spool, 2);
    if (bad === undefined || good === undefined) throw new Error('two were accepted');
    await using link = await openRedisLink({
      target: { kind: 'single', url: redis.server().url },
      clock: systemClock,
      durability: 'relaxed',
    });
    await link.run({ name: 'spoil', text: SPOIL }, new Keys(prefix, 1).ofShard[0] ?? [], [place, ...make(bad)]);
    return { spool, told, bad, good };
  }

  test('of a message: it is set aside and told, and the others go on', async () => {
    // Its figures are right (normal, one delivery, open); what follows is not JSON.
    const broken = Buffer.from(`01${'00000001'.repeat(2)}${'00'.repeat(24)}7b62726f6b656e`, 'hex');
    const { spool, told, bad, good } = await spoiled(1, ({ message }) => [message.id, broken]);
    const { leased } = await claim(spool);
    expect(leased.map(({ message }) => message.id)).toEqual([good.message.id]);
    expect(told).toMatchObject([{ event: 'quarantined', messageId: bad.message.id, recipients: ['bob@dest.test'] }]);
    expect(await spool.overview()).toMatchObject({ byState: { queued: 1, quarantined: 1 }, leased: 1 });
    expect((await spool.audit()).violations).toMatchObject([{ messageId: bad.message.id }, {}]);
  });

  test('of a delivery: the others go on, and the audit names whom it was for', async () => {
    const { spool, bad, good } = await spoiled(2, (submission) => [deliveryOf(submission), 'x']);
    expect((await claim(spool)).leased.map(({ message }) => message.id)).toEqual([good.message.id]);
    expect(await claim(spool)).toEqual({ leased: [], nextDueAtMs: null });
    expect((await spool.audit()).violations).toEqual([
      { messageId: bad.message.id, recipient: 'bob@dest.test', problem: 'neither ended nor queued' },
    ]);
  });

  test('of content: it is quarantined, though its bytes are gone altogether', async () => {
    const { spool, bad } = await spoiled(3, ({ message }) => [message.id, '']);
    expect(await spool.content(bad.message.id as MessageId)).toEqual({ kind: 'corrupt' });
    expect(await spool.list({ state: 'quarantined' }, { limit: 9 })).toHaveLength(1);
  });
});
