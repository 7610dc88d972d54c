/** Traces of messages, named so that every node can go on with one without having seen its beginning. Pure. */
import type { MessageId } from '../../message/ids.ts';

/** Ids of a message: its own trace, and the span that all others of it are children of. */
export type TraceNames = {
  /** 32 hexadecimal digits: the message id itself, as a number. */
  readonly traceId: string;
  /** Its last 16 digits, which are random. */
  readonly rootId: string;
};

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const VALUES = new Map(Array.from(ALPHABET, (digit, value) => [digit, value]));
const NO_SPAN = '0000000000000000';

export function traceNamesOf(id: MessageId): TraceNames {
  const digits = hexOf(id);
  const rootId = digits.slice(16);
  // A span id of nothing but 0 is none.
  return { traceId: digits, rootId: rootId === NO_SPAN ? `${NO_SPAN.slice(1)}1` : rootId };
}

/** 26 digits of 5 bits are 130, and the first two are always 0. */
function hexOf(id: MessageId): string {
  let text = '';
  let [held, bits] = [0, -2];
  for (let at = 0; at < id.length; at++) {
    held = (held << 5) | (VALUES.get(id.charAt(at)) ?? 0);
    bits += 5;
    while (bits >= 4) {
      bits -= 4;
      text += ((held >> bits) & 15).toString(16);
    }
    held &= 15;
  }
  return text;
}

/** The last 56 bits of a trace id are taken as random, and those from a threshold on are kept: as OpenTelemetry samples by probability. */
const RANDOM_BITS = 56;

/**
 * Which traces are kept, by their id alone, so that all nodes decide alike and a greater share keeps all that a smaller one does.
 * @param percent 0 to 100
 */
export function samplerOf(percent: number): (traceId: string) => boolean {
  if (percent >= 100) return () => true;
  if (percent <= 0) return () => false;
  const refused = BigInt(Math.round((1 - percent / 100) * 2 ** 53)) << BigInt(RANDOM_BITS - 53);
  const threshold = refused.toString(16).padStart(RANDOM_BITS / 4, '0');
  return (traceId) => traceId.slice(-RANDOM_BITS / 4) >= threshold;
}
