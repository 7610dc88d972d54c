/** Mail is acknowledged before it is signed: whatever happens in between, nothing that leaves lacks its signatures. */
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { expect, test } from 'vitest';
import { type DkimDomain, makeDkimDomain } from '../fakes/dkim-domain.ts';
import { startLoad } from '../fakes/load.ts';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { startRedis } from '../fakes/redis.ts';
import type { RedisServer } from '../fakes/redis-server.ts';
import { type SmtpSink, startSmtpSink } from '../fakes/smtp-sink.ts';
import { Keys } from '../../src/spool/redis/keys.ts';

const KILLS = 6;
const SESSIONS = 20;
/** Acknowledged between two kills. */
const STRETCH = 150;

const [MESSAGES = '', , , QUEUE = ''] = new Keys('relevo:', 1).ofShard[0] ?? [];
const MARKED_ON_REDIS = `local count = 0
  for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
    if string.find(redis.call('HGET', KEYS[1], id), '"unsigned":true', 1, true) then count = count + 1 end
  end
  return count`;

class Rig implements AsyncDisposable {
  readonly relay: RelayProcess;
  readonly sink: SmtpSink;
  readonly port: number;
  readonly dkim: DkimDomain;
  /** The spool; null: the embedded one. */
  readonly redis: RedisServer | null;

  private constructor(of: Pick<Rig, 'relay' | 'sink' | 'port' | 'dkim' | 'redis'>) {
    this.relay = of.relay;
    this.sink = of.sink;
    this.port = of.port;
    this.dkim = of.dkim;
    this.redis = of.redis;
  }

  static async open(args: readonly string[] = [], redis: RedisServer | null = null): Promise<Rig> {
    const relay = new RelayProcess('', { args });
    const rig = new Rig({
      relay,
      sink: await startSmtpSink(),
      port: await freePort(),
      dkim: await makeDkimDomain('load.test', relay.folder),
      redis,
    });
    rig.writePolicy(rig.dkim.entry);
    await relay.start();
    return rig;
  }

  /** @param domain its entry under `domains` */
  writePolicy(domain: string): void {
    this.relay.writePolicy(`
hostname: relay.test
listen: [{ port: ${this.port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*@load.test"] } }
retry: { delays: [1s] }
domains:
  ${domain}
egress: { out: { type: smtp, host: 127.0.0.1, port: ${this.sink.port}, tls: none, connections: 20 } }
spool: ${this.redis === null ? '{ engine: embedded }' : `{ engine: redis, url: "${this.redis.url}" }`}
`);
  }

  /** How many of the messages in the store of a relay that is dead are kept without their signatures. */
  async unsigned(): Promise<number> {
    const { redis } = this;
    if (redis !== null) return Number(await redis.cli('EVAL', MARKED_ON_REDIS, 2, MESSAGES, QUEUE));
    const database = new DatabaseSync(join(this.relay.dataFolder, 'spool/spool.db'));
    try {
      const marked = `SELECT count(*) AS count FROM message JOIN content ON content.message = message.seq
        WHERE json_extract(meta, '$.unsigned') AND instr(CAST(bytes AS TEXT), 'DKIM-Signature:') = 0`;
      return Number(database.prepare(marked).get()?.['count']);
    } finally {
      database.close();
    }
  }

  /** What verifying says of each message that left, and of how many it says so. */
  async verdicts(resolver = this.dkim.resolver): Promise<Readonly<Record<string, number>>> {
    const verdicts: Record<string, number> = {};
    for (const { content } of this.sink.accepted) {
      const { results } = await dkimVerify(content, { resolver });
      const verdict = results.map(({ status, algo }) => `${status.result} ${algo}`).join(', ');
      verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
    }
    return verdicts;
  }

  arrived(): number {
    return this.sink.copies('accepted').size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.relay[Symbol.asyncDispose]();
    await this.sink[Symbol.asyncDispose]();
    await this.redis?.[Symbol.asyncDispose]();
  }
}

const PASS = 'pass rsa-sha256, pass ed25519-sha256';

