import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import type { Clock } from '../../ports.ts';
import { SpoolError } from '../spool.ts';
import type { RedisLink, Script, ScriptArgument } from './link.ts';

export type RedisTarget = { readonly kind: 'single'; readonly url: string };

export type RedisLinkOptions = { readonly target: RedisTarget; readonly clock: Clock };

/** Connects. Rejects with `SpoolError` when it cannot. */
export async function openRedisLink({ target }: RedisLinkOptions): Promise<RedisLink> {
  const client = new Redis(target.url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    commandTimeout: 5_000,
  });
  client.on('error', () => undefined);
  await client.connect();
  const run = async (script: Script, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> => {
    const rest = [keys.length, ...keys, ...args];
    const sha = createHash('sha1').update(script.text).digest('hex');
    try {
      return await client.callBuffer('evalsha', sha, ...rest).catch((error: unknown) => {
        if (String(error).includes('NOSCRIPT')) return client.callBuffer('eval', script.text, ...rest);
        throw error;
      });
    } catch (error) {
      throw new SpoolError('unavailable', String(error), { cause: error });
    }
  };
  return {
    topology: 'single',
    run,
    runDurably: run,
    trouble: () => (client.status === 'ready' ? null : 'redis is not connected'),
    [Symbol.asyncDispose]: async () => client.disconnect(),
  };
}
