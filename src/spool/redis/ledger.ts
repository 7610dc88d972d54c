/** The ledger in Redis: a key for each window of an account, which forgets itself, and one for the last slot; and what is counted beside it. */
import type { Block, Draw, DrawResult, Quota, ReturnBlock, Slot, SpendBlock, TakeBlock, TakeSlot } from '../ledger.ts';
import type { Accounts, Count, TakeTurns, Tally } from '../tallies.ts';
import type { Script, ScriptArgument } from './link.ts';
import { SCRIPTS } from './scripts.ts';
import { listOf, type Store } from './store.ts';
import { RedisTallies } from './tallies.ts';

/** Past its end a window is kept for its own length again, at least this: clocks differ, and go back a little. */
const KEPT_AT_LEAST_MS = 3_600_000;

/** How an operation is asked of a store that may be closed. */
type Ask = <Answer>(ask: (store: Store) => Promise<Answer>) => Promise<Answer>;

/** The ledger that is kept beside a spool. */
export class RedisLedger implements Accounts {
  readonly #ask: Ask;
  readonly #tallies: RedisTallies;

  constructor(ask: Ask) {
    this.#ask = ask;
    this.#tallies = new RedisTallies(ask);
  }

  async draw(ask: Draw): Promise<DrawResult> {
    const startsAtMs = Math.floor(ask.nowMs / ask.windowMs) * ask.windowMs;
    const endsAtMs = startsAtMs + ask.windowMs;
    const of = { account: ask.account, startsAtMs, endsAtMs };
    const [granted, used = 0] = listOf<number>(
      await this.#run(SCRIPTS.draw, of, [ask.amount, ask.limit, forgetMs(of)]),
    );
    return granted === 1 ? { kind: 'granted', used } : { kind: 'refused', used, resetsAtMs: endsAtMs };
  }

  async takeBlock(ask: TakeBlock): Promise<Block> {
    const { holder, wanted, limit, nowMs, untilMs } = ask;
    const args = [holder, wanted, limit, nowMs, Math.ceil(untilMs), forgetMs(ask)];
    const [left = 0, used = 0] = listOf<number>(await this.#run(SCRIPTS.block, ask, args));
    return { left, used };
  }

  async spend(ask: SpendBlock): Promise<'spent' | 'lost'> {
    return (await this.#run(SCRIPTS.spend, ask, [ask.holder, ask.amount])) === 1 ? 'spent' : 'lost';
  }

  async returnBlock(ask: ReturnBlock): Promise<void> {
    await this.#run(SCRIPTS.unspend, ask, [ask.holder, ask.unused, ask.unspent]);
  }

  async takeSlot({ account, holder, lengthMs, nowMs }: TakeSlot): Promise<Slot> {
    // See `isBeyondReason`.
    const reasonMs = Math.max(600_000, 100 * lengthMs);
    const args = [holder, lengthMs, nowMs, reasonMs, reasonMs + KEPT_AT_LEAST_MS];
    const reply = await this.#ask((store) => store.runFirmlyOn(store.keys.slot(account), SCRIPTS.slot, args));
    const [fromMs = 0, toMs = 0] = listOf<number>(reply);
    return { fromMs, toMs };
  }

  count(entries: readonly Tally[]): Promise<void> {
    return this.#tallies.count(entries);
  }

  counts(prefix: string, sinceMs: number): Promise<readonly Count[]> {
    return this.#tallies.counts(prefix, sinceMs);
  }

  takeTurns(ask: TakeTurns): Promise<readonly number[]> {
    return this.#tallies.takeTurns(ask);
  }

  #run(script: Script, of: Quota, args: readonly ScriptArgument[]): Promise<unknown> {
    return this.#ask((store) => store.runFirmlyOn(store.keys.quota(of), script, args));
  }
}

function forgetMs({ startsAtMs, endsAtMs }: Quota): number {
  const windowMs = endsAtMs - startsAtMs;
  return Math.ceil(windowMs + Math.max(windowMs, KEPT_AT_LEAST_MS));
}
