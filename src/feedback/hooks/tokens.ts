/** Tokens of signatures that were used, known to all nodes: figures in the store, each forgotten when its time is over. */
import { createHash } from 'node:crypto';
import type { Tallies } from '../../spool/tallies.ts';
import { AHEAD_MS } from './window.ts';

export type TokenUse = {
  readonly token: string;
  readonly signedAtMs: number;
  /** What it is used for. */
  readonly what: string;
};

export type Tokens = {
  /** `this`: for the same thing, so that it is a repeat. `other`: for something else. Rejects where the store does not answer. */
  usedFor(use: TokenUse): Promise<'unused' | 'this' | 'other'>;
  use(use: TokenUse): Promise<void>;
};

const HOUR_MS = 3_600_000;
/** A token is one figure of so many bits of its digest, among those of the hour in which it was signed. */
const BITS_48 = 2 ** 48;

/** @param exit whose tokens they are. @param keepMs for how long after it was signed a token is believed */
export function tokensOf(
  tallies: Tallies,
  { exit, keepMs }: { readonly exit: string; readonly keepMs: number },
): Tokens {
  const placeOf = ({ token, signedAtMs }: TokenUse) => {
    const digest = createHash('sha256').update(token).digest();
    const hour = Math.floor(signedAtMs / HOUR_MS);
    // 256 accounts an hour: what is read to look for one token stays short.
    const account = `hook-token:${encodeURIComponent(exit)}:${hour}:${digest.toString('hex', 0, 1)}`;
    return { account, startsAtMs: digest.readUIntBE(1, 6) };
  };
  return {
    usedFor: async (use) => {
      const { account, startsAtMs } = placeOf(use);
      const found = await tallies.counts(account, startsAtMs);
      const mine = found.find((count) => count.account === account && count.startsAtMs === startsAtMs);
      if (mine === undefined) return 'unused';
      // Used twice at one time, its amount was counted twice.
      return mine.amount % amountFor(use.what) === 0 && mine.amount / amountFor(use.what) < 8 ? 'this' : 'other';
    },
    use: (use) =>
      tallies.count([
        { ...placeOf(use), amount: amountFor(use.what), keepUntilMs: use.signedAtMs + keepMs + 2 * AHEAD_MS },
      ]),
  };
}

/** Large enough that multiples of two are told apart. */
function amountFor(what: string): number {
  const digest = createHash('sha256').update(what).digest();
  return BITS_48 / 2 + digest.readUIntBE(0, 5);
}
