/** The Redis engine as the contracts test it, whatever kind of server it is on. */
import { randomBytes } from 'node:crypto';
import type { MessageEvent } from '../../src/message/event.ts';
import type { MessageId } from '../../src/message/ids.ts';
import { CAREFUL_STREAM, type Engine, type Store } from '../../src/spool/engine.contract.ts';
import { Keys } from '../../src/spool/redis/keys.ts';
import type { RedisLink } from '../../src/spool/redis/link.ts';
import { openRedisSpool, type RedisSpool } from '../../src/spool/redis/spool.ts';
import type { FakeClock } from './clock.ts';

/** Each store has a prefix of its own, on the server that `connect` reaches. */
export function redisEngine(
  name: string,
  of: { readonly connect: () => Promise<RedisLink>; readonly shards: number },
): Engine {
  return {
    name,
    fresh: (clock) => open({ ...of, clock, prefix: aPrefix() }),
  };
}

export function aPrefix(): string {
  return `relevo-${randomBytes(6).toString('hex')}:`;
}

type Opening = {
  readonly connect: () => Promise<RedisLink>;
  readonly shards: number;
  readonly clock: FakeClock;
  readonly prefix: string;
};

async function open(opening: Opening): Promise<Store> {
  const { connect, prefix, clock, shards } = opening;
  const told: MessageEvent[] = [];
  const others: RedisSpool[] = [];
  const spool = await openRedisSpool({
    link: await connect(),
    prefix,
    clock,
    shards,
    node: 'one',
    onEvents: (events) => void told.push(...events),
    holdWhenInDoubt: () => [CAREFUL_STREAM],
  });
  const close = async (): Promise<void> => {
    await Promise.all([spool, ...others].map((one) => one[Symbol.asyncDispose]()));
  };
  return {
    spool,
    told: () => Promise.resolve(told),
    async beside() {
      const other = await openRedisSpool({ link: await connect(), prefix, clock, node: `other ${others.length}` });
      others.push(other);
      return other;
    },
    async reopened() {
      await close();
      return open(opening);
    },
    async withCorruptContent(messageId) {
      await close();
      await corrupt(opening, messageId as MessageId);
      return open(opening);
    },
    remove: close,
  };
}

/** Changes a byte in the middle. */
async function corrupt({ connect, prefix, shards }: Opening, id: MessageId): Promise<void> {
  await using link = await connect();
  const keys = new Keys(prefix, shards);
  const text = `
    local stored = redis.call('HGET', KEYS[3], ARGV[1])
    local middle = math.floor(#stored / 2)
    local other = string.char((string.byte(stored, middle) + 16) % 256)
    redis.call('HSET', KEYS[3], ARGV[1], string.sub(stored, 1, middle - 1) .. other .. string.sub(stored, middle + 1))`;
  await link.run({ name: 'corrupt', text }, keys.ofShard[keys.shardOf(id)] ?? [], [id]);
}
