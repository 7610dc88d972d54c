/**
 * What leaves is signed, whoever signs it: the store's thread where there are few cores, the thread pool elsewhere, and the attempt
 * what was kept without.
 */
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { expect, test } from 'vitest';
import { startLoad } from '../fakes/load.ts';
import { makeDkimDomain } from '../fakes/dkim-domain.ts';
import { freePort } from '../fakes/postfix.ts';
import { startRedis } from '../fakes/redis.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { startSmtpSink } from '../fakes/smtp-sink.ts';

const AT_ONCE = 300;
const KEPT = 100;

const EMBEDDED = '{ engine: embedded }';
const ONE_CORE = process.platform === 'linux' ? { wrapper: ['taskset', '-c', '0'] } : {};

test.each([
  { where: 'on one core', options: ONE_CORE },
  { where: 'by two workers', options: { args: ['--workers', '2'] } },
  { where: 'on Redis', options: {}, redis: 'from the start' },
  { where: 'moved to Redis', options: {}, redis: 'later' },
] as const)(
  'all signatures hold $where: of mail that leaves at once, and of mail that was kept over kill -9',
  async ({ options, redis: isOnRedis = 'never' }) => {
    await using sink = await startSmtpSink();
    await using stack = new AsyncDisposableStack();
    const redis = isOnRedis === 'never' ? null : stack.use(await startRedis());
    const onRedis = `{ engine: redis, url: "${redis?.url}" }`;
    const port = await freePort();
    await using relay = new RelayProcess('', options);
    const dkim = await makeDkimDomain('load.test', relay.folder);
    const policyOn = (spool: string): string => `
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*@load.test"] } }
domains:
  ${dkim.entry}
egress: { out: { type: smtp, host: 127.0.0.1, port: ${sink.port}, tls: none, connections: 20 } }
spool: ${spool}
`;
    relay.writePolicy(policyOn(isOnRedis === 'from the start' ? onRedis : EMBEDDED));
    await relay.start();
    const send = async (prefix: string, count: number): Promise<void> => {
      const load = startLoad({ port: () => port, sessions: 20, prefix, count, sizeBytes: 1_000 });
      await load.finished;
      expect(load.acknowledged.size).toBe(count);
    };

    await send('once', AT_ONCE);
    await sink.until(() => sink.copies('accepted').size === AT_ONCE);
    sink.fault('rcpt', 451);
    await send('kept', KEPT);
    await relay.kill();
    if (isOnRedis === 'later') {
      const { code, stderr } = await relay.cli([
        'spool',
        'move',
        '--from',
        'embedded',
        '--to',
        'redis',
        '--url',
        redis?.url ?? '',
      ]);
      expect({ code, stderr }).toMatchObject({ code: 0 });
      relay.writePolicy(policyOn(onRedis));
    }
    await relay.start();
    sink.heal();
    await relay.cli(['queue', 'retry', '--all']);
    await expect.poll(() => sink.copies('accepted').size, { timeout: 60_000, interval: 100 }).toBe(AT_ONCE + KEPT);

    const verdicts = new Map<string, number>();
    for (const { content } of sink.accepted) {
      const { results } = await dkimVerify(content, { resolver: dkim.resolver });
      const verdict = results.map(({ status, algo }) => `${status.result} ${algo}`).join(', ');
      verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
    }
    expect([...verdicts]).toEqual([['pass rsa-sha256, pass ed25519-sha256', sink.accepted.length]]);
    await relay.audit();
  },
  120_000,
);
