import {
  afterMessage,
  earliestMs,
  nextStart,
  slotLengthMs,
  UNPACED,
  type Pace,
  type Stretch,
} from '../../routing/pace.ts';
import type { AllowanceNeeds } from './allowance.ts';

/** `later`: not before then, monotonic ms. `asking`: whether it may go now is being asked. */
export type PacerState =
  | { readonly kind: 'open' }
  | { readonly kind: 'asking' }
  | { readonly kind: 'later'; readonly atMs: number };

/** The next slot is asked for so long before it is needed. */
const AHEAD_MS = 500;
const AFTER_FAILURE_MS = 1_000;
/** A store that answers too late has the next slot made so much longer. */
const LATE_MS = 200;
const MISSED_MOST = 50;
const BEGIN_TRIES = 3;

/** Keeps one exit's rate and delay: this process's slots of time, and when it sent last. */
export class Pacer {
  readonly #needs: AllowanceNeeds;
  readonly #account: string;
  #pace: Pace;
  #slot: Stretch | null = null;
  /** What was taken, and what began: in between its content is read, and it is booked. */
  #paced = UNPACED;
  #begun = UNPACED;
  #asking: Promise<void> | null = null;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  #line: Promise<void> = Promise.resolve();
  /** Answers in a row that came too late to be used. */
  #missed = 0;
  #timer: { readonly atMs: number; readonly cancel: () => void } | null = null;

  constructor(needs: AllowanceNeeds, { account, pace }: { readonly account: string; readonly pace: Pace }) {
    this.#needs = needs;
    this.#account = account;
    this.#pace = pace;
  }

  get pace(): Pace {
    return this.#pace;
  }

  /** Another one holds from now on. */
  set pace(pace: Pace) {
    if (pace.perGroup === this.#pace.perGroup && pace.distanceMs === this.#pace.distanceMs) return;
    this.#pace = pace;
    this.close();
  }

  state(): PacerState {
    const nowMs = this.#needs.clock.monotonicMs();
    const next = this.#next(nowMs);
    if (next.kind === 'at') return next.atMs <= nowMs ? { kind: 'open' } : { kind: 'later', atMs: next.atMs };
    const atMs = Math.max(earliestMs(this.#paced, this.#pace), this.#pausedUntilMs);
    return atMs > nowMs ? { kind: 'later', atMs } : { kind: 'asking' };
  }

  /** One is sent now. Only while it is `open`. */
  take(): void {
    const nowMs = this.#needs.clock.monotonicMs();
    this.#paced = afterMessage(this.#paced, this.#pace, nowMs);
    this.#missed = 0;
  }

  /** What was taken begins, one after the other: once the one before is far enough away. False: it may not begin now. */
  begin(): Promise<boolean> {
    const begun = this.#line.then(() => this.#beginNext());
    this.#line = begun.then(() => undefined);
    return begun;
  }

  async #beginNext(): Promise<boolean> {
    const { clock } = this.#needs;
    const cameMs = clock.monotonicMs();
    for (let left = BEGIN_TRIES; left > 0;) {
      const nowMs = clock.monotonicMs();
      const next = nextStart(this.#begun, { pace: this.#pace, slot: this.#slot, nowMs });
      if (next.kind === 'none') {
        left -= 1;
        await this.#ask();
      } else if (next.atMs > nowMs) {
        await clock.sleep(Math.ceil(next.atMs - nowMs));
      } else {
        this.#begun = afterMessage(this.#begun, this.#pace, nowMs);
        // It fell behind what is taken: the next one is taken later.
        if (nowMs - cameMs > this.#pace.distanceMs && this.#begun.lastMs > this.#paced.lastMs)
          this.#paced = this.#begun;
        return true;
      }
    }
    return false;
  }

  /** Mail waits for it. */
  want(): void {
    const state = this.state();
    const nowMs = this.#needs.clock.monotonicMs();
    if (state.kind === 'asking') void this.#ask();
    if (state.kind !== 'later') return;
    // So that the answer is there when its time comes.
    const asksAhead = this.#next(nowMs).kind === 'none' && nowMs >= this.#pausedUntilMs;
    const aheadMs = asksAhead ? AHEAD_MS : 0;
    if (state.atMs - aheadMs > nowMs) this.#wakeAt(state.atMs - aheadMs);
    else void this.#ask(state.atMs - nowMs);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #next(nowMs: number): ReturnType<typeof nextStart> {
    return nextStart(this.#paced, { pace: this.#pace, slot: this.#slot, nowMs });
  }

  #wakeAt(atMs: number): void {
    if (this.#timer !== null && this.#timer.atMs <= atMs) return;
    this.close();
    const { clock, changed } = this.#needs;
    const cancel = clock.after(Math.max(1, Math.ceil(atMs - clock.monotonicMs())), () => {
      this.#timer = null;
      changed();
    });
    this.#timer = { atMs, cancel };
  }

  #ask(aheadMs = 0): Promise<void> {
    this.#asking ??= this.#askOnce(aheadMs).finally(() => {
      this.#asking = null;
      this.#needs.changed();
    });
    return this.#asking;
  }

  async #askOnce(aheadMs: number): Promise<void> {
    const { clock, quotas, holder, failed } = this.#needs;
    const nowMs = clock.nowMs() + Math.floor(aheadMs);
    try {
      const lengthMs = slotLengthMs(this.#pace) + this.#missed * LATE_MS;
      const slot = await quotas.takeSlot({ account: this.#account, holder, lengthMs, nowMs });
      const fromWallMs = clock.monotonicMs() - clock.nowMs();
      this.#slot = { fromMs: slot.fromMs + fromWallMs, toMs: slot.toMs + fromWallMs };
      this.#missed = this.#next(clock.monotonicMs()).kind === 'none' ? Math.min(MISSED_MOST, this.#missed + 1) : 0;
    } catch (cause) {
      this.#pausedUntilMs = clock.monotonicMs() + AFTER_FAILURE_MS;
      failed(cause);
    }
  }
}
