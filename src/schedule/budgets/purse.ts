import type { BudgetWindow } from '../../policy/money.ts';
import type { Clock } from '../../ports.ts';
import type { Quotas } from '../../spool/ledger.ts';

export type PurseNeeds = {
  readonly quotas: Quotas;
  readonly clock: Clock;
  /** One life of this process. */
  readonly holder: string;
  /** Of a block, from its last renewal. */
  readonly leaseMs: number;
  /** What may be spent changed. */
  readonly changed: () => void;
  /** It was used up, and has enough for so many again. */
  readonly reopened: (count: number) => void;
  readonly failed: (cause: unknown) => void;
};

/** Millionths. `least`: what the least message costs; above 0. */
export type PurseTerms = {
  readonly limit: number;
  readonly least: number;
  readonly windowAt: (nowMs: number) => BudgetWindow;
};

/** What was spent, to be handed back whole or in part where it was not used after all. */
export type Spending = { back(amount: number): Promise<void> };

/** `beyond`: it goes whatever is left. */
type Ask = {
  readonly amount: number;
  readonly beyond: boolean;
  readonly answer: (spending: Spending | null) => void;
};

const UNITS_MOST = 200;
/** Of what is left, so that several processes share its end. */
const SHARE_OF_REST = 4;
/** A block that nobody spent from for so long goes back. */
const IDLE_MS = 10_000;
const LOOK_EVERY_MS = 15_000;
const AFTER_FAILURE_MS = 15_000;
/** Exact in any store. */
const UNLIMITED = 2 ** 52;

/**
 * What this process may spend of a budget that all share: a block of it in memory. Amounts differ from message to message;
 * the first that the rest is too little for closes it.
 */
