/** One message to very many destinations: what each step costs must not grow with its recipients, nor with its history. */
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { ownTimeMs } from '../../../tests/fakes/own-time.ts';
import { endedAfterEach, sharedRedis } from '../../../tests/fakes/redis-in-tests.ts';
import { aPrefix } from '../../../tests/fakes/redis-store.ts';
import { aSettlement, aSubmission, deliveryOf } from '../../../tests/fakes/submission.ts';
import { systemClock } from '../../system.ts';
import type { StoredRecord } from '../move.ts';
import type { LeasedDelivery, Submission } from '../spool.ts';
import { openRedisMoveStore, type RedisMoveStore } from './move-store.ts';
import { openRedisSpool, type RedisSpool } from './spool.ts';

const DESTINATIONS = 1_000;
const ROUND_MS = 60_000;
/** Of some 6,000 scripts; with nothing else on the machine none. */
const SLOW_AT_MOST = 20;

const redis = sharedRedis(['appendfsync no', 'auto-aof-rewrite-percentage 0', 'slowlog-log-slower-than 20000']);
const kept = endedAfterEach();
const clock = new FakeClock();
const nowMs = clock.nowMs();

async function open(prefix = aPrefix()): Promise<RedisSpool> {
  const spool = await openRedisSpool({ link: await redis.link(), prefix, clock, node: 'one' });
  return kept.use(spool);
}

async function openMove(prefix: string): Promise<RedisMoveStore> {
  const options = { link: await redis.link(), prefix, clock, name: prefix, holdWhenInDoubt: () => [] };
  const store = await openRedisMoveStore(options);
  return kept.use(store);
}

async function acceptWide(spool: RedisSpool): Promise<Submission> {
  const to = Array.from({ length: DESTINATIONS }, (_, n) => `ann.example@destination-${n}.test`);
  const submission = aSubmission({ atMs: nowMs, to });
  await spool.accept(submission);
  return submission;
}

async function lease(spool: RedisSpool, atMs: number): Promise<readonly LeasedDelivery[]> {
  const request = { nowMs: atMs, leaseUntilMs: atMs + ROUND_MS, limit: 500, perLane: 500, exclude: [] };
  return (await spool.claim(request)).leased;
}

/** Every delivery is tried once, and has to wait. */
async function deferAll(spool: RedisSpool, round: number): Promise<void> {
  const atMs = nowMs + round * ROUND_MS;
  let settled = 0;
  while (settled < DESTINATIONS) {
    const leased = await lease(spool, atMs);
    expect(leased.length).toBeGreaterThan(0);
    const settlements = leased.map((one) => aSettlement(one, { atMs, addresses: [] }));
    const results = await Promise.all(settlements.map((settlement) => spool.settle(settlement)));
    settled += results.filter((result) => result === 'settled').length;
  }
  expect(settled).toBe(DESTINATIONS);
}

function differences(sums: readonly number[]): number[] {
  return sums.slice(1).map((sum, place) => sum - (sums[place] ?? 0));
}

async function logBytes(): Promise<number> {
  return Number(/aof_current_size:(\d+)/.exec(await redis.server().cli('INFO', 'persistence'))?.[1]);
}

/** What the server's own thread used of a processor, s. */
async function usedSeconds(): Promise<number> {
  const text = await redis.server().cli('INFO', 'cpu');
  const of = (kind: string): number => Number(new RegExp(`used_cpu_${kind}_main_thread:([\\d.]+)`).exec(text)?.[1]);
  return of('user') + of('sys');
}

async function fieldsOf(prefix: string): Promise<number> {
  const [key = ''] = (await redis.server().cli('KEYS', `${prefix}*:events`)).split('\n');
  return key === '' ? 0 : Number(await redis.server().cli('HLEN', key));
}

