import type { Clock } from '../../ports.ts';
import type { Block, Quota, Quotas } from '../../spool/ledger.ts';

export type AllowanceNeeds = {
  readonly quotas: Quotas;
  readonly clock: Clock;
  /** One life of this process. */
  readonly holder: string;
  /** Of a block, from its last renewal. */
  readonly leaseMs: number;
  /** What may be sent changed. */
  readonly changed: () => void;
  /** It was used up, and something was handed back: so many more may be sent of what waits for the next window. */
  readonly reopened?: (count: number) => void;
  readonly failed: (cause: unknown) => void;
};

/** `asking`: not known yet, an answer is to come. `spent`: used up until the window turns, in wall time. */
export type AllowanceState =
  | { readonly kind: 'open' }
  | { readonly kind: 'asking' }
  | { readonly kind: 'spent'; readonly untilMs: number; readonly used: number };

const BLOCK_MOST = 200;
/** Of what is left of the limit, so that several processes share its end. */
const SHARE_OF_REST = 4;
/** A block that nobody took from for so long goes back. */
const IDLE_MS = 10_000;
/** Somebody may have handed something back. */
const ASK_AGAIN_MS = 15_000;
const AFTER_FAILURE_MS = 1_000;
/** To have what was spent in a window that turned spent in the next. */
const ANEW_TRIES = 3;

export type AllowanceTerms = {
  readonly account: string;
  readonly limit: number;
  /** The window in which a moment of wall time is. */
  readonly windowOf: (nowMs: number) => Pick<Quota, 'startsAtMs' | 'endsAtMs'>;
};

/** What this process may use of a limit of so many in a window: a block of it in memory, the next one asked for in time. */
export class Allowance {
  readonly #needs: AllowanceNeeds;
  readonly #account: string;
  readonly #windowOf: AllowanceTerms['windowOf'];
  #limit: number;
  #window: Quota;
  /** As the store has it; what is `#reserved` of it is about to be spent. */
  #left = 0;
  #reserved = 0;
  /** By all processes, when it was last asked; null: not known. */
  #used: number | null = null;
  /** The same, from before it was not known. */
  #usedBefore = 0;
  #asking = false;
  /** Mail came for it in this window when it was used up. */
  #kept = false;
  /** Of such mail, when another limit came: it is to be told once there is room. */
  #owes = false;
  /** When it was last told that there is no more. */
  #refusedMs = Number.NEGATIVE_INFINITY;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  #renewedMs = 0;
  #takenMs = 0;
  #spending: { count: number; readonly result: Promise<boolean> } | null = null;

  constructor(needs: AllowanceNeeds, { account, windowOf, limit }: AllowanceTerms) {
    this.#needs = needs;
    this.#account = account;
    this.#windowOf = windowOf;
    this.#limit = limit;
    this.#window = this.#windowAt(needs.clock.nowMs());
  }

  get limit(): number {
    return this.#limit;
  }

