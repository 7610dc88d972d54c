/** Resends whose digest lives in another slot than the message; answers that are lost on the way; servers that are gone. */
import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { endedAfterEach, sharedRedis } from '../../../tests/fakes/redis-in-tests.ts';
import { aPrefix } from '../../../tests/fakes/redis-store.ts';
import { aSettlement, aSubmission } from '../../../tests/fakes/submission.ts';
import { SpoolError, type Submission } from '../spool.ts';
import type { RedisLink, Script, ScriptArgument } from './link.ts';
import { openRedisSpool, type RedisSpool } from './spool.ts';

const redis = sharedRedis();
const kept = endedAfterEach();
const clock = new FakeClock();
const nowMs = clock.nowMs();

type Run = RedisLink['run'];
/** Stands between the spool and the server for one script. */
type Fault = { readonly script: string; readonly run: (run: Run, ...call: Parameters<Run>) => Promise<unknown> };

const DOWN = new SpoolError('unavailable', 'the connection was lost before the answer');

async function node(name: string, prefix: string, fault?: Fault): Promise<RedisSpool> {
  const link = await redis.link();
  const spool = await openRedisSpool({
    link: fault === undefined ? link : broken(link, fault),
    prefix,
    shards: 8,
    clock,
    node: name,
  });
  return kept.use(spool);
}

function broken(link: RedisLink, fault: Fault): RedisLink {
  const through =
    (run: Run): Run =>
    (script: Script, keys: readonly string[], args: readonly ScriptArgument[]) =>
      script.name === fault.script ? fault.run(run, script, keys, args) : run(script, keys, args);
  return {
    topology: link.topology,
    run: through((...call) => link.run(...call)),
    runTogether: through((...call) => link.runTogether(...call)),
    runDurably: through((...call) => link.runDurably(...call)),
    trouble: () => link.trouble(),
    isFull: () => link.isFull(),
    watch: (look) => link.watch(look),
    [Symbol.asyncDispose]: () => link[Symbol.asyncDispose](),
  };
}

/** Every one is the same mail with an id of its own. */
function resend(): Submission {
  return aSubmission({ atMs: nowMs, dedupe: { key: 'digest', windowMs: 60_000 } });
}

/** As if what was reserved had been so for longer than anybody accepts. */
const MUCH_LATER: Fault = {
  script: 'reserve',
  run: (run, script, keys, args) => run(script, keys, [...args.slice(0, -1), -1]),
};

test('resends that reach several nodes together are one message', async () => {
  const prefix = aPrefix();
  const nodes = await Promise.all(['a', 'b', 'c'].map((name) => node(name, prefix)));
  const results = await Promise.allSettled(Array.from({ length: 30 }, (_, n) => nodes[n % 3]!.accept(resend())));
  const answers = results.map((result) => (result.status === 'fulfilled' ? result.value.kind : 'refused for now'));
  expect(answers.filter((kind) => kind === 'accepted')).toHaveLength(1);
  expect(await nodes[0]!.overview()).toMatchObject({ messages: 1 });
  for (const result of results)
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ kind: 'unavailable' });
  expect(await nodes[1]!.accept(resend())).toMatchObject({ kind: 'duplicate' });
});

test('what was accepted is found by its resend although nobody learnt of it', async () => {
  const prefix = aPrefix();
  const lossy = await node('lossy', prefix, {
    script: 'accept',
    run: async (...[run, script, keys, args]) => {
      await run(script, keys, args);
      throw DOWN;
    },
  });
  const first = resend();
  await expect(lossy.accept(first)).rejects.toBe(DOWN);
  const sound = await node('sound', prefix);
  expect(await sound.accept(resend())).toEqual({ kind: 'duplicate', of: first.message.id });
  expect(await sound.accept(first)).toEqual({ kind: 'known' });
  expect(await sound.overview()).toMatchObject({ messages: 1, deliveries: 1 });
});

test('while nobody knows whether it is being accepted, a resend is asked to come again', async () => {
  const prefix = aPrefix();
  const dying = await node('dying', prefix, { script: 'accept', run: () => Promise.reject(DOWN) });
  await expect(dying.accept(resend())).rejects.toBe(DOWN);
  const sound = await node('sound', prefix);
  await expect(sound.accept(resend())).rejects.toMatchObject({ kind: 'unavailable', isFinal: false });
  expect(await sound.overview()).toMatchObject({ messages: 0 });
});

test('what was never accepted makes room for its resend, and cannot arrive late', async () => {
  const prefix = aPrefix();
  let late: (() => Promise<unknown>) | null = null;
  const stuck = await node('stuck', prefix, {
    script: 'accept',
    run: (...[run, script, keys, args]) => {
      late = () => run(script, keys, args);
      return Promise.reject(DOWN);
    },
  });
  const first = resend();
  await expect(stuck.accept(first)).rejects.toBe(DOWN);
  const sound = await node('sound', prefix, MUCH_LATER);
  expect(await sound.accept(resend())).toMatchObject({ kind: 'accepted' });
  await (late as (() => Promise<unknown>) | null)?.();
  expect(await sound.story(first.message.id)).toBeNull();
  await expect(sound.accept(first)).resolves.toMatchObject({ kind: 'duplicate' });
  expect(await sound.overview()).toMatchObject({ messages: 1 });
});

test('a message that was refused for lack of room does not hold up its resend', async () => {
  const prefix = aPrefix();
  const full = await node('full', prefix, {
    script: 'accept',
    run: () => Promise.reject(new SpoolError('full', 'no room')),
  });
  await expect(full.accept(resend())).rejects.toMatchObject({ kind: 'full' });
  expect(await (await node('roomy', prefix)).accept(resend())).toMatchObject({ kind: 'accepted' });
});

test('a settlement whose answer was lost is written once', async () => {
  const prefix = aPrefix();
  let lose = true;
  const lossy = await node('lossy', prefix, {
    script: 'settle',
    run: async (...[run, script, keys, args]) => {
      const answer = await run(script, keys, args);
      if (!lose) return answer;
      lose = false;
      throw DOWN;
    },
  });
  const submission = aSubmission({ atMs: nowMs, leaseUntilMs: nowMs + 1_000 });
  const result = await lossy.accept(submission);
  const [leased] = result.kind === 'accepted' ? result.leased : [];
  if (leased === undefined) throw new Error('nothing was leased');
  await expect(lossy.settle(aSettlement(leased, { atMs: nowMs }))).rejects.toBe(DOWN);
  expect(await lossy.settle(aSettlement(leased, { atMs: nowMs }))).toBe('lost');
  expect(await lossy.audit()).toMatchObject({ finished: { delivered: 1 }, queued: 0, violations: [] });
});

test('what one server leased is handed out although another is gone', async () => {
  const prefix = aPrefix();
  const gone = new Set<string>();
  const half = await node('half', prefix, {
    script: 'lease',
    run: (run, script, keys, args) => {
      const [shard = ''] = keys;
      if (gone.size === 0) gone.add(shard);
      return gone.has(shard) ? Promise.reject(DOWN) : run(script, keys, args);
    },
  });
  for (let n = 0; n < 40; n++) await half.accept(aSubmission({ atMs: nowMs }));
  const request = { nowMs, leaseUntilMs: nowMs + 60_000, limit: 100, perLane: 100, exclude: [] };
  const { leased, nextDueAtMs } = await half.claim(request);
  expect(leased.length).toBeGreaterThan(0);
  expect(nextDueAtMs).toBe(nowMs);
  expect(await half.overview()).toMatchObject({ leased: leased.length, deliveries: 40 });
  await expect(half.claim(request)).rejects.toBe(DOWN);
});
