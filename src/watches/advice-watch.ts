/** Tells once when something might be done about the exits, and once when that is over: every minute, on each node. */
import { relayAdvice, type StatsNeeds } from '../access/relay-advice.ts';
import type { Clock, Emit } from '../ports.ts';
import type { Advice } from '../routing/advice.ts';
import { repeated } from '../running/repeated.ts';

const LOOK_EVERY_MS = 60_000;

export type AdviceWatchNeeds = { readonly stats: StatsNeeds; readonly clock: Clock; readonly emit: Emit };

/** Looks every minute until it is disposed of; a store that is away changes nothing. */
export function watchAdvice(needs: AdviceWatchNeeds): AsyncDisposable {
  const told = new Map<string, Advice>();
  return repeated(() => look(needs, told), { clock: needs.clock, everyMs: LOOK_EVERY_MS });
}

/** @param told what is in force, by its kind */
async function look({ stats, clock, emit }: AdviceWatchNeeds, told: Map<string, Advice>): Promise<void> {
  const advice = await relayAdvice(stats).catch(() => null);
  if (advice === null) return;
  const now = new Map(advice.map((one) => [one.kind, one]));
  const tell = ({ kind, text, figures }: Advice, raised: boolean): void =>
    emit({ event: 'recommended', atMs: clock.nowMs(), kind, text, figures, raised });
  for (const one of told.values()) {
    if (now.has(one.kind)) continue;
    tell(one, false);
    told.delete(one.kind);
  }
  for (const one of advice) {
    if (!told.has(one.kind)) tell(one, true);
    // Its figures change all the time: the last ones are those that it is over with.
    told.set(one.kind, one);
  }
}
