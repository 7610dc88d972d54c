/** What a token is held to beside its scopes: from where it may be shown, and how often. */
import { containsNetwork, parseNetwork } from '../policy/network.ts';
import type { Clock } from '../ports.ts';
import { type Answer, problem } from './answer.ts';
import type { Rate } from '../policy/units.ts';
import type { Ledger } from '../spool/ledger.ts';
import type { Token } from './token.ts';

/** So many requests are left, as of a monotonic time; it fills up again evenly. */
type Bucket = { left: number; atMs: number };

/** Of those that were shown lately. There are at most 500 tokens. */
const MOST_BUCKETS = 1_000;

export type TokenLimitsNeeds = {
  readonly clock: Pick<Clock, 'monotonicMs' | 'nowMs'>;
  readonly ledger: Ledger;
  /** Whether there may be other nodes, which count in the same store. */
  readonly isShared: () => boolean;
};

/** What all nodes together had of a token in a window of wall time. */
type Together = { uncounted: number; isAsking: boolean; overUntilMs: number };

/** More than can be: it only counts. */
const NO_LIMIT = 1_000_000_000;

/**
 * One for a relay. Each node counts by itself; nodes that share a store also count there, behind the request: all together give
 * what one may, and what comes to the others in the moment in which the last of it is counted.
 */
export class TokenLimits {
  readonly #needs: TokenLimitsNeeds;
  readonly #buckets = new Map<string, Bucket>();
  readonly #together = new Map<string, Together>();

  constructor(needs: TokenLimitsNeeds) {
    this.#needs = needs;
  }

  /** Counts a request. @returns 403 or 429; null: it may go on */
  refusal(token: Token, peer: string): Answer | null {
    if (!isFrom(token, peer)) return problem(403, `the token "${token.name}" is not to be used from ${peer}`);
    const { name, rate } = token;
    if (rate === undefined) return null;
    const { clock, isShared } = this.#needs;
    const nowMs = clock.monotonicMs();
    if (this.#buckets.size > MOST_BUCKETS) this.#buckets.clear();
    if (this.#together.size > MOST_BUCKETS) this.#together.clear();
    const overForMs = (this.#together.get(name)?.overUntilMs ?? 0) - clock.nowMs();
    if (overForMs > 0) return tooMany(name, rate, overForMs);
    const bucket = this.#buckets.get(name) ?? { left: rate.count, atMs: nowMs };
    this.#buckets.set(name, bucket);
    const msForOne = rate.windowMs / rate.count;
    bucket.left = Math.min(rate.count, bucket.left + (nowMs - bucket.atMs) / msForOne);
    bucket.atMs = nowMs;
    if (bucket.left >= 1) {
      bucket.left -= 1;
      if (isShared()) this.#count(name, rate);
      return null;
    }
    return tooMany(name, rate, (1 - bucket.left) * msForOne);
  }

  /** In the store, one question at a time for each token: what comes meanwhile goes with the next. */
  #count(name: string, rate: Rate): void {
    const together = this.#together.get(name) ?? { uncounted: 0, isAsking: false, overUntilMs: 0 };
    this.#together.set(name, together);
    together.uncounted += 1;
    if (together.isAsking) return;
    together.isAsking = true;
    // Where the store is away each node has its own count.
    void this.#ask(name, rate, together)
      .catch(() => {})
      .finally(() => (together.isAsking = false));
  }

  async #ask(name: string, { count, windowMs }: Rate, together: Together): Promise<void> {
    const { clock, ledger } = this.#needs;
    while (together.uncounted > 0) {
      const nowMs = clock.nowMs();
      const amount = together.uncounted;
      together.uncounted = 0;
      const draw = { account: `token-rate:${name}`, amount, limit: NO_LIMIT, windowMs, nowMs };
      const { used } = await ledger.draw(draw);
      if (used >= count) together.overUntilMs = (Math.floor(nowMs / windowMs) + 1) * windowMs;
    }
  }
}

function tooMany(name: string, rate: Rate, waitMs: number): Answer {
  const retry = { 'retry-after': String(Math.max(1, Math.ceil(waitMs / 1_000))) };
  return problem(429, `the token "${name}" may be used for ${rateText(rate)} only`, retry);
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
function rateText({ count, windowMs }: Rate): string {
  return `${count} requests in ${windowMs / 1_000} s`;
}
