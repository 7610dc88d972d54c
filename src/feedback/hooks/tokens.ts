/**
 * Tokens of signatures that were used, known to all nodes: figures in the store, each forgotten when its time is over. While
 * something is done with a token nobody else does anything with it.
 */
import { createHash } from 'node:crypto';
import type { Random } from '../../ports.ts';
import type { Quota, Quotas } from '../../spool/ledger.ts';
import type { Tallies } from '../../spool/tallies.ts';
import { AHEAD_MS } from './window.ts';

export type TokenUse = {
  readonly token: string;
  readonly signedAtMs: number;
  /** What it is used for. */
  readonly what: string;
  readonly nowMs: number;
};

/** A token that nobody else may use until one of both is called. */
type OurTurn = {
  readonly kind: 'ours';
  /** It is done: the token is good for nothing else any more. */
  readonly used: () => Promise<void>;
  /** It was not: the token is as before. */
  readonly unused: () => Promise<void>;
};

/**
 * `this`: it was used for the same thing before, so that it is a repeat. `other`: for something else. `busy`: something is done
 * with it at this moment.
 */
export type TokenTurn = OurTurn | { readonly kind: 'this' | 'other' | 'busy' };

export type Tokens = {
  /** Rejects where the store does not answer. */
  take(use: TokenUse): Promise<TokenTurn>;
};

export type TokenNeeds = {
  readonly tallies: Tallies;
  readonly quotas: Quotas;
  readonly random: Random;
};

const HOUR_MS = 3_600_000;
/** A token is one figure of so many bits of its digest, among those of the hour in which it was signed. */
const BITS_48 = 2 ** 48;
/** What a process that died was doing is for others after this. Longer than anything takes. */
const TURN_MS = 120_000;

/** @param exit whose tokens they are. @param keepMs for how long after it was signed a token is believed */
export function tokensOf(
  { tallies, quotas, random }: TokenNeeds,
  { exit, keepMs }: { readonly exit: string; readonly keepMs: number },
): Tokens {
  const noted = async (use: TokenUse): Promise<'unused' | 'this' | 'other'> => {
    const { account, startsAtMs } = placeOf(exit, use);
    const found = await tallies.counts(account, startsAtMs);
    const mine = found.find((count) => count.account === account && count.startsAtMs === startsAtMs);
    if (mine === undefined) return 'unused';
    // Used twice at one time, its amount was counted twice.
    return mine.amount % amountFor(use.what) === 0 && mine.amount / amountFor(use.what) < 8 ? 'this' : 'other';
  };
  return {
    take: async (use) => {
      const known = await noted(use);
      if (known !== 'unused') return { kind: known };
      const turn = { ...turnOf(exit, use, keepMs), holder: random.bytes(12).toString('hex') };
      const { nowMs } = use;
      const { left } = await quotas.takeBlock({ ...turn, wanted: 1, limit: 1, nowMs, untilMs: nowMs + TURN_MS });
      if (left === 0) return { kind: 'busy' };
      const giveBack = (): Promise<void> => quotas.returnBlock({ ...turn, unused: 1, unspent: 0 });
      // Looked at once more: whoever had it before has said so before he gave it back.
      const before = await noted(use).catch(async (cause: unknown) => {
        await giveBack();
        throw cause;
      });
      if (before !== 'unused') {
        await giveBack();
        return { kind: before };
      }
      return {
        kind: 'ours',
        used: async () => {
          const keepUntilMs = use.signedAtMs + keepMs + 2 * AHEAD_MS;
          await tallies.count([{ ...placeOf(exit, use), amount: amountFor(use.what), keepUntilMs }]);
          await giveBack();
        },
        unused: giveBack,
      };
    },
  };
}

function placeOf(exit: string, { token, signedAtMs }: TokenUse) {
  const digest = createHash('sha256').update(token).digest();
  const hour = Math.floor(signedAtMs / HOUR_MS);
  // 256 accounts an hour: what is read to look for one token stays short.
  const account = `hook-token:${encodeURIComponent(exit)}:${hour}:${digest.toString('hex', 0, 1)}`;
  return { account, startsAtMs: digest.readUIntBE(1, 6) };
}

/** Of which one at a time has the only one there is. */
function turnOf(exit: string, { token, signedAtMs }: TokenUse, keepMs: number): Quota {
  const digest = createHash('sha256').update(token).digest('hex').slice(0, 32);
  const endsAtMs = signedAtMs + keepMs + 2 * AHEAD_MS;
  return { account: `hook-turn:${encodeURIComponent(exit)}:${digest}`, startsAtMs: signedAtMs, endsAtMs };
}

/** Large enough that multiples of two are told apart. */
function amountFor(what: string): number {
  const digest = createHash('sha256').update(what).digest();
  return BITS_48 / 2 + digest.readUIntBE(0, 5);
}
