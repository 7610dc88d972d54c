import { isDeepStrictEqual } from 'node:util';
import type { ProviderPace } from '../../egress/egress.ts';
import { egressOf } from '../../policy/match.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Rate } from '../../policy/units.ts';
import type { Clock } from '../../ports.ts';
import type { LimitState } from '../../routing/choose.ts';
import type { Quotas } from '../../spool/ledger.ts';
import { Budgets } from '../budgets/budgets.ts';
import type { CostCounts, Taken } from '../budgets/cost-counts.ts';
import { type Booking, ExitLimits, type ExitTerms } from './exit-limits.ts';
import type { SentCounts } from './sent-counts.ts';
import type { Warmups } from './warmups.ts';

export type LimitsNeeds = {
  readonly policy: () => Policy;
  readonly quotas: Quotas;
  readonly clock: Clock;
  readonly holder: string;
  readonly leaseMs: number;
  readonly warmups: Warmups;
  /** Where what left is counted. */
  readonly sent: SentCounts;
  /** Where what they took is counted. */
  readonly costs: CostCounts;
  /** Part of an exit's limits that it may use, above 0 and at most 1. Default: all. */
  readonly paceOf?: (exit: string) => number;
  /** How fast its provider takes mail now. Default: nobody says. */
  readonly providerPaceOf?: (exit: string) => ProviderPace | null;
  /** An exit may have opened, or closed. */
  readonly changed: () => void;
  /** A limit that mail waits for begins anew: what waits in the store is due. */
  readonly turned: () => void;
  /** See `AllowanceNeeds`; of which exit. */
  readonly reopened: (exit: string, count: number) => void;
  readonly failed: (cause: unknown) => void;
};

/** A timer is set for what is so near; mail in the store looks again by itself. */
const WAKE_WITHIN_MS = 7_200_000;

/**
 * What the limits of each exit leave: so many a day, an hour, in any window, after one another, and less while it is warmed
 * up or slowed down. All count messages, a copy for another destination as another one.
 */
export class Limits {
  /** What exits may cost in a month: apart from the limits on messages. */
  readonly budgets: Budgets;
  readonly #needs: LimitsNeeds;
  readonly #exits = new Map<string, ExitLimits>();
  #timer: { readonly atMs: number; readonly cancel: () => void } | null = null;
  #ways: Pick<Policy, 'egress' | 'pools' | 'routes' | 'timeZone'> | null = null;

  constructor(needs: LimitsNeeds) {
    this.#needs = needs;
    this.budgets = new Budgets(needs);
    this.adjust();
  }

  /** null: nothing limits it. */
  stateOf(name: string): LimitState | null {
    return this.#exits.get(name)?.state() ?? null;
  }

  /** Where each mailbox provider has a warm-up of its own: what that one keeps from an exit; null: nothing. */
  stateAt(name: string, provider: string): LimitState | null {
    const state = this.#exits.get(name)?.stateAt(provider) ?? null;
    if (state?.kind === 'limited' && state.untilMs !== null) this.#wakeAt(state.untilMs);
    return state;
  }

