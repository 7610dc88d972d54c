import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CliRig, MINIMAL_POLICY } from '../../tests/fakes/cli-rig.ts';
import { fillMixed, pictureOf } from '../../tests/fakes/mixed-queue.ts';
import { aPrefix } from '../../tests/fakes/redis-store.ts';
import type { RedisServer } from '../../tests/fakes/redis-server.ts';
import { startRedis } from '../../tests/fakes/redis.ts';
import { openRedisLink } from '../spool/redis/open-link.ts';
import { openRedisSpool, type RedisSpool } from '../spool/redis/spool.ts';
import { systemClock } from '../system.ts';
import { aSubmission } from '../../tests/fakes/submission.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis({ password: 'secret-word' });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** A rig whose policy names the embedded store, and a policy file beside it that names a spool of its own on Redis. */
class MoveRig extends CliRig {
  readonly prefix = aPrefix();
  readonly onRedis = join(this.folder, 'config/redis.yaml');

  constructor() {
    super();
    this.env = { PASSWORD: 'secret-word' };
    const url = `redis://:\${PASSWORD}@127.0.0.1:${server.port}`;
    writeFileSync(this.onRedis, `${MINIMAL_POLICY}spool: { engine: redis, url: '${url}', prefix: '${this.prefix}' }\n`);
  }

  async openOnRedis(): Promise<RedisSpool> {
    const link = await openRedisLink({ target: { kind: 'single', url: server.url }, clock: systemClock });
    return openRedisSpool({ link, prefix: this.prefix, clock: this.clock, node: 'one' });
  }

  move(...args: string[]) {
    return this.run(['spool', 'move', '--from', 'embedded', '--to', 'redis', '--other', this.onRedis, ...args]);
  }

  moveBack(...args: string[]) {
    return this.run(['spool', 'move', '--from', 'redis', '--to', 'embedded', '--other', this.onRedis, ...args]);
  }
}

async function filled(rig: MoveRig, count: number) {
  await using spool = await rig.openSpool();
  const ids = await fillMixed(spool, rig.clock, count);
  return { ids, before: await pictureOf(spool, ids) };
}

test('a queue goes to Redis and back, and says what it was', async () => {
  using rig = new MoveRig();
  const { ids, before } = await filled(rig, 60);
  const there = await rig.move();
  expect(there).toMatchObject({ code: 0 });
  expect(there.stdout).toContain(`Moved from the embedded store in ${join(rig.dataFolder, 'spool')} to the spool`);
  expect(there.stdout).toContain('60 messages for');
  expect(there.stdout).toContain('change its `spool`');
  expect(there.stderr).toContain('copying');
  {
    await using spool = await rig.openOnRedis();
    expect(await pictureOf(spool, ids)).toEqual(before);
  }
  const back = await rig.moveBack('--json');
  expect(back.code).toBe(0);
  expect(JSON.parse(back.stdout)).toMatchObject({
    result: 'moved',
    problems: [],
    sums: { messages: 60, violations: 0 },
  });
  await using spool = await rig.openSpool();
  expect(await pictureOf(spool, ids)).toEqual(before);
});

test('a dry run tells what there is and moves nothing', async () => {
  using rig = new MoveRig();
  await filled(rig, 20);
  const run = await rig.move('--dry-run');
  expect(run).toMatchObject({ code: 0, stderr: '' });
  expect(run.stdout).toContain('20 messages for');
  const { sums, result } = JSON.parse((await rig.move('--dry-run', '--json')).stdout);
  expect([result, sums.messages]).toEqual(['dry-run', 20]);
  await using spool = await rig.openOnRedis();
  expect((await spool.audit()).messages).toBe(0);
});

