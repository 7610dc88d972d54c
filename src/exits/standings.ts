/**
 * What is known of every exit beside its circuit and its limits, as a thread that sends mail has it: read from the store
 * every few seconds, and what was read last while the store is away.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Policy } from '../policy/schema.ts';
import type { Clock } from '../ports.ts';
import { CHECK_MARKS, checksOf } from '../routing/checks.ts';
import { HOUR_MS, outcomesByExit, OUTCOMES, type StretchOutcomes } from '../routing/outcome-figures.ts';
import {
  FORGIVEN_MARKS,
  forgivenAt,
  LEVEL_MARKS,
  levelRecordOf,
  PAUSE_MARKS,
  pauseOf,
} from '../routing/reputation-mark.ts';
import {
  type Level,
  levelOf,
  probeTimeAt,
  PROBE_EVERY_MS,
  type Reputation,
  reputationOf,
  reputationText,
  UNKNOWN_REPUTATION,
  WINDOW_MS,
} from '../routing/reputation.ts';
import { type Closure, FULL_STANDING, type Standing, type StandingOf } from '../routing/standing.ts';
import type { Mark, Marks } from '../spool/marks.ts';
import type { Tallies } from '../spool/tallies.ts';
import { repeated } from '../running/repeated.ts';

export type ExitStandingsNeeds = {
  readonly policy: () => Policy;
  readonly marks: Pick<Marks, 'marks'>;
  readonly tallies: Pick<Tallies, 'counts'>;
  readonly clock: Clock;
  /** This relay's name among those that share the spool. */
  readonly node: string;
  /**
   * Where an exit's score takes it is for this one to say, and for somebody to write down (`standing-watch.ts`). Otherwise
   * what is written there holds, and figures are read now and then only.
   */
  readonly judges: boolean;
};

/** `record`: where its reputation took it, as somebody wrote it down; null: nobody did. */
export type ExitReputation = Reputation & {
  readonly level: Level;
  readonly record: { readonly level: Level; readonly sinceMs: number } | null;
};

export type ExitStandings = {
  readonly standingOf: StandingOf;
  reputationOf(egress: string): ExitReputation;
  /** Since when and why an operator stopped it; null: it is not stopped. */
  pauseOf(egress: string): { readonly sinceMs: number; readonly reason: string } | null;
  /** Looks now: the policy is another, or something was recorded. Never rejects. */
  refresh(): Promise<void>;
  /** Calls `run` whenever a look found something else than the one before. Returns what ends it. */
  onChange(run: HearChange): () => void;
};

/** @param opened exits by which mail may go out that could not before */
export type HearChange = (opened: readonly string[]) => void;

const LOOK_EVERY_MS = 5_000;
/** What was down when the relay ended is checked at once, and its mail waits: for this long looks are a second apart. */
const EARLY_MS = 5_000;
/** So often it is asked whether it is time; half of it early is in time, for timers are not exact. */
const TICK_MS = 1_000;
/** Between two looks at the figures: there are many, and a day counts. */
const JUDGE_EVERY_MS = 10_000;
const FIGURES_EVERY_MS = 60_000;
/** Most hours do not change any more; those that do come late wait for a look at all of them. */
const RECENT_MS = 2 * HOUR_MS;
const WHOLE_EVERY_MS = 3 * HOUR_MS;

/** Has looked once when it resolves, and looks again, at first every second and then every 5 s, until it is disposed of. */
export async function openExitStandings(needs: ExitStandingsNeeds): Promise<ExitStandings & AsyncDisposable> {
  const standings = new Standings(needs);
  await standings.refresh();
  const openedMs = needs.clock.monotonicMs();
  let lookedMs = openedMs;
  const look = async (): Promise<void> => {
    const nowMs = needs.clock.monotonicMs();
    if (nowMs - openedMs > EARLY_MS && nowMs - lookedMs < LOOK_EVERY_MS - TICK_MS / 2) return;
    lookedMs = nowMs;
    await standings.look();
  };
  return Object.assign(standings, repeated(look, { clock: needs.clock, everyMs: TICK_MS }));
}

/** Looks once: for a command that answers and ends. The store must answer. */
export async function readExitStandings(needs: ExitStandingsNeeds): Promise<ExitStandings> {
  const standings = new Standings(needs);
  await standings.refresh();
  return standings;
}

class Standings implements ExitStandings {
  readonly #needs: ExitStandingsNeeds;
  readonly #listeners = new Set<HearChange>();
  #hours = new Map<string, StretchOutcomes[]>();
  /** Monotonic time of the last look at the figures. */
  #figuresAtMs = Number.NEGATIVE_INFINITY;
  /** Wall time of the last look at all hours; null: none yet. */
  #wholeAtMs: number | null = null;
  #marks = new Map<string, Mark>();
  #reputations = new Map<string, ExitReputation>();
  #standings = new Map<string, Standing>();

  constructor(needs: ExitStandingsNeeds) {
    this.#needs = needs;
  }

  readonly standingOf = (egress: string): Standing => this.#standings.get(egress) ?? FULL_STANDING;

  reputationOf(egress: string): ExitReputation {
    return this.#reputations.get(egress) ?? { ...UNKNOWN_REPUTATION, level: 'good', record: null };
  }