  /** Whether any exit has less for that provider now than for others. */
  isNarrowAt(provider: string): boolean {
    for (const one of this.#exits.values()) if (one.capsProviders && one.stateAt(provider) !== null) return true;
    return false;
  }

  /** A message is about to go; only where nothing limits the exit now. */
  take(name: string, provider: string | null = null): void {
    this.#exits.get(name)?.take(provider);
  }

  /** What was taken is not used after all. */
  release(name: string, provider: string | null = null): void {
    this.#exits.get(name)?.release(provider);
  }

  /** Counts what was taken, before the first byte goes out; null: it may not go. */
  async book(name: string, provider: string | null = null): Promise<Booking | null> {
    const limits = this.#exits.get(name);
    return limits === undefined ? UNCOUNTED : limits.book(provider);
  }

  /** What was booked came as far as MAIL. */
  sent(name: string, provider: string | null = null): void {
    this.#needs.sent.add(name, provider);
  }

  /** The exit took it for so many recipients. */
  took(taken: Taken): void {
    this.#needs.costs.add(taken);
  }

  /** Mail waits for that exit. */
  want(name: string): void {
    const budget = this.budgets.gateOf(name);
    if (budget !== null) this.#wakeAt(budget.untilMs);
    const limits = this.#exits.get(name);
    if (limits === undefined) return;
    limits.want();
    const state = limits.state();
    if (state?.kind === 'limited' && state.untilMs !== null) this.#wakeAt(state.untilMs);
  }

  /** How long a message after the next one has to wait for its turn, ms; 0: the exit has no rate. */
  everyMs(name: string): number {
    return this.#exits.get(name)?.everyMs ?? 0;
  }

  /** When its rate and delay let the next message go, wall ms; null: now, or it is not known. */
  nextAtMs(name: string): number | null {
    return this.#exits.get(name)?.nextAtMs ?? null;
  }

  /** Part of today's limit that is used, 0 to 1; 0: there is none. */
  shareOf(name: string): number {
    return this.#exits.get(name)?.share ?? 0;
  }

  /** Its limits with what is used of them, for operators. */
  textsOf(name: string, provider: string | null = null): readonly string[] {
    return this.#exits.get(name)?.texts(provider) ?? [];
  }

  /** Whether it is known what is used of its limits: what it asks for then is only the next messages' share. */
  isKnown(name: string): boolean {
    return this.#exits.get(name)?.isKnown ?? true;
  }

  /** Waits until it is known what is used. */
  async look(): Promise<void> {
    await Promise.all([this.budgets.look(), ...[...this.#exits.values()].map((one) => one.look())]);
  }

  /** About once a second: what days, warm-ups and standings changed holds from now on. */
  tick(): void {
    const { sent, costs } = this.#needs;
    this.#apply();
    for (const one of this.#exits.values()) one.tick();
    this.budgets.tick();
    sent.tick();
    costs.tick();
    this.#read();
  }

  /** Another policy may be in force. @returns whether mail that a limit kept waiting may have another way now */
  adjust(): boolean {
    const { egress, pools, routes, timeZone } = this.#needs.policy();
    const waits = [...this.#exits.values()].some((one) => one.keepsMail) || this.budgets.isAnySpent;
    const changed = !isDeepStrictEqual(this.#ways, { egress, pools, routes, timeZone });
    this.#ways = { egress, pools, routes, timeZone };
    this.#apply();
    this.budgets.adjust();
    this.#read();
    return waits && changed;
  }

  /** Hands back what is left of every block, and has written what left. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    const { sent, costs } = this.#needs;
    await Promise.all([
      sent.write(),
      costs.write(),
      this.budgets.close(),
      ...[...this.#exits.values()].map((one) => one.close()),
    ]);
  }

  /** When a limit begins anew, not a moment's wait later. */
  #wakeAt(atMs: number): void {
    const { clock, changed, turned } = this.#needs;
    const leftMs = atMs - clock.monotonicMs();
    if (leftMs > WAKE_WITHIN_MS || (this.#timer !== null && this.#timer.atMs <= atMs)) return;
    this.#timer?.cancel();
    const cancel = clock.after(Math.max(1, Math.ceil(leftMs)), () => {
      this.#timer = null;
      this.#apply();
      changed();
      turned();
    });
    this.#timer = { atMs, cancel };
  }

  /** How far the warm-ups are, where it is time to read it. */
  #read(): void {
    const { warmups, changed } = this.#needs;
    void warmups.tick().then((isRead) => {
      if (!isRead) return;
      this.#apply();
      changed();
    });
  }

  #apply(): void {
    const { egress } = this.#needs.policy();
    for (const name of new Set([...this.#exits.keys(), ...Object.keys(egress)])) {
      const terms = this.#termsOf(name);
      const known = this.#exits.get(name);
      if (known === undefined) {
        const needs = { ...this.#needs, reopened: (count: number) => this.#needs.reopened(name, count) };
        const limits = new ExitLimits(needs, name, terms);
        if (!limits.isFree) this.#exits.set(name, limits);
        continue;
      }
      known.adjust(terms);
      if (known.isFree) this.#exits.delete(name);
    }
  }

  #termsOf(name: string): ExitTerms {
    const { policy, warmups, paceOf, providerPaceOf } = this.#needs;
    const inForce = policy();
    const egress = egressOf(inForce, name) ?? NO_TERMS;
    const warmupOf = (provider: string | null): ExitTerms['warmup'] => warmups.of({ egress: name, provider });
    const whole = warmupOf(null);
    const slower = slowerThan(egress.rate, providerPaceOf?.(name) ?? null);
    return {
      egress: slower === null ? egress : { ...egress, rate: slower.rate },
      ...(slower === null ? {} : { rateBy: slower.text }),
      zone: inForce.timeZone,
      part: paceOf?.(name) ?? 1,
      // Where each provider has its own, that of the exit says when it starts.
      warmup:
        egress.warmup?.perProvider === true && (whole?.kind === 'warming' || whole?.kind === 'done') ? null : whole,
      warmupFor: warmupOf,
    };
  }
}

/** What its provider allows, where that is less than the policy does. */
function slowerThan(
  rate: Rate | null,
  pace: ProviderPace | null,
): { readonly rate: Rate; readonly text: string } | null {
  if (pace === null || (rate !== null && rate.count / rate.windowMs <= pace.perSecond / 1_000)) return null;
  const { perSecond, text } = pace;
  // Fewer than one a second are one in so many seconds.
  const whole = perSecond >= 1 ? { count: Math.floor(perSecond), windowMs: 1_000 } : null;
  return { rate: whole ?? { count: 1, windowMs: Math.ceil(1_000 / Math.max(perSecond, 1 / 3_600)) }, text };
}

const UNCOUNTED: Booking = { refund: async () => {} };
const NO_TERMS: ExitTerms['egress'] = { dailyLimit: null, hourlyLimit: null, rate: null, delay: 0, warmup: null };
