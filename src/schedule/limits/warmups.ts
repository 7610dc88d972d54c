import { dayOf } from '../../policy/day.ts';
import { egressOf } from '../../policy/match.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Clock } from '../../ports.ts';
import { NO_DAYS, warmupOf, type Warmup, type WarmupDays } from '../../routing/warmup.ts';
import type { Marks } from '../../spool/marks.ts';
import type { Tallies } from '../../spool/tallies.ts';

export type WarmupsNeeds = {
  readonly policy: () => Policy;
  readonly tallies: Pick<Tallies, 'counts'>;
  readonly marks: Pick<Marks, 'marks'>;
  readonly clock: Clock;
  /** Hears why something could not be read. Default: nobody does. */
  readonly failed?: (cause: unknown) => void;
};

/** Whose warm-up: an exit's, or, where each has its own, that of an exit at a mailbox provider. */
export type WarmupOf = { readonly egress: string; readonly provider: string | null };

/** Messages that left, by exit and day of the policy's time zone; and by exit, provider and day. */
const SENT = 'sent:';
const SENT_TO = 'sent-to:';
const REGRESSED = 'warmup:';

const DAY_MS = 86_400_000;
export const SENT_KEPT_MS = 400 * DAY_MS;
/** Of each provider; one that got nothing for so long is warmed up anew. */
export const SENT_TO_KEPT_MS = 100 * DAY_MS;
const READ_EVERY_MS = 5_000;
/** Days before these do not change any more. */
const RECENT_MS = 3 * DAY_MS;

/** The account in which what leaves is counted. */
export function sentAccount({ egress, provider }: WarmupOf): string {
  return provider === null ? SENT + egress : `${SENT_TO}${egress}:${encodeURIComponent(provider)}`;
}

/** The mark that says on which days a warm-up went a step back, and why it did last. */
export function regressedMark({ egress, provider }: WarmupOf): string {
  return `${REGRESSED}${egress}${provider === null ? '' : `:${encodeURIComponent(provider)}`}`;
}

type Regressions = { readonly days: readonly string[]; readonly cause: string };

/** The text of such a mark. */
export function regressionText({ days, cause }: Regressions): string {
  return JSON.stringify({ days, cause });
}

/** A damaged one has no days. */
function parseRegressions(text: string): Regressions {
  try {
    const { days, cause } = JSON.parse(text) as Partial<Record<keyof Regressions, unknown>>;
    const names = Array.isArray(days) ? days.filter((day) => typeof day === 'string') : [];
    return { days: names, cause: typeof cause === 'string' ? cause : '' };
  } catch {
    return { days: [], cause: '' };
  }
}

/** Whether an exit of the policy is warmed up at all, the whole of it or by provider. */
export function warmsUp({ egress }: Policy): boolean {
  return Object.values(egress).some(({ enabled, warmup }) => enabled && warmup !== null);
}

type Asked = Parameters<typeof warmupOf>[0];

function isSame(one: Asked, other: Asked): boolean {
  const isAlike = one.today === other.today && one.dailyLimit === other.dailyLimit;
  return isAlike && one.terms === other.terms && one.days === other.days;
}

/** How far the warm-ups of all exits are, as all processes recorded it; read again every few seconds. */
export class Warmups {
  readonly #needs: WarmupsNeeds;
  /** By account: starts of days on which something left, as they were written. */
  readonly #sent = new Map<string, Set<number>>();
  #regressed = new Map<string, Regressions>();
  #days = new Map<string, WarmupDays>();
  /** It is asked at every choice of an exit. */
  readonly #answers = new Map<string, { readonly asked: Asked; readonly warmup: Warmup }>();
  #zone = '';
  #readMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | null = null;
  #isKnown = false;
  #knowsProviders = false;

  constructor(needs: WarmupsNeeds) {
    this.#needs = needs;
  }