describe('a message to 1,000 domains', () => {
  test('costs the same in every round of deferrals, and others are answered meanwhile', async () => {
    const spool = await open();
    const { message } = await acceptWide(spool);
    await redis.server().cli('SLOWLOG', 'RESET');
    const sizes = [await logBytes()];
    const used = [await usedSeconds()];
    let [isOver, slowestMs] = [false, 0];
    const others = (async () => {
      while (!isOver) {
        const submission = aSubmission({ atMs: nowMs, dueAtMs: nowMs + 100 * ROUND_MS, to: ['bob@other.test'] });
        slowestMs = Math.max(slowestMs, await ownTimeMs(() => spool.accept(submission)));
        await systemClock.sleep(20);
      }
    })();
    for (let round = 0; round < 5; round++) {
      await deferAll(spool, round);
      sizes.push(await logBytes());
      used.push(await usedSeconds());
    }
    isOver = true;
    await others;
    const grew = differences(sizes);
    const took = differences(used);
    expect(Math.max(...took)).toBeLessThan(0.1 + 2 * (took[0] ?? 0));
    expect(Math.max(...grew)).toBeLessThan(1.3 * (grew[0] ?? 0));
    expect(Math.max(...grew) / DESTINATIONS).toBeLessThan(4_000);
    expect(slowestMs).toBeLessThan(1_000);
    expect((await spool.story(message.id))?.events).toHaveLength(1 + 5 * DESTINATIONS);
    expect((await spool.audit()).violations).toEqual([]);
    expect(Number(await redis.server().cli('SLOWLOG', 'LEN'))).toBeLessThanOrEqual(SLOW_AT_MOST);
  }, 60_000);

  test('tells in order, and of one delivery alone what is asked of it', async () => {
    const spool = await open();
    const submission = await acceptWide(spool);
    for (let round = 0; round < 2; round++) await deferAll(spool, round);
    const all = (await spool.story(submission.message.id))?.events ?? [];
    expect(all[0]).toEqual(submission.received);
    expect(all.map(({ atMs }) => atMs)).toEqual(all.map(({ atMs }) => atMs).toSorted((a, b) => a - b));
    const asked = deliveryOf(submission, 12);
    const ofOne = (await spool.story(submission.message.id, asked))?.events ?? [];
    expect(ofOne).toEqual(all.filter((event) => 'deliveryId' in event && event.deliveryId === asked));
    expect(ofOne).toHaveLength(2);
  });

  test('is forgotten in steps, and after the first nobody knows it any more', async () => {
    const prefix = aPrefix();
    const spool = await open(prefix);
    const { message } = await acceptWide(spool);
    for (let round = 0; round < 2; round++) await deferAll(spool, round);
    expect(await spool.discard({}, nowMs)).toBe(DESTINATIONS);
    const before = await fieldsOf(prefix);
    expect(before).toBe(3 * DESTINATIONS + 1);
    expect(await spool.prune(nowMs + 1)).toBe(1);
    expect(await fieldsOf(prefix)).toBe(before - 1_000);
    expect(await spool.story(message.id)).toBeNull();
    expect(await spool.audit()).toMatchObject({ messages: 0, violations: [] });
    expect(await spool.prune(nowMs + 1)).toBe(0);
    expect(await fieldsOf(prefix)).toBe(0);
  });

  test('moves with all of its history, and nothing of it stays behind', async () => {
    const [from, to] = [aPrefix(), aPrefix()];
    const spool = await open(from);
    const { message } = await acceptWide(spool);
    for (let round = 0; round < 2; round++) await deferAll(spool, round);
    const story = await spool.story(message.id);
    await spool[Symbol.asyncDispose]();
    const [source, target] = [await openMove(from), await openMove(to)];
    const records: StoredRecord[] = [];
    for (let next: string | null = null; ;) {
      const page = await source.read(next);
      records.push(...page.records);
      next = page.next;
      if (next === null) break;
    }
    expect(await target.write(records, null)).toEqual({ written: 1, known: 0, conflicts: [] });
    for (let count = 1; count > 0;) count = await source.remove('all');
    expect(await fieldsOf(from)).toBe(0);
    const moved = await open(to);
    expect(await moved.story(message.id)).toEqual(story);
    for (const one of await lease(moved, nowMs + 9 * ROUND_MS)) await moved.settle(aSettlement(one, { atMs: nowMs }));
    expect((await moved.story(message.id))?.events.slice(0, story?.events.length)).toEqual(story?.events);
    expect((await moved.audit()).violations).toEqual([]);
    for (let count = 1; count > 0;) count = await target.remove('arrivals');
    expect(await fieldsOf(to)).toBe(0);
  });
});
