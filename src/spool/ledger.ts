/**
 * Counters with windows: quotas, limits, warm-up days, budgets. Exact: what was granted in a window never exceeds its
 * limit, and a grant survives a restart. An account is either drawn on (`draw`) or used in blocks (`takeBlock`); slots
 * (`takeSlot`) are apart from both. Why it is so: docs/decisions/0009-quota-blocks.md.
 */
export type Draw = {
  /** What is counted: `client:shop`, `egress:ip-1`. */
  readonly account: string;
  readonly amount: number;
  readonly limit: number;
  /** The window starts at multiples of this, in wall time (UTC). */
  readonly windowMs: number;
  readonly nowMs: number;
};

export type DrawResult =
  | { readonly kind: 'granted'; readonly used: number }
  | { readonly kind: 'refused'; readonly used: number; readonly resetsAtMs: number };

/** One window of an account: from `startsAtMs` until before `endsAtMs`, whole ms of wall time. */
export type Quota = { readonly account: string; readonly startsAtMs: number; readonly endsAtMs: number };

/**
 * Asks for so many more. Amounts are whole. `holder` is one life of one process: whoever starts anew has a new name.
 * `untilMs`: what is unspent then returns, unless it was asked again; `wanted: 0` only renews.
 */
export type TakeBlock = Quota & {
  readonly holder: string;
  readonly wanted: number;
  readonly limit: number;
  readonly nowMs: number;
  readonly untilMs: number;
};

/**
 * `left`: what the holder may spend now, all its grants together. It is less than before where the limit was lowered, or
 * its block had ended. `used`: of the limit, what was spent and what all holders have left.
 */
export type Block = { readonly left: number; readonly used: number };

export type SpendBlock = Quota & { readonly holder: string; readonly amount: number };

/** `unused`: left over of the holder's block. `unspent`: spent, but nothing came of it. */
export type ReturnBlock = Quota & { readonly holder: string; readonly unused: number; readonly unspent: number };

/** Asks for the next stretch of time in which nobody else has the account; a slot that goes on reaches so far from now. `nowMs` may be a little ahead: when it is needed. */
export type TakeSlot = {
  readonly account: string;
  readonly holder: string;
  readonly lengthMs: number;
  readonly nowMs: number;
};

/** From `fromMs` until before `toMs`. Where the holder's slot before goes on in it without a gap, `fromMs` is where that one began. */
export type Slot = { readonly fromMs: number; readonly toMs: number };

export interface Ledger {
  /** All of `amount` or nothing. */
  draw(draw: Draw): Promise<DrawResult>;
}

/** What several processes share: amounts in blocks, and slots of time. */
export interface Quotas {
  /**
   * Grants what the limit has room for, up to `wanted`. Blocks of others whose time is over are returned first. Together,
   * what was spent and what is left in blocks never grows beyond the limit.
   */
  takeBlock(ask: TakeBlock): Promise<Block>;
  /** All of `amount` or nothing, before it is used. `lost`: the block has not so much left, or it was returned. */
  spend(ask: SpendBlock): Promise<'spent' | 'lost'>;
  /** At most what there is; nothing where the window is forgotten. Not to be repeated when the answer stays away. */
  returnBlock(ask: ReturnBlock): Promise<void>;
  /** Slots follow one another, in the order in which they were asked for; a process that died keeps the account until its slot is over. */
  takeSlot(ask: TakeSlot): Promise<Slot>;
}

/** A slot so far ahead was given by a clock that was put back since: it holds no one up. */
export function isBeyondReason(endsAtMs: number, { nowMs, lengthMs }: TakeSlot): boolean {
  return endsAtMs - nowMs > Math.max(600_000, 100 * lengthMs);
}
