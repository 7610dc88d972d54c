/**
 * Requests that come twice (`Idempotency-Key`): the message's id tells what it was, so that one transaction of the spool keeps
 * the name and the message, and whoever comes again is told the first answer, on every node and after any crash.
 */
import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type MessageId, messageTimeMs, newMessageId } from '../../message/ids.ts';

/** The first answer is given for so long. */
const KEPT_MS = 86_400_000;
/** A time, and 80 bits in place of chance. */
const ENTROPY_BYTES = 10;
const SLICE_BYTES = 1024 * 1024;

/** See `Once` of ingress. */
export type Once = { readonly key: string; readonly windowMs: number; readonly entropy: Uint8Array };

/** Whose name it is, the name, and what was sent under it. */
export type Named = {
  /** Such as `token:shop`. */
  readonly owner: string;
  readonly name: string;
  /** Of all that makes the request: `digestOf`. */
  readonly digest: Buffer;
  /** Which of the messages of one request. Default: 0. */
  readonly place?: number;
};

/** Printable ASCII, 1 to 255. */
export function isKey(text: string): boolean {
  return /^[!-~](?:[ -~]{0,253}[!-~])?$/.test(text);
}

/** In slices, so that nobody waits for a large one. */
export async function digestOf(words: readonly string[], body: Buffer): Promise<Buffer> {
  const hash = createHash('sha256').update(`${JSON.stringify(words)}\0`);
  for (let at = 0; at < body.length; at += SLICE_BYTES) {
    if (at > 0) await nextTurn();
    hash.update(body.subarray(at, at + SLICE_BYTES));
  }
  return hash.digest();
}

/** By what the spool knows it: the same for the same request, and of its own name for each message in it. */
export function onceOf({ owner, name, digest, place = 0 }: Named): Once {
  const words = JSON.stringify(['idempotency', owner, name, place]);
  const key = createHash('sha256').update(words).digest('base64url');
  const entropy = createHash('sha256').update(`${key}\0`).update(digest).digest().subarray(0, ENTROPY_BYTES);
  return { key, windowMs: KEPT_MS, entropy: Uint8Array.from(entropy) };
}

/** Whether a message was made of the same request. */
export function isOf(id: MessageId, { entropy }: Once): boolean {
  return newMessageId(messageTimeMs(id), entropy) === id;
}
