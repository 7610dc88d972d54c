/**
 * Counters with windows: quotas, limits, warm-up days, budgets. Exact: what was granted in a window never exceeds its
 * limit, and a grant survives a restart.
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

export interface Ledger {
  /** All of `amount` or nothing. */
  draw(draw: Draw): Promise<DrawResult>;
}