test('the server can be named by --url, its password by a variable and never by the argument', async () => {
  using rig = new MoveRig();
  const move = (url: string) => rig.run(['spool', 'move', '--from', 'embedded', '--to', 'redis', '--url', url]);
  await filled(rig, 3);
  expect(await move(`redis://:secret@127.0.0.1:${server.port}/7`)).toMatchObject({ code: 2, stdout: '' });
  const refused = await move(`redis://127.0.0.1:${server.port}/7`);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('it wants a password');
  rig.env = { RELEVO_REDIS_PASSWORD: 'secret-word' };
  const moved = await move(`redis://127.0.0.1:${server.port}/7`);
  expect(moved.code).toBe(0);
  expect(moved.stdout).toContain('database 7');
  expect(moved.stdout + moved.stderr).not.toContain('secret');
});

test('with a relay under way on Redis it is refused, and nothing is changed', async () => {
  using rig = new MoveRig();
  await using spool = await rig.openOnRedis();
  await spool.accept(aSubmission({ atMs: rig.clock.nowMs(), leaseUntilMs: rig.clock.nowMs() + 60_000 }));
  const run = await rig.moveBack();
  expect(run).toMatchObject({ code: 1, stdout: '' });
  expect(run.stderr).toContain('has deliveries under way by one: stop these relays; of one that died, wait 60 s');
  await spool.accept(aSubmission({ atMs: rig.clock.nowMs() }));
  expect((await spool.overview()).messages).toBe(2);
});

test('while a move is unfinished nothing else opens either store, and each says what to do', async () => {
  using rig = new MoveRig();
  await filled(rig, 20);
  {
    await using spool = await rig.openOnRedis();
    // A message that both have stops it in the middle.
    await using own = await rig.openSpool();
    const [first] = await own.list({}, { limit: 1 });
    const id = first?.delivery.messageId;
    if (id === undefined) throw new Error('something is queued');
    await spool.accept(aSubmission({ id, atMs: rig.clock.nowMs() }));
  }
  const stopped = await rig.move();
  expect(stopped.code).toBe(1);
  expect(stopped.stderr).toContain(
    'by itself that the source has too, and nothing was removed. Go back with --abandon',
  );
  for (const policy of [rig.policyFile, rig.onRedis]) {
    const listed = await rig.run(['queue', 'list', '--policy', policy]);
    expect(listed.code).toBe(1);
    expect(listed.stderr).toContain('give the same `relevo spool move` again to go on, or with --abandon to go back');
  }
  const abandoned = await rig.move('--abandon');
  expect(abandoned).toMatchObject({ code: 0 });
  expect(abandoned.stdout).toContain('Given up: all mail is in the embedded store');
  for (const policy of [rig.policyFile, rig.onRedis])
    expect((await rig.run(['queue', 'list', '--policy', policy])).code).toBe(0);
});

test('a running relay that was not stopped can neither accept nor claim while its mail is moved', async () => {
  using rig = new MoveRig();
  await using spool = await rig.openOnRedis();
  const submission = aSubmission({ atMs: rig.clock.nowMs() });
  await spool.accept(submission);
  const own = await rig.openSpool();
  await own.accept(submission);
  await own[Symbol.asyncDispose]();
  expect((await rig.moveBack()).code).toBe(1);
  const nowMs = rig.clock.nowMs();
  const claim = { nowMs, leaseUntilMs: nowMs + 1_000, limit: 9, perLane: 9, exclude: [] };
  await expect(spool.claim(claim)).rejects.toMatchObject({ kind: 'unavailable', isFinal: false });
  await expect(spool.accept(aSubmission({ atMs: nowMs }))).rejects.toMatchObject({
    kind: 'unavailable',
    isFinal: false,
  });
  await expect(spool.discard({}, nowMs)).rejects.toMatchObject({ kind: 'unavailable' });
  expect((await rig.moveBack('--abandon')).code).toBe(0);
  expect((await spool.claim(claim)).leased).toHaveLength(1);
});

