/** Redis servers and the ways to them, for as long as the tests of a file need them. */
import { afterAll, afterEach, beforeAll } from 'vitest';
import type { RedisLink } from '../../src/spool/redis/link.ts';
import { openRedisLink, type RedisLinkOptions } from '../../src/spool/redis/open-link.ts';
import { systemClock } from '../../src/system.ts';
import { startRedis } from './redis.ts';
import type { RedisServer } from './redis-server.ts';

/** What a test opened or has to undo: it is ended after the test, the last first. */
export type Kept = Pick<AsyncDisposableStack, 'use' | 'defer'>;

/** A stack for each test. */
export function endedAfterEach(): Kept {
  let stack = new AsyncDisposableStack();
  afterEach(async () => {
    const last = stack;
    stack = new AsyncDisposableStack();
    await last.disposeAsync();
  });
  return { use: (one) => stack.use(one), defer: (undo) => stack.defer(undo) };
}

export type SharedRedis = {
  readonly server: () => RedisServer;
  /** A way there of its own, with nothing asked of how the server keeps what it is told. Whoever takes it ends it. */
  readonly link: () => Promise<RedisLink>;
};

/** One server for all tests of a file: quick, as long as each works under a prefix of its own. */
export function sharedRedis(settings: readonly string[] = ['appendonly no', 'appendfsync no']): SharedRedis {
  let server: RedisServer | null = null;
  beforeAll(async () => {
    server = await startRedis({ settings });
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });
  const running = (): RedisServer => {
    if (server === null) throw new Error('no test is running');
    return server;
  };
  return {
    server: running,
    link: () =>
      openRedisLink({
        target: { kind: 'single', url: running().url },
        clock: systemClock,
        durability: 'relaxed',
      }),
  };
}

/** A server for one test, and ways to servers, ended after it. */
export function redisEach(): {
  readonly server: (...options: Parameters<typeof startRedis>) => Promise<RedisServer>;
  readonly linkTo: (url: string, options?: Partial<RedisLinkOptions>) => Promise<RedisLink>;
  readonly kept: Kept;
} {
  const kept = endedAfterEach();
  return {
    kept,
    server: async (...options) => kept.use(await startRedis(...options)),
    linkTo: async (url, options = {}) =>
      kept.use(await openRedisLink({ target: { kind: 'single', url }, clock: systemClock, ...options })),
  };
}
