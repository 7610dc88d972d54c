/** The limits of one exit in a replay: the same terms as those of the real one, and counters of its own. */
import { dayOf, hourOf, startOfDay, type Day } from '../policy/day.ts';
import type { EgressPolicy } from '../policy/schema.ts';
import type { LimitState } from './choose.ts';
import { limitsNow, limitUnder, type DayLimit } from './limit-terms.ts';
import { afterMessage, earliestMs, type Pace, paceFor, type Paced, UNPACED } from './pace.ts';
import type { ExitPast } from './exit-past.ts';
import { warmupOf, type Warmup, type WarmupDays } from './warmup.ts';

export type LimitName = DayLimit['what'] | 'hourly limit' | 'rate' | 'budget';

/** A limit that keeps mail from it at a moment. */
export type ClosedLimit = {
  readonly what: LimitName;
  /** Where each mailbox provider has a warm-up of its own; null: it holds for all. */
  readonly provider: string | null;
  /** Messages in the day or the hour, ms between two for a rate, units of the currency of a budget. */
  readonly limit: number;
  readonly untilMs: number;
};

type Days = { readonly sent: Set<string>; readonly regressed: ReadonlySet<string> };
/** Of today. */
type Count = { used: number; readonly days: Days; cap: number | null };

export class SimulatedExit {
  readonly #terms: EgressPolicy;
  readonly #zone: string;
  readonly #past: ExitPast;
  readonly #pace: Pace | null;
  #paced: Paced = UNPACED;
  #day: Day = { startsAtMs: 0, endsAtMs: 0, name: '' };
  #hour = { startsAtMs: 0, endsAtMs: 0 };
  #warmup: Warmup | null = null;
  #dayLimit: DayLimit | null = null;
  #hourLimit: number | null = null;
  #usedHour = 0;
  readonly #whole: Count;
  readonly #providers = new Map<string, Count>();

  constructor(terms: EgressPolicy, { zone, past }: { readonly zone: string; readonly past: ExitPast }) {
    this.#terms = terms;
    this.#zone = zone;
    this.#past = past;
    this.#pace = paceFor({ rate: terms.rate, delayMs: terms.delay }, past.standing.pace);
    this.#whole = { used: 0, days: copyOf(past.days), cap: null };
  }

  /** Part of today's limit that is used, 0 to 1; of this hour's where there is none for the day. */
  shareAt(nowMs: number): number {
    this.#roll(nowMs);
    if (this.#dayLimit !== null) return Math.min(1, this.#whole.used / this.#dayLimit.limit);
    return this.#hourLimit === null ? 0 : Math.min(1, this.#usedHour / this.#hourLimit);
  }

  /** What keeps all mail from it; null: nothing does. Of several, what opens last. */
  closedAt(nowMs: number): ClosedLimit | null {
    this.#roll(nowMs);
    const { endsAtMs } = this.#day;
    if (this.#warmup?.kind === 'before') return this.#shut(this.#warmup.start, null);
    const day = this.#dayLimit;
    if (day !== null && this.#whole.used >= day.limit)
      return { what: day.what, provider: null, limit: day.limit, untilMs: endsAtMs };
    if (this.#hourLimit !== null && this.#usedHour >= this.#hourLimit)
      return { what: 'hourly limit', provider: null, limit: this.#hourLimit, untilMs: this.#hour.endsAtMs };
    if (this.#pace === null) return null;
    const atMs = Math.ceil(earliestMs(this.#paced, this.#pace));
    return atMs <= nowMs ? null : { what: 'rate', provider: null, limit: this.#pace.distanceMs, untilMs: atMs };
  }

  /** What keeps mail to one mailbox provider from it, where each has a warm-up of its own. */
  closedFor(provider: string, nowMs: number): ClosedLimit | null {
    if (!this.capsProviders) return null;
    this.#roll(nowMs);
    const count = this.#countOf(provider);
    return count.cap === null || count.used < count.cap
      ? null
      : { what: 'warm-up', provider, limit: count.cap, untilMs: this.#day.endsAtMs };
  }

  get capsProviders(): boolean {
    return this.#terms.warmup?.perProvider === true;
  }

  /** One goes; only while nothing is closed. */
  take(provider: string, nowMs: number): void {
    this.#roll(nowMs);
    this.#whole.used += 1;
    this.#usedHour += 1;
    if (this.capsProviders) this.#countOf(provider).used += 1;
    if (this.#pace !== null) this.#paced = afterMessage(this.#paced, this.#pace, nowMs);
  }

  #roll(nowMs: number): void {
    if (nowMs >= this.#hour.endsAtMs) {
      this.#hour = hourOf(nowMs);
      this.#usedHour = 0;
    }
    if (nowMs < this.#day.endsAtMs) return;
    const before = this.#day.name;
    for (const count of [this.#whole, ...this.#providers.values()]) {
      if (count.used > 0) count.days.sent.add(before);
      count.used = 0;
    }
    this.#day = dayOf(nowMs, this.#zone);
    const whole = this.#warmupBy(this.#whole.days);
    const isOfProviders = this.capsProviders && whole?.kind === 'warming';
    this.#warmup = isOfProviders ? null : whole;
    const { day, hour } = limitsNow({ egress: this.#terms, part: this.#part, warmup: this.#warmup });
    this.#dayLimit = day;
    this.#hourLimit = hour;
    for (const count of this.#providers.values()) count.cap = this.#capBy(count.days);
  }

  get #part(): number {
    return this.#past.standing.pace;
  }

  #countOf(provider: string): Count {
    const known = this.#providers.get(provider);
    if (known !== undefined) return known;
    const days = copyOf(this.#past.providers[provider] ?? { sent: [], regressed: [] });
    const count = { used: 0, days, cap: this.#capBy(days) };
    this.#providers.set(provider, count);
    return count;
  }

  #warmupBy(days: WarmupDays): Warmup | null {
    const { warmup: terms, dailyLimit } = this.#terms;
    return terms === null ? null : warmupOf({ terms, dailyLimit, days, today: this.#day.name });
  }

  #capBy(days: WarmupDays): number | null {
    const warmup = this.#warmupBy(days);
    return warmup?.kind === 'warming' ? limitUnder(warmup.cap, this.#part) : null;
  }

  #shut(start: string, provider: string | null): ClosedLimit {
    return { what: 'warm-up', provider, limit: 0, untilMs: startOfDay(start, this.#zone) };
  }
}

/** As the choice of an exit sees it. */
export function limitStateOf(closed: ClosedLimit | null): LimitState | null {
  if (closed === null) return null;
  return { kind: closed.what === 'rate' ? 'paced' : 'limited', untilMs: closed.untilMs, cause: closed.what };
}

function copyOf({ sent, regressed }: ExitPast['days']): Days {
  return { sent: new Set(sent), regressed: new Set(regressed) };
}
