import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { MessageId } from '../../src/message/ids.ts';
import { openEmbeddedSpool } from '../../src/spool/embedded/spool.ts';
import { openRedisLink } from '../../src/spool/redis/open-link.ts';
import { openRedisSpool } from '../../src/spool/redis/spool.ts';
import { systemClock } from '../../src/system.ts';
import { FakeClock } from '../fakes/clock.ts';
import { fillMixed, pictureOf, type StorePicture } from '../fakes/mixed-queue.ts';
import { freePort } from '../fakes/postfix.ts';
import type { RedisServer } from '../fakes/redis-server.ts';
import { startRedis } from '../fakes/redis.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { startSmtpSink } from '../fakes/smtp-sink.ts';

const MESSAGES = 2_000;
const KILLS = 20;
const ROOT = resolve(import.meta.dirname, '../..');
const HOUR_MS = 3_600_000;

const policyText = (spool: string, rest = ''): string => `
hostname: relay.test
clients: { shop: { networks: [127.0.0.0/8], senders: ["*"] } }
${rest}spool: ${spool}
`;

/** A queue that goes between a folder and a Redis server, by the command as a user gives it. */
class Moving implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'relevo-spool-move-'));
  readonly #server: RedisServer;
  readonly #other = join(this.folder, 'config/redis.yaml');
  isOnRedis = false;

  constructor(server: RedisServer) {
    this.#server = server;
    mkdirSync(join(this.folder, 'config'));
    writeFileSync(join(this.folder, 'config/relevo.yaml'), policyText('{ engine: embedded }'));
    writeFileSync(this.#other, policyText(`{ engine: redis, url: "${server.url}" }`));
  }

  openEmbedded() {
    const clock = new FakeClock(Date.now());
    return openEmbeddedSpool({ path: join(this.folder, 'data/spool'), durability: 'relaxed', clock });
  }

  async openRedis() {
    const link = await openRedisLink({ target: { kind: 'single', url: this.#server.url }, clock: systemClock });
    return openRedisSpool({ link, prefix: 'relevo:', clock: new FakeClock(Date.now()), node: 'test' });
  }

  async picture(ids: readonly MessageId[]): Promise<StorePicture> {
    await using spool = await (this.isOnRedis ? this.openRedis() : this.openEmbedded());
    return await pictureOf(spool, ids);
  }

  /** Goes on with the move, to the other side. Resolves to its exit code; null: it was killed. */
  async run(
    killAfterMs: number | null,
    signal: NodeJS.Signals = 'SIGKILL',
  ): Promise<{ readonly code: number | null; readonly stderr: string }> {
    const [from, to] = this.isOnRedis ? ['redis', 'embedded'] : ['embedded', 'redis'];
    const where = ['--policy', join(this.folder, 'config/relevo.yaml'), '--other', this.#other];
    const child = spawn(join(ROOT, 'scripts/relevo'), ['spool', 'move', '--from', from, '--to', to, ...where], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const ended = new Promise<number | null>((done) => child.once('close', (code) => done(code)));
    const kill = (): void => void wait(killAfterMs ?? 0).then(() => child.kill(signal));
    // From its first word on, so that it is killed at its work.
    if (killAfterMs !== null) child.stderr.once('data', kill);
    const code = await ended;
    if (code === 0) this.isOnRedis = !this.isOnRedis;
    return { code, stderr };
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

/** Recipients of deliveries that a relay would send at once, each with its message. */
function dueIn({ stories }: StorePicture, nowMs: number): string[] {
  return stories.flatMap((story) =>
    (story?.queued ?? [])
      .filter(({ delivery }) => delivery.state === 'queued' && delivery.dueAtMs <= nowMs)
      .flatMap(({ delivery }) => delivery.recipients.map(({ address }) => `${delivery.messageId} ${address}`)),
  );
}

test(`${MESSAGES} messages of all states go to Redis and back, killed ${KILLS} times, and are then sent once`, async () => {
  await using server = await startRedis();
  using moving = new Moving(server);
  const ids = await (async () => {
    await using spool = await moving.openEmbedded();
    // Long enough ago that what was put off is due again.
    return await fillMixed(spool, new FakeClock(Date.now() - HOUR_MS), MESSAGES);
  })();
  const before = await moving.picture(ids);
  expect(before.wrongContent).toEqual([]);
  let [kills, stops, moves, isWhole] = [0, 0, 0, true];
  while (kills < KILLS || !moving.isOnRedis || !isWhole) {
    const isStopped = kills % 4 === 3 && stops < kills / 4;
    const { code, stderr } = await moving.run(
      kills < KILLS ? Math.random() * 500 : null,
      isStopped ? 'SIGINT' : 'SIGKILL',
    );
    isWhole = code === 0;
    if (code === 1 && isStopped) {
      expect(stderr).toContain('stopped: give the same command again to go on');
      stops += 1;
      continue;
    }
    if (code === null) {
      kills += 1;
      continue;
    }
    expect(code, stderr).toBe(0);
    moves += 1;
    expect(await moving.picture(ids)).toEqual(before);
  }
  expect(moves).toBeGreaterThan(0);
  expect(stops).toBeGreaterThan(0);
  expect(await sentFrom(server)).toEqual(dueIn(before, Date.now()).toSorted());
});

/** What a relay on this server sends when it starts: a message and a recipient each, sorted; it ends once nothing is due. */
async function sentFrom(server: RedisServer): Promise<string[]> {
  await using sink = await startSmtpSink();
  const exits = `egress: { up: { type: smtp, host: 127.0.0.1, port: ${sink.port}, tls: none, connections: 20 } }
http: { listen: 127.0.0.1:${await freePort()} }
listen: [{ port: ${await freePort()}, address: 127.0.0.1, tls: none, auth: none }]
`;
  await using relay = new RelayProcess(policyText(`{ engine: redis, url: "${server.url}" }`, exits));
  await relay.start();
  const waiting = async (): Promise<number> => {
    const { stdout } = await relay.cli(['queue', 'list', '--state', 'queued', '--limit', '5000', '--json']);
    const { deliveries } = JSON.parse(stdout) as { deliveries: { dueAtMs: number; leasedUntilMs: number | null }[] };
    return deliveries.filter(({ dueAtMs, leasedUntilMs }) => leasedUntilMs !== null || dueAtMs <= Date.now()).length;
  };
  await expect.poll(waiting, { timeout: 60_000, interval: 300 }).toBe(0);
  await relay.audit();
  await relay.stop();
  return sink.accepted
    .flatMap(({ messageId, recipients }) => recipients.map(({ address }) => `${messageId.slice(1, 27)} ${address}`))
    .toSorted();
}

test('a Redis that dies under a move stops it; started again, it goes on', async () => {
  await using server = await startRedis();
  using moving = new Moving(server);
  const ids = await (async () => {
    await using spool = await moving.openEmbedded();
    return await fillMixed(spool, new FakeClock(Date.now() - HOUR_MS), 600);
  })();
  const before = await moving.picture(ids);
  let isWhole = true;
  for (let round = 0; round < 4 || !moving.isOnRedis || !isWhole; round++) {
    const run = moving.run(null);
    if (round < 4) {
      await wait(350 + Math.random() * 300);
      await server.kill();
      await server.start();
    }
    const { code, stderr } = await run;
    isWhole = code === 0;
    if (code !== 0) expect(stderr).toMatch(/^relevo: /m);
    expect(stderr).not.toContain('this should not happen');
  }
  expect(await moving.picture(ids)).toEqual(before);
});