test.each([
  { how: 'by one worker', args: [], isOnRedis: false },
  { how: 'by two', args: ['--workers', '2'], isOnRedis: false },
  { how: 'on Redis', args: [], isOnRedis: true },
])(
  'killed again and again under load, all that was acknowledged leaves, and all of it signed: $how',
  async ({ args, isOnRedis }) => {
    await using rig = await Rig.open(args, isOnRedis ? await startRedis() : null);
    const { relay, sink } = rig;
    const load = startLoad({ port: () => rig.port, sessions: SESSIONS, prefix: 'k', sizeBytes: 1_000 });
    let unsigned = 0;
    for (let kill = 1; kill <= KILLS; kill++) {
      const before = load.acknowledged.size;
      await expect
        .poll(() => load.acknowledged.size, { timeout: 60_000, interval: 1 })
        .toBeGreaterThan(before + STRETCH);
      await relay.kill();
      unsigned += await rig.unsigned();
      await relay.start();
    }
    await load.stop();
    const missing = (): number => {
      const there = sink.copies('accepted');
      return [...load.acknowledged].filter((id) => !there.has(`<${id}@load.test>`)).length;
    };
    await expect.poll(missing, { timeout: 60_000, interval: 200 }).toBe(0);
    expect(unsigned).toBeGreaterThan(0);
    expect(await rig.verdicts()).toEqual({ [PASS]: sink.accepted.length });
    await relay.audit();
  },
  180_000,
);

test(
  'stopped under load it ends soon, with nothing in doubt, and all leaves signed',
  { timeout: 120_000 },
  async () => {
    await using rig = await Rig.open();
    const { relay, sink } = rig;
    for (let round = 0; round < 3; round++) {
      const load = startLoad({ port: () => rig.port, sessions: SESSIONS, prefix: `s${round}`, sizeBytes: 1_000 });
      await expect.poll(() => load.acknowledged.size, { timeout: 60_000, interval: 1 }).toBeGreaterThan(STRETCH);
      const startedMs = performance.now();
      relay.signal('SIGTERM');
      void load.stop();
      expect(await relay.exited()).toEqual({ code: 0, signal: null });
      expect(performance.now() - startedMs).toBeLessThan(20_000);
      await load.finished;
      await relay.start();
    }
    await expect.poll(async () => (await relay.audit())['queued'], { timeout: 60_000, interval: 500 }).toBe(0);
    expect(await relay.audit()).toMatchObject({ possibleDuplicates: 0 });
    expect(await rig.verdicts()).toEqual({ [PASS]: sink.accepted.length });
  },
);

test(
  'what waits for another attempt is not sent while a key is gone, and signed by the key of the day',
  { timeout: 120_000 },
  async () => {
    await using rig = await Rig.open();
    const { relay, sink } = rig;
    const COUNT = 40;
    sink.fault('rcpt', 451);
    const load = startLoad({ port: () => rig.port, sessions: 4, prefix: 'w', count: COUNT, sizeBytes: 1_000 });
    await load.finished;
    await relay.kill();
    const unsigned = await rig.unsigned();
    expect(unsigned).toBeGreaterThan(0);
    const keys = join(relay.folder, 'certs/dkim');
    await rename(keys, `${keys}.away`);
    const since = relay.lines.length;
    await relay.start();
    sink.heal();
    await relay.cli(['queue', 'retry', '--all']);
    await relay.waitFor(
      ({ event, where, cause }) => event === 'failed' && where === 'content' && /DKIM key/.test(String(cause)),
      since,
    );
    await expect.poll(() => rig.arrived(), { timeout: 30_000, interval: 100 }).toBe(COUNT - unsigned);
    expect(await rig.verdicts()).toEqual(unsigned === COUNT ? {} : { [PASS]: COUNT - unsigned });

    // Other keys under the same names sign what waits.
    await rm(`${keys}.away`, { recursive: true });
    const { resolver } = await makeDkimDomain('load.test', relay.folder);
    const reloadedAt = relay.lines.length;
    relay.signal('SIGHUP');
    await relay.waitFor(({ event }) => event === 'policy-applied', reloadedAt);
    await relay.cli(['queue', 'retry', '--all']);
    await expect.poll(() => rig.arrived(), { timeout: 60_000, interval: 100 }).toBe(COUNT);
    expect((await rig.verdicts(resolver))[PASS]).toBe(unsigned);
    await relay.audit();
  },
);