export class Purse {
  readonly #needs: PurseNeeds;
  #terms: PurseTerms;
  #window: BudgetWindow;
  #left = 0;
  /** By all processes, their blocks included; null: not known. */
  #used: number | null = null;
  /** The least for which there was not enough; 0: there was for all. */
  #short = 0;
  #asked: Ask[] = [];
  #pumping = false;
  #looking = false;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #spentMs = 0;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(needs: PurseNeeds, terms: PurseTerms) {
    this.#needs = needs;
    this.#terms = terms;
    this.#window = terms.windowAt(needs.clock.nowMs());
  }

  /** These hold from now on; what was spent stays spent. */
  set terms(terms: PurseTerms) {
    const { limit, least } = this.#terms;
    const before = this.isSpent;
    this.#terms = terms;
    if (limit === terms.limit && least === terms.least) return;
    this.#short = 0;
    // What is set aside is not spent before the store said so.
    if (terms.limit < limit) this.#forget();
    else if (before && !this.isSpent) this.#needs.reopened(Math.ceil(this.#rest / terms.least));
  }

  get window(): BudgetWindow {
    this.#roll();
    return this.#window;
  }

  /** By all processes in this window, without what this one has set aside; null: not known. */
  get used(): number | null {
    this.#roll();
    return this.#used === null ? null : this.#used - this.#left;
  }

  /** Whether it is known that there is not enough for another message. */
  get isSpent(): boolean {
    this.#roll();
    return this.#used !== null && this.#rest < Math.max(this.#terms.least, this.#short);
  }

  /**
   * Spends before the first byte goes out; null: it may not be sent. Asks that come together are one question.
   * @param beyond it goes whatever is left, and is counted all the same
   */
  book(amount: number, beyond = false): Promise<Spending | null> {
    const { promise, resolve } = Promise.withResolvers<Spending | null>();
    this.#asked.push({ amount, beyond, answer: resolve });
    if (!this.#pumping) void this.#pump();
    return promise;
  }

  /** Asks what is used, and for nothing. */
  async look(): Promise<void> {
    if (this.used === null) await this.#refresh();
  }

  /** About once a second: looks what others spent, renews the block, hands it back where nobody spends. */
  tick(): void {
    this.#roll();
    const nowMs = this.#needs.clock.monotonicMs();
    if (this.#pumping || this.#looking || nowMs < this.#pausedUntilMs) return;
    const everyMs = this.#left === 0 ? LOOK_EVERY_MS : this.#needs.leaseMs / 3;
    if (this.#left > 0 && nowMs - this.#spentMs >= IDLE_MS) void this.close();
    else if (nowMs - this.#lookedMs >= everyMs) void this.#refresh();
  }

  /** Hands back what is left. It may be used again afterwards. */
  async close(): Promise<void> {
    if (this.#roll() || this.#left === 0) return;
    const unused = this.#left;
    this.#left = 0;
    if (this.#used !== null) this.#used -= unused;
    const back = { ...this.#quota, holder: this.#needs.holder, unused, unspent: 0 };
    await this.#tell(() => this.#needs.quotas.returnBlock(back));
  }

  get #quota() {
    const { account, startsAtMs, endsAtMs } = this.#window;
    return { account, startsAtMs, endsAtMs };
  }

  get #rest(): number {
    return this.#left + Math.max(0, this.#terms.limit - (this.#used ?? 0));
  }

  async #refresh(): Promise<void> {
    this.#looking = true;
    const before = this.isSpent;
    await this.#take(0);
    this.#looking = false;
    this.#told(before);
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    await Promise.resolve();
    while (this.#asked.length > 0) {
      const asked = this.#asked;
      this.#asked = [];
      this.#roll();
      const before = this.isSpent;
      const left = before && asked.every(({ beyond }) => beyond) ? asked : await this.#spendAll(asked);
      for (const one of left) one.answer(one.beyond ? await this.#spendBeyond(one) : null);
      this.#told(before);
    }
    this.#pumping = false;
  }

  /** @returns those for which there was not enough */
  async #spendAll(asked: readonly Ask[]): Promise<readonly Ask[]> {
    const wanted = asked.reduce((sum, { amount }) => sum + amount, 0);
    const isKnown = this.#left >= wanted || (await this.#take(wanted - this.#left + this.#blockSize()));
    let total = 0;
    let count = 0;
    for (const { amount } of asked) {
      if (total + amount > this.#left) break;
      total += amount;
      count += 1;
    }
    const window = this.#window;
    if (total > 0 && !(await this.#spend(total, this.#needs.holder))) return asked;
    if (total > 0 && window === this.#window) {
      this.#left = Math.max(0, this.#left - total);
      this.#spentMs = this.#needs.clock.monotonicMs();
    }
    for (const { amount, answer } of asked.slice(0, count)) answer(this.#spending(window, amount));
    const rest = asked.slice(count);
    const first = rest[0];
    if (first !== undefined && isKnown && window === this.#window && first.amount > this.#rest)
      this.#short = Math.min(this.#short || first.amount, first.amount);
    return rest;
  }

  /** Under a name of its own, so that it takes nothing from what others were granted. */
  async #spendBeyond({ amount }: Ask): Promise<Spending | null> {
    const { quotas, clock, leaseMs } = this.#needs;
    const [window, holder] = [this.#window, `${this.#needs.holder}+`];
    const nowMs = clock.nowMs();
    const asked = { ...this.#quota, holder, wanted: amount, limit: UNLIMITED, nowMs, untilMs: nowMs + leaseMs };
    const isTaken = await this.#tell(async () => void (await quotas.takeBlock(asked)));
    if (!isTaken || !(await this.#spend(amount, holder))) return null;
    if (this.#used !== null) this.#used += amount;
    return this.#spending(window, amount);
  }

  /** @returns whether the store answered; one whose window turned meanwhile did not */
  async #take(wanted: number): Promise<boolean> {
    const { quotas, clock, holder, leaseMs } = this.#needs;
    const window = this.#window;
    const { limit } = this.#terms;
    const nowMs = clock.nowMs();
    const asked = { ...this.#quota, holder, wanted, limit, nowMs, untilMs: nowMs + leaseMs };
    const isTold = await this.#tell(async () => {
      const { left, used } = await quotas.takeBlock(asked);
      this.#roll();
      if (window !== this.#window) return;
      this.#left = left;
      this.#used = used;
      this.#lookedMs = clock.monotonicMs();
      if (this.#rest >= this.#short) this.#short = 0;
    });
    return isTold && window === this.#window;
  }

  async #spend(amount: number, holder: string): Promise<boolean> {
    const quota = this.#quota;
    let isSpent = false;
    await this.#tell(async () => {
      isSpent = (await this.#needs.quotas.spend({ ...quota, holder, amount })) === 'spent';
    });
    if (isSpent) return true;
    if (holder === this.#needs.holder) this.#forget();
    return false;
  }

  #spending(window: BudgetWindow, amount: number): Spending {
    let left = amount;
    const { account, startsAtMs, endsAtMs } = window;
    return {
      back: async (unspent) => {
        const most = Math.min(left, unspent);
        if (most <= 0) return;
        left -= most;
        const before = this.isSpent;
        const { quotas, holder } = this.#needs;
        const isTold = await this.#tell(() =>
          quotas.returnBlock({ account, startsAtMs, endsAtMs, holder, unused: 0, unspent: most }),
        );
        if (!isTold || this.#roll() || window !== this.#window) return;
        if (this.#used !== null) this.#used -= most;
        if (this.#rest >= this.#short) this.#short = 0;
        this.#told(before);
      },
    };
  }

  #told(before: boolean): void {
    const now = this.isSpent;
    if (now !== before) this.#needs.changed();
    if (before && !now) this.#needs.reopened(Math.ceil(this.#rest / this.#terms.least));
  }

  #blockSize(): number {
    const { limit, least } = this.#terms;
    const size = Math.min(UNITS_MOST * least, Math.ceil(limit / 100));
    const block = Math.min(size, Math.ceil(Math.max(0, limit - (this.#used ?? 0)) / SHARE_OF_REST));
    return block < least ? 0 : block;
  }

  #forget(): void {
    this.#left = 0;
    this.#used = null;
    this.#lookedMs = Number.NEGATIVE_INFINITY;
  }

  /** @returns whether another window began since the last look */
  #roll(): boolean {
    const window = this.#terms.windowAt(this.#needs.clock.nowMs());
    if (window.account === this.#window.account && window.turnsAtMs === this.#window.turnsAtMs) return false;
    const { account } = this.#window;
    this.#window = window;
    if (window.account === account) return false;
    this.#short = 0;
    this.#forget();
    return true;
  }

  /** @returns whether the store answered */
  async #tell(what: () => Promise<void>): Promise<boolean> {
    try {
      await what();
      return true;
    } catch (cause) {
      this.#pausedUntilMs = this.#needs.clock.monotonicMs() + AFTER_FAILURE_MS;
      this.#forget();
      this.#needs.failed(cause);
      return false;
    }
  }
}
