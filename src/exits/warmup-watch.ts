/**
 * Once a node: has warm-ups go a step back when too much of what their exits sent was deferred, bounced or complained about,
 * and tells operators of it.
 */
import { dayOf } from '../policy/day.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock, Emit } from '../ports.ts';
import {
  NO_OUTCOMES,
  OUTCOMES,
  parseOutcomeName,
  type OutcomeName,
  type Outcomes,
} from '../routing/outcome-figures.ts';
import { regressionCause, type WarmupTerms } from '../routing/warmup.ts';
import { regressedMark, regressionText, Warmups, type WarmupOf, warmsUp } from '../schedule/limits/warmups.ts';
import type { Marks } from '../spool/marks.ts';
import type { Count, Tallies } from '../spool/tallies.ts';
import { repeated } from '../running/repeated.ts';

export type WarmupWatchNeeds = {
  readonly policy: () => Policy;
  readonly tallies: Pick<Tallies, 'counts'>;
  readonly marks: Marks;
  readonly clock: Clock;
  readonly emit: Emit;
};

const LOOK_EVERY_MS = 15_000;
/** Days on which it regressed that are kept: older ones change nothing. */
const DAYS_KEPT = 400;

/** Looks every 15 s until it is disposed of. */
export function watchWarmups(needs: WarmupWatchNeeds): AsyncDisposable {
  const { clock, emit } = needs;
  const watch = new WarmupWatch(needs);
  const look = (): Promise<void> =>
    watch.look().catch((cause: unknown) => {
      emit({ event: 'failed', atMs: clock.nowMs(), where: 'warm-up', cause: String(cause) });
    });
  return repeated(look, { clock, everyMs: LOOK_EVERY_MS, firstMs: 0 });
}

type Day = { readonly name: string; readonly startsAtMs: number; readonly endsAtMs: number };
type Counted = OutcomeName & Pick<Count, 'startsAtMs' | 'amount'>;
/** `counts`: of one exit. */
type Look = { readonly today: Day; readonly yesterday: Day; readonly counts: readonly Counted[] };

class WarmupWatch {
  readonly #needs: WarmupWatchNeeds;
  readonly #warmups: Warmups;
  /** Alerts in force, by name: for what. */
  readonly #raised = new Map<string, string>();

  constructor(needs: WarmupWatchNeeds) {
    this.#needs = needs;
    this.#warmups = new Warmups(needs);
  }

  /** Rejects where the store does not answer. */
  async look(): Promise<void> {
    const { policy, tallies, clock } = this.#needs;
    const inForce = policy();
    const isNeeded = warmsUp(inForce);
    if (!isNeeded && this.#raised.size === 0) return;
    const today = dayOf(clock.nowMs(), inForce.timeZone);
    const yesterday = dayOf(today.startsAtMs - 1, inForce.timeZone);
    const byExit = countsByExit(isNeeded ? await tallies.counts(OUTCOMES, yesterday.startsAtMs) : []);
    if (isNeeded) await this.#warmups.read();
    const told = new Set<string>();
    for (const [egress, { enabled, warmup }] of Object.entries(inForce.egress)) {
      if (!enabled || warmup === null) continue;
      const counts = byExit.get(egress) ?? [];
      for (const whose of scopesOf(egress, warmup, counts)) {
        told.add(alertName(whose));
        await this.#lookAt(whose, warmup, { today, yesterday, counts });
      }
    }
    for (const name of this.#raised.keys())
      if (!told.has(name)) this.#alert(name, null, 'it is not warmed up any more');
  }

  async #lookAt(whose: WarmupOf, { regress, start = '' }: WarmupTerms, look: Look): Promise<void> {
    const { marks, clock } = this.#needs;
    const { today, yesterday, counts } = look;
    const name = alertName(whose);
    const before = this.#warmups.of(whose);
    if (before?.kind !== 'warming') return this.#alert(name, null, `${nameOf(whose)}: its warm-up is over`);
    const { regressed } = this.#warmups.daysOf(whose);
    let cause: string | null = null;
    if (!regressed.has(today.name)) {
      cause = causeOn(today, 'today');
      // What came late of yesterday, if it was not held against it then.
      if (cause === null && !regressed.has(yesterday.name) && yesterday.name >= start)
        cause = causeOn(yesterday, 'yesterday');
      if (cause !== null) {
        const days = [...regressed, today.name].sort().slice(-DAYS_KEPT);
        await marks.mark([{ name: regressedMark(whose), text: regressionText({ days, cause }), atMs: clock.nowMs() }]);
        await this.#warmups.read();
      }
    }
    const now = this.#warmups.of(whose);
    if (now?.kind !== 'warming') return undefined;
    const step = `day ${now.day} of ${now.days}, ${now.cap} messages`;
    if (!this.#warmups.daysOf(whose).regressed.has(today.name))
      return this.#alert(name, null, `${nameOf(whose)}: its warm-up goes on with ${step}`);
    const why = cause ?? this.#warmups.causeOf(whose);
    const text = `${nameOf(whose)}: ${why}: its warm-up is back at ${step}; today does not count, tomorrow has the same again`;
    return this.#alert(name, today.name, text);

    function causeOn({ startsAtMs, endsAtMs }: Day, when: string): string | null {
      const found = regressionCause(regress, outcomesOf(whose, counts, { startsAtMs, endsAtMs }));
      return found === null ? null : `${when} ${found}`;
    }
  }

  /** @param reason null: it is over */
  #alert(name: string, reason: string | null, text: string): void {
    if ((this.#raised.get(name) ?? null) === reason) return;
    if (reason === null) this.#raised.delete(name);
    else this.#raised.set(name, reason);
    const { clock, emit } = this.#needs;
    emit({ event: 'alert', atMs: clock.nowMs(), name, text, raised: reason !== null });
  }
}

/** Read once: there are many of them, and each exit asks for its own. */
function countsByExit(counts: readonly Count[]): ReadonlyMap<string, readonly Counted[]> {
  const exits = new Map<string, Counted[]>();
  for (const { account, startsAtMs, amount } of counts) {
    const name = parseOutcomeName(account, OUTCOMES);
    if (name === null) continue;
    const known = exits.get(name.egress) ?? [];
    exits.set(name.egress, known);
    known.push({ ...name, startsAtMs, amount });
  }
  return exits;
}

/** The whole exit, or each provider that something was sent to. */
function scopesOf(egress: string, { perProvider }: WarmupTerms, counts: readonly Counted[]): WarmupOf[] {
  if (!perProvider) return [{ egress, provider: null }];
  return [...new Set(counts.map(({ provider }) => provider))].map((provider) => ({ egress, provider }));
}

function outcomesOf(
  { provider }: WarmupOf,
  counts: readonly Counted[],
  { startsAtMs, endsAtMs }: Pick<Day, 'startsAtMs' | 'endsAtMs'>,
): Outcomes {
  const sums = { ...NO_OUTCOMES };
  for (const count of counts) {
    if (count.startsAtMs < startsAtMs || count.startsAtMs >= endsAtMs) continue;
    if (provider === null || count.provider === provider) sums[count.kind] += count.amount;
  }
  return sums;
}

function nameOf({ egress, provider }: WarmupOf): string {
  return provider === null ? egress : `${egress} at ${provider}`;
}

function alertName({ egress, provider }: WarmupOf): string {
  return `warmup:${egress}${provider === null ? '' : `:${provider}`}`;
}