test.each([
  [['--from', 'embedded', '--to', 'embedded'], 'a move is from one engine to the other'],
  [['--from', 'embedded', '--to', 'redis'], 'say with --url or --other where Redis is'],
  [['--from', 'embedded', '--to', 'redis', '--path', '/x'], '--path names an embedded store'],
  [['--from', 'embedded', '--to', 'redis', '--url', 'nowhere'], '--url is redis://'],
  [['--from', 'embedded', '--to', 'mysql'], 'Allowed choices are embedded, redis'],
  [['--from', 'embedded'], "required option '--to <engine>' not specified"],
])('%j is not understood', async (args, words) => {
  using rig = new MoveRig();
  const run = await rig.run(['spool', 'move', ...args]);
  expect(run).toMatchObject({ code: 2, stdout: '' });
  expect(run.stderr).toContain(words);
});

test('what cannot be had is said, and nothing is made', async () => {
  using rig = new MoveRig();
  const none = await rig.move();
  expect(none).toMatchObject({ code: 1 });
  expect(none.stderr).toContain('there is no store in');
  await filled(rig, 2);
  const nobody = ['spool', 'move', '--from', 'embedded', '--to', 'redis', '--url', 'redis://127.0.0.1:1'];
  expect((await rig.run(nobody)).code).toBe(1);
  mkdirSync(join(rig.folder, 'other'));
  const held = await rig.openSpool();
  const inUse = await rig.move();
  expect(inUse).toMatchObject({ code: 1 });
  expect(inUse.stderr).toContain('another process uses the spool');
  await held[Symbol.asyncDispose]();
  expect((await rig.run(['queue', 'list'])).code).toBe(0);
});

test('abandoned with Redis out of reach, the old store is free and the copies are told of', async () => {
  using rig = new MoveRig();
  const { ids, before } = await filled(rig, 20);
  {
    await using spool = await rig.openOnRedis();
    await using own = await rig.openSpool();
    const [first] = await own.list({}, { limit: 1 });
    await spool.accept(aSubmission({ id: first?.delivery.messageId ?? ids[0]!, atMs: rig.clock.nowMs() }));
  }
  expect((await rig.move()).code).toBe(1);
  const gone = ['spool', 'move', '--from', 'embedded', '--to', 'redis', '--url', 'redis://127.0.0.1:1', '--abandon'];
  const abandoned = await rig.run(gone);
  expect(abandoned.code).toBe(1);
  expect(abandoned.stderr).toMatch(/the copies in the spool .* are still there/);
  await using spool = await rig.openSpool();
  expect(await pictureOf(spool, ids)).toEqual(before);
});

test('what a dead relay had under way goes along in doubt, and held where its stream wants that', async () => {
  using rig = new MoveRig();
  writeFileSync(rig.policyFile, `${rig.policyText}streams: { transactional: {}, careful: { onDoubt: hold } }\n`);
  const [usual, careful] = ['transactional', 'careful'].map((stream) =>
    aSubmission({ atMs: rig.clock.nowMs(), stream, leaseUntilMs: rig.clock.nowMs() + 60_000 }),
  );
  if (usual === undefined || careful === undefined) throw new Error('there are two');
  {
    await using spool = await rig.openSpool();
    for (const submission of [usual, careful]) await spool.accept(submission);
  }
  const run = await rig.move();
  expect(run.code, run.stderr).toBe(0);
  expect(run.stderr).toContain('2 deliveries under way when the relay died: in doubt');
  expect(run.stdout).toContain('2 copies may have been delivered twice before');
  await using spool = await rig.openOnRedis();
  const seen = async (of: typeof usual) => {
    const story = await spool.story(of.message.id);
    return [story?.events.map(({ event }) => event), story?.queued.map(({ delivery }) => delivery.state)];
  };
  expect(await seen(usual)).toEqual([['received', 'in-doubt'], ['queued']]);
  expect(await seen(careful)).toEqual([['received', 'in-doubt', 'held'], ['held']]);
});
