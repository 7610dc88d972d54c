import { dayOf, hourOf, startOfDay } from '../../policy/day.ts';
import type { EgressPolicy } from '../../policy/schema.ts';
import type { LimitState } from '../../routing/choose.ts';
import { limitText, limitsNow, limitUnder, paceText, type DayLimit } from '../../routing/limit-terms.ts';
import { paceFor } from '../../routing/pace.ts';
import type { Warmup } from '../../routing/warmup.ts';
import { Allowance, type AllowanceNeeds } from './allowance.ts';
import { Pacer } from './pacer.ts';

/** What holds now. `part`: of all its limits, as its standing has it. `warmup` `unknown`: not read yet. */
export type ExitTerms = {
  readonly egress: Pick<EgressPolicy, 'dailyLimit' | 'hourlyLimit' | 'rate' | 'delay' | 'warmup'>;
  /** Who says so, where the rate is not the policy's. */
  readonly rateBy?: string;
  readonly zone: string;
  readonly part: number;
  /** Of the whole exit; null: it has none, or one for each provider. */
  readonly warmup: Warmup | { readonly kind: 'unknown' } | null;
  /** Of each provider, where each has its own. */
  readonly warmupFor: (provider: string) => Warmup | { readonly kind: 'unknown' } | null;
};

/** One message that was counted. `refund`: it did not come as far as MAIL; what is counted to windows that are over stays. */
export type Booking = { refund(): Promise<void> };

const ASKING: LimitState = { kind: 'asking', untilMs: null, cause: '' };

/** The limits of one exit. What is `taken` is taken of all of them, or of none. */
export class ExitLimits {
  readonly #needs: AllowanceNeeds;
  readonly #name: string;
  #terms: ExitTerms;
  #daily: Allowance | null = null;
  #dayLimit: DayLimit | null = null;
  #hourly: Allowance | null = null;
  #pacer: Pacer | null = null;
  #paceText = '';
  readonly #providers = new Map<string, Allowance>();

  constructor(needs: AllowanceNeeds, name: string, terms: ExitTerms) {
    this.#needs = needs;
    this.#name = name;
    this.#terms = terms;
    this.adjust(terms);
  }

  /** Whether nothing limits it. */
  get isFree(): boolean {
    const { warmup } = this.#terms.egress;
    return this.#daily === null && this.#hourly === null && this.#pacer === null && warmup === null;
  }

  /** Whether mail waits, or may wait, for what these limits leave. */
  get keepsMail(): boolean {
    return this.#pacer !== null || this.#amounts(null).some((one) => one.state().kind === 'spent') || this.#isShut();
  }

  /** Part of today's limit that is used, 0 to 1; of this hour's where there is none for the day. */
  get share(): number {
    const allowance = this.#daily ?? this.#hourly;
    return allowance === null ? 0 : Math.min(1, allowance.spent / allowance.limit);
  }

  /** How long a message after the next one has to wait for its turn, ms. */
  get everyMs(): number {
    const pace = this.#pacer?.pace;
    return pace === undefined ? 0 : pace.distanceMs / pace.perGroup;
  }

  /** When rate and delay let the next message go, wall ms; null: now, or it is not known yet. */
  get nextAtMs(): number | null {
    const { clock } = this.#needs;
    const state = this.#pacer?.state();
    return state?.kind === 'later' ? Math.ceil(state.atMs - clock.monotonicMs() + clock.nowMs()) : null;
  }

  /** Whether it is known what is used of each limit, and how far its warm-up is. */
  get isKnown(): boolean {
    return this.#terms.warmup?.kind !== 'unknown' && this.#amounts(null).every(({ used }) => used !== null);
  }

