import { createHash } from 'node:crypto';
import type { Pipeline, RedisClient } from './client.ts';
import type { Script, ScriptArgument } from './link.ts';
import { replyCode } from './redis-error.ts';

export type Call = {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly ScriptArgument[];
};

const digests = new WeakMap<Script, string>();

/** Runs it by its digest; by its text where the server does not know it, and so has not run it. Rejects with the client's errors. */
export async function callScript(client: RedisClient, call: Call): Promise<unknown> {
  try {
    return await client.callBuffer('EVALSHA', digestOf(call.script), ...operands(call));
  } catch (error) {
    if (replyCode(error) === 'NOSCRIPT') return await client.callBuffer('EVAL', call.script.text, ...operands(call));
    throw error;
  }
}

/** Adds it to what is sent together; `isKnown` false: with its text, for a server that may not know it. */
export function addScript(pipeline: Pipeline, call: Call, isKnown = true): void {
  if (isKnown) pipeline.callBuffer('EVALSHA', digestOf(call.script), ...operands(call));
  else pipeline.callBuffer('EVAL', call.script.text, ...operands(call));
}

function operands({ keys, args }: Call): (string | number | Buffer)[] {
  return [keys.length, ...keys, ...args];
}

function digestOf(script: Script): string {
  const known = digests.get(script);
  if (known !== undefined) return known;
  const digest = createHash('sha1').update(script.text).digest('hex');
  digests.set(script, digest);
  return digest;
}