  pauseOf(egress: string): { readonly sinceMs: number; readonly reason: string } | null {
    return pauseOf(egress, this.#marks);
  }

  onChange(run: HearChange): () => void {
    this.#listeners.add(run);
    return () => void this.#listeners.delete(run);
  }

  refresh(): Promise<void> {
    return this.#look(true);
  }

  look(): Promise<void> {
    const { clock, judges } = this.#needs;
    return this.#look(clock.monotonicMs() - this.#figuresAtMs >= (judges ? JUDGE_EVERY_MS : FIGURES_EVERY_MS));
  }

  /** What the store does not say stays as it said last. */
  async #look(atFigures: boolean): Promise<void> {
    const isNews = await this.#readMarks().catch(() => false);
    if (atFigures || isNews) await this.#readHours().catch(() => undefined);
    this.#judge();
  }

  /** @returns whether an exit's level is written down as another */
  async #readMarks(): Promise<boolean> {
    const prefixes = [PAUSE_MARKS, LEVEL_MARKS, FORGIVEN_MARKS, ...CHECK_MARKS];
    const read = await Promise.all(prefixes.map((prefix) => this.#needs.marks.marks(prefix)));
    const before = this.#marks;
    this.#marks = new Map(read.flat().map((mark) => [mark.name, mark]));
    const levels = [...before.keys(), ...this.#marks.keys()].filter((name) => name.startsWith(LEVEL_MARKS));
    return levels.some((name) => this.#marks.get(name)?.text !== before.get(name)?.text);
  }

  async #readHours(): Promise<void> {
    const { tallies, clock } = this.#needs;
    const nowMs = clock.nowMs();
    const hour = Math.floor(nowMs / HOUR_MS) * HOUR_MS;
    const isWhole = this.#wholeAtMs === null || Math.abs(nowMs - this.#wholeAtMs) >= WHOLE_EVERY_MS;
    const sinceMs = isWhole ? hour - WINDOW_MS : hour - RECENT_MS;
    const lookedMs = clock.monotonicMs();
    const read = outcomesByExit(await tallies.counts(OUTCOMES, sinceMs));
    this.#figuresAtMs = lookedMs;
    if (isWhole) {
      this.#hours = read;
      this.#wholeAtMs = nowMs;
      return;
    }
    const oldestMs = hour - WINDOW_MS;
    for (const egress of new Set([...this.#hours.keys(), ...read.keys()])) {
      const before = (this.#hours.get(egress) ?? []).filter(
        ({ startsAtMs }) => startsAtMs < sinceMs && startsAtMs >= oldestMs,
      );
      this.#hours.set(egress, [...before, ...(read.get(egress) ?? [])]);
    }
  }

  #judge(): void {
    const { policy, clock, node } = this.#needs;
    const nowMs = clock.nowMs();
    const at = { policy: policy(), marks: [...this.#marks.values()], node, nowMs };
    const standings = new Map<string, Standing>();
    this.#reputations = new Map();
    for (const egress of Object.keys(at.policy.egress)) {
      const reputation = this.#reputationAt(egress, at.policy, nowMs);
      this.#reputations.set(egress, reputation);
      standings.set(egress, standingAt({ reputation, pause: this.pauseOf(egress), checks: checksOf(egress, at), at }));
    }
    const before = this.#standings;
    this.#standings = standings;
    if (isDeepStrictEqual(standings, before)) return;
    const opened = [...standings].flatMap(([egress, standing]) =>
      isOpen(standing) && !isOpen(before.get(egress) ?? FULL_STANDING) ? [egress] : [],
    );
    for (const run of this.#listeners) run(opened);
  }

  #reputationAt(egress: string, policy: Policy, nowMs: number): ExitReputation {
    const sinceMs = forgivenAt(egress, this.#marks);
    const hours = (this.#hours.get(egress) ?? []).filter(({ startsAtMs }) => startsAtMs > sinceMs);
    const reputation = reputationOf(hours, nowMs);
    const record = levelRecordOf(egress, this.#marks);
    const before = record?.level ?? 'good';
    const level = this.#needs.judges ? levelOf(reputation.score, before, policy.reputation) : before;
    return { ...reputation, record, level };
  }
}

function isOpen({ closures, probes }: Standing): boolean {
  return closures.length === 0 || probes;
}

/** Mail by an exit of little reputation goes out at that part of its pace. */
const SLOWED_PACE = 0.5;

function standingAt({
  reputation,
  pause,
  checks,
  at: { policy, nowMs },
}: {
  readonly reputation: ExitReputation;
  readonly pause: { readonly sinceMs: number; readonly reason: string } | null;
  readonly checks: { readonly closures: readonly Closure[]; readonly pace: number };
  readonly at: { readonly policy: Policy; readonly nowMs: number };
}): Standing {
  const closures: Closure[] = [];
  if (pause !== null) {
    const reason = pause.reason === '' ? '' : `: ${pause.reason}`;
    closures.push({ gate: 'paused', untilMs: null, cause: `paused by an operator${reason}` });
  }
  closures.push(...checks.closures);
  let probes = false;
  if (reputation.level === 'paused') {
    const { level, sinceMs } = reputation.record ?? { level: 'good', sinceMs: nowMs };
    // Until somebody wrote it down it is as if it were paused just now.
    const time = level === 'paused' ? probeTimeAt(sinceMs, nowMs) : { probes: false, untilMs: nowMs + PROBE_EVERY_MS };
    const cause = `${reputationText(reputation)}, paused below ${policy.reputation.pauseBelow}`;
    closures.push({ gate: 'reputation', untilMs: time.untilMs, cause });
    // A probe that something else keeps back is none.
    probes = time.probes && closures.length === 1;
  }
  return {
    closures,
    probes,
    pace: Math.min(checks.pace, reputation.level === 'good' ? 1 : SLOWED_PACE),
    score: reputation.score,
    successRate: reputation.successRate,
  };
}