  /** Another limit holds from now on: what is left of the block is not used before the store said so. */
  set limit(limit: number) {
    if (limit === this.#limit) return;
    this.#owes ||= this.#kept && this.state().kind === 'spent';
    this.#limit = limit;
    this.#forget();
  }

  /** By all processes in this window, blocks included; null: not known. */
  get used(): number | null {
    this.#roll();
    return this.#used;
  }

  /** Of them without what this process has set aside; 0 where nothing is known. */
  get spent(): number {
    this.#roll();
    return Math.max(0, (this.#used ?? this.#usedBefore) - this.#left + this.#reserved);
  }

  /** Whether mail came for it in this window when it was used up. */
  get isWaitedFor(): boolean {
    return this.#kept;
  }

  /** The same object for as long as it lasts. */
  get window(): Quota {
    this.#roll();
    return this.#window;
  }

  state(): AllowanceState {
    this.#roll();
    if (this.#left > this.#reserved) return { kind: 'open' };
    if (this.#used !== null && this.#used >= this.#limit)
      return { kind: 'spent', untilMs: this.#window.endsAtMs, used: this.#used };
    return { kind: 'asking' };
  }

  /** One is to be sent. Only while it is `open`; then `book` or `release`. */
  take(): void {
    this.#reserved += 1;
    this.#takenMs = this.#needs.clock.monotonicMs();
    this.want();
  }

  /** It is not sent after all. */
  release(): void {
    this.#reserved = Math.max(0, this.#reserved - 1);
  }

  /** Spends what was taken, before the first byte goes out. False: it may not be sent. Takes that come together are one question. */
  async book(): Promise<boolean> {
    if (this.#roll() || this.#reserved === 0) return false;
    this.#spending ??= { count: 0, result: Promise.resolve().then(() => this.#spend()) };
    this.#spending.count += 1;
    return this.#spending.result;
  }

  /** The window turned between `book` and the first byte: has it spent in the one that is now. False: it may not be sent. */
  async bookAnew(): Promise<boolean> {
    for (let tries = 0; tries < ANEW_TRIES; tries++) {
      const { kind } = this.state();
      if (kind === 'spent') return false;
      if (kind === 'asking') await this.#ask(1);
      else {
        this.take();
        return this.book();
      }
    }
    return false;
  }

  /** What was booked in that window (as `window` had it) was not sent: the peer was never asked. Anybody may have it. */
  async refund(window: Quota): Promise<void> {
    if (this.#roll() || window !== this.#window) return;
    const { quotas, holder } = this.#needs;
    await this.#tell(() => quotas.returnBlock({ ...window, holder, unused: 0, unspent: 1 }));
    this.#refusedMs = Number.NEGATIVE_INFINITY;
    this.#needs.changed();
  }

  /** Mail waits for it. */
  want(): void {
    this.#roll();
    const nowMs = this.#needs.clock.monotonicMs();
    if (this.#asking || nowMs < this.#pausedUntilMs) return;
    if ((this.#left - this.#reserved) * 2 >= this.#blockSize()) return;
    const isSpent = this.state().kind === 'spent';
    this.#kept ||= isSpent;
    const againMs = this.#refusedMs + Math.min(ASK_AGAIN_MS, this.#needs.leaseMs);
    if (!isSpent || nowMs >= againMs) void this.#ask(this.#blockSize());
  }

  /** Asks what is used, and for nothing. */
  async look(): Promise<void> {
    if (this.used === null && !this.#asking) await this.#ask(0);
  }

  /** About once a second: renews the block, or hands it back where nobody uses it. */
  tick(): void {
    this.#roll();
    if (this.#kept && (this.#owes || this.state().kind === 'spent')) this.want();
    if (this.#left === 0 || this.#asking) return;
    const nowMs = this.#needs.clock.monotonicMs();
    if (this.#reserved === 0 && nowMs - this.#takenMs >= IDLE_MS) void this.close();
    else if (nowMs - this.#renewedMs >= this.#needs.leaseMs / 3 && nowMs >= this.#pausedUntilMs) void this.#ask(0);
  }

  /** Hands back what is left. It may be used again afterwards. */
  async close(): Promise<void> {
    if (this.#roll() || this.#left <= this.#reserved) return;
    const unused = this.#left - this.#reserved;
    const window = this.#window;
    this.#left = this.#reserved;
    // Not known until it is asked for again: others may take it.
    if (this.#used !== null) this.#usedBefore = this.#used - unused;
    this.#used = null;
    const { quotas, holder } = this.#needs;
    await this.#tell(() => quotas.returnBlock({ ...window, holder, unused, unspent: 0 }));
  }

  #blockSize(): number {
    const size = Math.min(BLOCK_MOST, Math.max(1, Math.ceil(this.#limit / 100)));
    const rest = this.#limit - (this.#used ?? 0);
    // Where nothing is left, what comes back is taken as a whole.
    return rest <= 0 ? size : Math.max(1, Math.min(size, Math.ceil(rest / SHARE_OF_REST)));
  }

  async #ask(wanted: number): Promise<void> {
    const { clock, quotas, holder, leaseMs, changed } = this.#needs;
    const window = this.#window;
    const limit = this.#limit;
    const nowMs = clock.nowMs();
    const wasSpent = this.#owes || this.state().kind === 'spent';
    this.#asking = true;
    let answer: Block | null = null;
    await this.#tell(async () => {
      answer = await quotas.takeBlock({ ...window, holder, wanted, limit, nowMs, untilMs: nowMs + leaseMs });
    });
    this.#asking = false;
    // Whoever asked for it comes for it now.
    if (wanted > 0) this.#takenMs = clock.monotonicMs();
    if (answer !== null && window === this.#window && limit === this.#limit) this.#learn(answer);
    changed();
    const free = this.#left - this.#reserved;
    const room = this.#limit - (this.#used ?? this.#limit);
    if (wasSpent && this.#kept && free > 0) {
      this.#owes = false;
      this.#needs.reopened?.(free + Math.max(0, room));
    }
  }

  #learn({ left, used }: Block): void {
    const nowMs = this.#needs.clock.monotonicMs();
    if (left <= this.#left) this.#refusedMs = nowMs;
    this.#left = left;
    this.#used = used;
    this.#renewedMs = nowMs;
  }

  async #spend(): Promise<boolean> {
    const amount = this.#spending?.count ?? 0;
    this.#spending = null;
    // The window turned meanwhile.
    if (amount === 0) return false;
    const window = this.#window;
    const { quotas, holder } = this.#needs;
    let result: 'spent' | 'lost' = 'lost';
    await this.#tell(async () => {
      result = await quotas.spend({ ...window, holder, amount });
    });
    if (this.#roll() || window !== this.#window) return false;
    this.#reserved = Math.max(0, this.#reserved - amount);
    if ((result as 'spent' | 'lost') === 'spent') {
      this.#left = Math.max(0, this.#left - amount);
      return true;
    }
    this.#forget();
    return false;
  }

  /** What is known is not so any more: ask before anything is used. */
  #forget(): void {
    if (this.#used !== null) this.#usedBefore = this.#used - this.#left;
    this.#left = 0;
    this.#used = null;
    this.#refusedMs = Number.NEGATIVE_INFINITY;
  }

  /** @returns whether another window began since the last look */
  #roll(): boolean {
    const window = this.#windowAt(this.#needs.clock.nowMs());
    const { startsAtMs, endsAtMs } = this.#window;
    if (window.startsAtMs === startsAtMs && window.endsAtMs === endsAtMs) return false;
    this.#window = window;
    this.#reserved = 0;
    this.#spending = null;
    this.#kept = false;
    this.#owes = false;
    this.#forget();
    this.#usedBefore = 0;
    return true;
  }

  #windowAt(nowMs: number): Quota {
    const { startsAtMs, endsAtMs } = this.#windowOf(nowMs);
    return { account: this.#account, startsAtMs, endsAtMs };
  }

  async #tell(what: () => Promise<void>): Promise<void> {
    try {
      await what();
    } catch (cause) {
      this.#pausedUntilMs = this.#needs.clock.monotonicMs() + AFTER_FAILURE_MS;
      this.#forget();
      this.#needs.failed(cause);
    }
  }
}
