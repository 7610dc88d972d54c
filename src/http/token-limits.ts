/** What a token is held to beside its scopes: from where it may be shown, and how often. */
import { containsNetwork, parseNetwork } from '../policy/network.ts';
import type { Clock } from '../ports.ts';
import { type Answer, problem } from './answer.ts';
import type { Token } from './token.ts';

/** So many requests are left, as of a monotonic time; it fills up again evenly. */
type Bucket = { left: number; atMs: number };

/** Of those that were shown lately. There are at most 500 tokens. */
const MOST_BUCKETS = 1_000;

/** One for a relay: each node counts for itself. */
export class TokenLimits {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** Counts a request. @returns 403 or 429; null: it may go on */
  refusal(token: Token, peer: string): Answer | null {
    if (!isFrom(token, peer)) return problem(403, `the token "${token.name}" is not to be used from ${peer}`);
    const { name, rate } = token;
    if (rate === undefined) return null;
    const nowMs = this.#clock.monotonicMs();
    if (this.#buckets.size > MOST_BUCKETS) this.#buckets.clear();
    const bucket = this.#buckets.get(name) ?? { left: rate.count, atMs: nowMs };
    this.#buckets.set(name, bucket);
    const msForOne = rate.windowMs / rate.count;
    bucket.left = Math.min(rate.count, bucket.left + (nowMs - bucket.atMs) / msForOne);
    bucket.atMs = nowMs;
    if (bucket.left >= 1) {
      bucket.left -= 1;
      return null;
    }
    const waitSeconds = Math.max(1, Math.ceil(((1 - bucket.left) * msForOne) / 1_000));
    const retry = { 'retry-after': String(waitSeconds) };
    return problem(429, `the token "${name}" may be used for ${rateText(rate)} only`, retry);
  }
}

/** Whether it may be shown from there. */
export function isFrom({ networks }: Token, peer: string): boolean {
  if (networks === undefined) return true;
  const from = parseNetwork(peer);
  if (from === null) return false;
  return networks.some((text) => {
    const network = parseNetwork(text);
    return network !== null && containsNetwork(network, from);
  });
}

/** As people write it: `100 requests in 60 s`. */
function rateText({ count, windowMs }: NonNullable<Token['rate']>): string {
  return `${count} requests in ${windowMs / 1_000} s`;
}