  /** null: nothing limits the exit as a whole. Of several limits that are closed, the one that opens last is told. */
  state(): LimitState | null {
    const shut = this.#shutState(this.#terms.warmup);
    if (shut !== null) return shut;
    let last: { readonly untilMs: number; readonly cause: string } | null = null;
    let isAsking = false;
    for (const allowance of this.#amounts(null)) {
      const state = allowance.state();
      isAsking ||= state.kind === 'asking';
      if (state.kind !== 'spent' || state.untilMs <= (last?.untilMs ?? 0)) continue;
      last = { untilMs: state.untilMs, cause: this.#textOf(allowance, null) };
    }
    if (last !== null) return { kind: 'limited', untilMs: this.#monotonic(last.untilMs), cause: last.cause };
    const paced = this.#pacer?.state();
    if (paced?.kind === 'later') return { kind: 'paced', untilMs: paced.atMs, cause: this.#paceText };
    return isAsking || paced?.kind === 'asking' ? ASKING : null;
  }

  /** Where each mailbox provider has a warm-up of its own: what that one keeps from this exit; null: nothing. */
  stateAt(provider: string): LimitState | null {
    if (!this.capsProviders) return null;
    const shut = this.#shutState(this.#terms.warmupFor(provider));
    if (shut !== null) return shut;
    const own = this.#providerAllowance(provider);
    const state = own?.state();
    if (own === null || state === undefined || state.kind === 'open') return null;
    own.want();
    if (state.kind === 'asking') return ASKING;
    return { kind: 'limited', untilMs: this.#monotonic(state.untilMs), cause: this.#textOf(own, provider) };
  }

  get capsProviders(): boolean {
    return this.#terms.egress.warmup?.perProvider === true;
  }

  take(provider: string | null): void {
    for (const allowance of this.#amounts(provider)) allowance.take();
    this.#pacer?.take();
  }

  release(provider: string | null): void {
    for (const allowance of this.#amounts(provider)) allowance.release();
  }

  /** Counts what was taken in each limit, before the first byte goes out; null: it may not go, and is counted in none. */
  async book(provider: string | null): Promise<Booking | null> {
    const amounts = this.#amounts(provider);
    const booked = await Promise.all(
      amounts.map(async (one): Promise<Spent | null> => {
        const { window } = one;
        return (await one.book()) ? { one, window } : null;
      }),
    );
    const spent = booked.filter((one) => one !== null);
    if (spent.length < amounts.length || !((await this.#pacer?.begin()) ?? true)) {
      await refundAll(spent);
      return null;
    }
    // A rate may have had it wait beyond midnight: it is one of the new day.
    const turned = spent.filter(({ one, window }) => one.window !== window);
    if (turned.length === 0) return bookingOf(spent);
    const anew = await Promise.all(
      turned.map(async ({ one }): Promise<Spent | null> => {
        const { window } = one;
        return (await one.bookAnew()) ? { one, window } : null;
      }),
    );
    const kept = [...spent.filter((one) => !turned.includes(one)), ...anew.filter((one) => one !== null)];
    if (kept.length === spent.length) return bookingOf(kept);
    await refundAll(kept);
    return null;
  }

  /** Mail waits for it. */
  want(): void {
    const amounts = this.#amounts(null);
    for (const allowance of amounts) allowance.want();
    if (amounts.every((one) => one.state().kind !== 'spent')) this.#pacer?.want();
  }

  async look(): Promise<void> {
    await Promise.all(this.#all().map((one) => one.look()));
  }

  tick(): void {
    for (const one of this.#all()) one.tick();
  }

  /** Every limit, on amounts with what is used of it, whether it is closed or not. */
  texts(provider: string | null): string[] {
    const amounts = this.#amounts(provider).map((one) => this.#textOf(one, provider));
    return this.#paceText === '' ? amounts : [...amounts, this.#paceText];
  }

  /** These hold from now on. */
  adjust(terms: ExitTerms): void {
    this.#terms = terms;
    const { day, hour } = limitsNow(terms);
    this.#dayLimit = day;
    this.#daily = this.#adjusted(this.#daily, { limit: day?.limit ?? null, windowOf: this.#dayAt });
    this.#hourly = this.#adjusted(this.#hourly, { limit: hour, windowOf: hourOf });
    for (const [provider, allowance] of this.#providers) this.#adjustProvider(provider, allowance);
    const { rate, delay: delayMs } = terms.egress;
    const pace = paceFor({ rate, delayMs }, terms.part);
    const by = terms.rateBy === undefined ? '' : ` (${terms.rateBy})`;
    this.#paceText = `${paceText({ rate, delayMs }, terms.part)}${by}`;
    if (pace === null) {
      this.#pacer?.close();
      this.#pacer = null;
    } else if (this.#pacer === null) {
      this.#pacer = new Pacer(this.#needs, { account: limitAccount(this.#name), pace });
    } else {
      this.#pacer.pace = pace;
    }
  }

  /** Hands back what is left of every block. */
  async close(): Promise<void> {
    this.#pacer?.close();
    await Promise.all(this.#all().map((one) => one.close()));
  }

  readonly #dayAt: typeof hourOf = (nowMs) => dayOf(nowMs, this.#terms.zone);

  #adjusted(
    allowance: Allowance | null,
    { limit, ...of }: { readonly limit: number | null; readonly windowOf: typeof hourOf; readonly account?: string },
  ): Allowance | null {
    if (limit === null) {
      if (allowance?.isWaitedFor === true) this.#needs.reopened?.(Number.MAX_SAFE_INTEGER);
      void allowance?.close();
      return null;
    }
    if (allowance === null) return new Allowance(this.#needs, { account: limitAccount(this.#name), ...of, limit });
    allowance.limit = limit;
    return allowance;
  }

  /** All limits on amounts that a message to that provider has to keep. */
  #amounts(provider: string | null): Allowance[] {
    const own = provider === null ? null : this.#providerAllowance(provider);
    return [this.#daily, this.#hourly, own].filter((one) => one !== null);
  }

  #all(): Allowance[] {
    return [this.#daily, this.#hourly, ...this.#providers.values()].filter((one) => one !== null);
  }

  #providerAllowance(provider: string): Allowance | null {
    if (!this.capsProviders) return null;
    return this.#providers.get(provider) ?? this.#adjustProvider(provider, null);
  }

  #adjustProvider(provider: string, allowance: Allowance | null): Allowance | null {
    const warmup = this.#terms.warmupFor(provider);
    const limit = warmup?.kind === 'warming' ? limitUnder(warmup.cap, this.#terms.part) : null;
    const account = limitAccount(this.#name, provider);
    const adjusted = this.#adjusted(allowance, { limit, windowOf: this.#dayAt, account });
    if (adjusted === null) this.#providers.delete(provider);
    else this.#providers.set(provider, adjusted);
    return adjusted;
  }

  #textOf(allowance: Allowance, provider: string | null): string {
    const { limit, used } = allowance;
    const of = { limit, used, part: this.#terms.part };
    if (allowance === this.#hourly) return limitText('hourly limit', { ...of, provider: null });
    if (allowance !== this.#daily) return limitText('warm-up', { ...of, provider });
    return limitText(this.#dayLimit?.what ?? 'daily limit', { ...of, provider: null });
  }

  #isShut(): boolean {
    return this.#terms.warmup?.kind === 'before';
  }

  /** Before the first day of a warm-up, and as long as it is not known how far it is. */
  #shutState(warmup: ExitTerms['warmup']): LimitState | null {
    if (warmup?.kind === 'unknown') return ASKING;
    if (warmup?.kind !== 'before') return null;
    const { start } = warmup;
    const untilMs = this.#monotonic(startOfDay(start, this.#terms.zone));
    return { kind: 'limited', untilMs, cause: `warm-up starts on ${start}` };
  }

  #monotonic(wallMs: number): number {
    const { clock } = this.#needs;
    return wallMs - clock.nowMs() + clock.monotonicMs();
  }
}

/** In which what an exit sends is counted for its limits; of one mailbox provider. */
export function limitAccount(egress: string, provider: string | null = null): string {
  return `egress:${egress}${provider === null ? '' : `:${encodeURIComponent(provider)}`}`;
}

/** What was counted, and in which window. */
type Spent = { readonly one: Allowance; readonly window: Allowance['window'] };

function bookingOf(spent: readonly Spent[]): Booking {
  return { refund: () => refundAll(spent) };
}

async function refundAll(spent: readonly Spent[]): Promise<void> {
  await Promise.all(spent.map(({ one, window }) => one.refund(window)));
}
