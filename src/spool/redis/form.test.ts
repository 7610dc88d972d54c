import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { endedAfterEach, sharedRedis } from '../../../tests/fakes/redis-in-tests.ts';
import { aPrefix } from '../../../tests/fakes/redis-store.ts';
import { aSubmission } from '../../../tests/fakes/submission.ts';
import { openRedisMoveStore } from './move-store.ts';
import { openRedisSpool, type RedisSpool } from './spool.ts';

const redis = sharedRedis();
const kept = endedAfterEach();
const clock = new FakeClock();
const HOLDS_MS = 15_000;

async function open(node: string, prefix: string): Promise<RedisSpool> {
  return kept.use(await openRedisSpool({ link: await redis.link(), clock, node, prefix }));
}

function beat(spool: RedisSpool, name: string): Promise<unknown> {
  const nowMs = clock.nowMs();
  const place = { host: 'mx.test', machine: null, pid: 1, startedAtMs: nowMs };
  const facts = { name, instance: `${name}-1`, version: 'v', policyVersion: 'p', workers: 1, addresses: [], ...place };
  return spool.nodes.beat({ facts, nowMs, untilMs: nowMs + HOLDS_MS });
}

const formOf = (prefix: string): Promise<string> => redis.server().cli('GET', `${prefix}{format}`);

/** With a message in it, as `old` left it. */
async function spoolOfBefore(prefix: string): Promise<string> {
  const old = await open('old', prefix);
  const submission = aSubmission({ atMs: clock.nowMs() });
  await old.accept(submission);
  await beat(old, 'old');
  await redis.server().cli('SET', `${prefix}{format}`, (await formOf(prefix)).replace(/^4 /, '3 '));
  return submission.message.id;
}

test('one of before becomes one of this version, with its mail and its identity', async () => {
  const prefix = aPrefix();
  await spoolOfBefore(prefix);
  const before = await formOf(prefix);
  const spool = await open('old', prefix);
  expect(await formOf(prefix)).toBe(before.replace(/^3 /, '4 '));
  expect(await spool.audit()).toMatchObject({ messages: 1, violations: [] });
  expect(spool.trouble()).toBeNull();
});

test('not while nodes of before are up, which are named', async () => {
  const prefix = aPrefix();
  await spoolOfBefore(prefix);
  const before = await formOf(prefix);
  const refusal = {
    kind: 'in-use',
    isFinal: true,
    message: expect.stringMatching(/is used by old, .*: stop all nodes/),
  };
  await expect(open('new', prefix)).rejects.toMatchObject(refusal);
  const move = { prefix, clock, name: 'the queue', holdWhenInDoubt: () => [] };
  await expect(openRedisMoveStore({ ...move, link: await redis.link() })).rejects.toMatchObject(refusal);
  expect(await formOf(prefix)).toBe(before);
  await clock.advance(HOLDS_MS);
  await open('new', prefix);
  expect(await formOf(prefix)).toMatch(/^4 /);
});

test('nor where another process has the name: whoever is refused has changed nothing', async () => {
  const prefix = aPrefix();
  await spoolOfBefore(prefix);
  const admit = (): Promise<void> => Promise.reject(new Error('another process has the name'));
  const refused = openRedisSpool({ link: await redis.link(), clock, node: 'old', prefix, admit });
  await expect(refused).rejects.toThrow('another process has the name');
  expect(await formOf(prefix)).toMatch(/^3 /);
});

test.each(['2 1', '99 1', '4 0', 'other'])('one that is not known is not touched: %s', async (format) => {
  const prefix = aPrefix();
  await redis.server().cli('SET', `${prefix}{format}`, format);
  const message = expect.stringMatching(/is kept in form \S+, .* knows form 4: docs\/operating\.md/) as string;
  await expect(open('one', prefix)).rejects.toMatchObject({ kind: 'in-use', isFinal: true, message });
});

test('a full server is no hindrance: what waits there must get out', async () => {
  const prefix = aPrefix();
  await spoolOfBefore(prefix);
  await redis.server().cli('CONFIG', 'SET', 'maxmemory', '1mb');
  try {
    const spool = await open('old', prefix);
    expect(await formOf(prefix)).toMatch(/^4 /);
    expect(await spool.discard({}, clock.nowMs())).toBe(1);
  } finally {
    await redis.server().cli('CONFIG', 'SET', 'maxmemory', '0');
  }
});