  /** How far it is now; null: there is none to be. `unknown`: not read yet. */
  of(whose: WarmupOf): Warmup | { readonly kind: 'unknown' } | null {
    const { policy, clock } = this.#needs;
    const inForce = policy();
    const { warmup = null, dailyLimit = null } = egressOf(inForce, whose.egress) ?? {};
    if (warmup === null) return null;
    if (!this.#isKnown) return { kind: 'unknown' };
    const { name: today } = dayOf(clock.nowMs(), inForce.timeZone);
    const asked = { terms: warmup, dailyLimit, days: this.daysOf(whose), today };
    const account = sentAccount(whose);
    const known = this.#answers.get(account);
    if (known !== undefined && isSame(known.asked, asked)) return known.warmup;
    const answer = { asked, warmup: warmupOf(asked) };
    this.#answers.set(account, answer);
    return answer.warmup;
  }

  daysOf(whose: WarmupOf): WarmupDays {
    const { timeZone } = this.#needs.policy();
    if (timeZone !== this.#zone) {
      this.#zone = timeZone;
      this.#days = new Map();
    }
    const account = sentAccount(whose);
    const known = this.#days.get(account);
    if (known !== undefined) return known;
    const starts = this.#sent.get(account);
    const regressed = this.#regressed.get(regressedMark(whose));
    if (starts === undefined && regressed === undefined) return NO_DAYS;
    // By their middle: another time zone may be in force since.
    const sent = new Set([...(starts ?? [])].map((startsAtMs) => dayOf(startsAtMs + DAY_MS / 2, timeZone).name));
    const days = { sent, regressed: new Set(regressed?.days) };
    this.#days.set(account, days);
    return days;
  }

  /** The figures for which it went a step back last. */
  causeOf(whose: WarmupOf): string {
    return this.#regressed.get(regressedMark(whose))?.cause ?? '';
  }

  /** The mailbox providers that an exit sent to, by name, where each has a warm-up of its own. */
  providersOf(egress: string): readonly string[] {
    const start = `${SENT_TO}${egress}:`;
    const accounts = [...this.#sent.keys()].filter((account) => account.startsWith(start));
    return accounts.map((account) => decodeURIComponent(account.slice(start.length))).sort();
  }

  /** Reads where it is time to, and there is something to warm up. @returns whether something was read that may change a limit */
  async tick(): Promise<boolean> {
    const nowMs = this.#needs.clock.monotonicMs();
    if (nowMs - this.#readMs < READ_EVERY_MS || this.#reading !== null || !warmsUp(this.#needs.policy())) return false;
    return this.refresh().then(() => true);
  }

  /** Reads now. Never rejects: what was read before holds on. */
  refresh(): Promise<void> {
    this.#readMs = this.#needs.clock.monotonicMs();
    this.#reading ??= this.read()
      .catch((cause: unknown) => this.#needs.failed?.(cause))
      .finally(() => (this.#reading = null));
    return this.#reading;
  }

  /** The same, but rejects where the store does not answer. */
  async read(): Promise<void> {
    const { tallies, marks, clock, policy } = this.#needs;
    const nowMs = clock.nowMs();
    const byProvider = Object.values(policy().egress).some(({ warmup }) => warmup?.perProvider === true);
    const sinceMs = (keptMs: number): number => nowMs - (this.#isKnown ? RECENT_MS : keptMs);
    const [sent, sentTo, regressed] = await Promise.all([
      tallies.counts(SENT, sinceMs(SENT_KEPT_MS)),
      byProvider ? tallies.counts(SENT_TO, nowMs - (this.#knowsProviders ? RECENT_MS : SENT_TO_KEPT_MS)) : [],
      marks.marks(REGRESSED),
    ]);
    for (const { account, startsAtMs, amount } of [...sent, ...sentTo]) {
      if (amount <= 0) continue;
      const starts = this.#sent.get(account) ?? new Set();
      this.#sent.set(account, starts.add(startsAtMs));
    }
    this.#regressed = new Map(regressed.map(({ name, text }) => [name, parseRegressions(text)]));
    this.#days = new Map();
    this.#knowsProviders ||= byProvider;
    this.#isKnown = true;
  }
}
