/**
 * Once a node: writes down where the reputation of exits took them, so that all that send mail agree on it, and tells
 * operators of that, of exits that one of them paused, and when no exit is left.
 */
import type { ExitStandings } from './standings.ts';
import { isUsable } from '../policy/match.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock, Emit } from '../ports.ts';
import { LEVEL_MARKS, levelMark } from '../routing/reputation-mark.ts';
import { CLIMB, PROBE_EVERY_MS, reputationText } from '../routing/reputation.ts';
import type { Mark, Marks } from '../spool/marks.ts';
import { repeated } from '../running/repeated.ts';

export type StandingWatchNeeds = {
  readonly policy: () => Policy;
  readonly standings: ExitStandings;
  readonly marks: Pick<Marks, 'mark' | 'unmark'>;
  readonly clock: Clock;
  readonly emit: Emit;
};

const LOOK_EVERY_MS = 5_000;

/** Looks every 5 s until it is disposed of. @param needs.standings that judge */
export function watchStandings(needs: StandingWatchNeeds): AsyncDisposable {
  const watch = new StandingWatch(needs);
  return repeated(() => watch.look(), { clock: needs.clock, everyMs: LOOK_EVERY_MS, firstMs: 0 });
}

class StandingWatch {
  readonly #needs: StandingWatchNeeds;
  /** Alerts in force: what each was raised for. */
  readonly #raised = new Map<string, string>();

  constructor(needs: StandingWatchNeeds) {
    this.#needs = needs;
  }

  /** Never rejects. */
  async look(): Promise<void> {
    const names = this.#exits();
    this.#tell(names);
    await this.#record(names);
  }

  #exits(): string[] {
    const policy = this.#needs.policy();
    return Object.keys(policy.egress).filter((name) => isUsable(policy, name));
  }

  async #record(names: readonly string[]): Promise<void> {
    const { standings, marks, clock } = this.#needs;
    const made: Mark[] = [];
    const gone: string[] = [];
    for (const egress of names) {
      const { level, record } = standings.reputationOf(egress);
      if (level === (record?.level ?? 'good')) continue;
      if (level === 'good') gone.push(`${LEVEL_MARKS}${egress}`);
      else made.push(levelMark(egress, { level, sinceMs: clock.nowMs() }));
    }
    if (made.length === 0 && gone.length === 0) return;
    try {
      if (made.length > 0) await marks.mark(made);
      if (gone.length > 0) await marks.unmark(gone);
      await standings.refresh();
    } catch {
      // The next look finds it unwritten still.
    }
  }

  #tell(names: readonly string[]): void {
    const told = new Set<string>();
    for (const egress of names) {
      told.add(`reputation:${egress}`).add(`egress-paused:${egress}`);
      this.#tellReputation(egress);
      this.#tellPause(egress);
    }
    this.#tellNone(names);
    for (const name of this.#raised.keys()) {
      if (name === 'no-exit' || told.has(name)) continue;
      this.#alert(name, null, `${name.slice(name.indexOf(':') + 1)} is not in use any more`);
    }
  }

  #tellReputation(egress: string): void {
    const { standings, policy } = this.#needs;
    const { slowBelow, pauseBelow } = policy().reputation;
    const reputation = standings.reputationOf(egress);
    const name = `reputation:${egress}`;
    const has = `${egress} has ${reputationText(reputation)}`;
    switch (reputation.level) {
      case 'good':
        return this.#alert(name, null, `${has}: it sends at its full pace again`);
      case 'slowed':
        return this.#alert(
          name,
          'slowed',
          `${has}, below ${slowBelow}: it sends at half its pace until it is at ${Math.min(100, slowBelow + CLIMB)}`,
        );
      case 'paused':
        return this.#alert(
          name,
          'paused',
          `${has}, below ${pauseBelow}: paused until it is at ${Math.min(100, pauseBelow + CLIMB)}; every ` +
            `${PROBE_EVERY_MS / 60_000} min some transactional mail tries it, and what is a day older weighs half`,
        );
    }
  }

  #tellPause(egress: string): void {
    const pause = this.#needs.standings.pauseOf(egress);
    const name = `egress-paused:${egress}`;
    if (pause === null) return this.#alert(name, null, `${egress} is not paused any more`);
    const reason = pause.reason === '' ? '' : ` (${pause.reason})`;
    const text = `${egress} is paused by an operator${reason}: no new mail goes out by it until \`relevo egress resume ${egress}\``;
    this.#alert(name, pause.reason, text);
  }

  /** Mail is taken all the same: it waits. */
  #tellNone(names: readonly string[]): void {
    const closed = names.map((egress) => ({ egress, closures: this.#needs.standings.standingOf(egress).closures }));
    const isNone = closed.length > 0 && closed.every(({ closures }) => closures.length > 0);
    if (!isNone) return this.#alert('no-exit', null, 'an exit is open again');
    const gates = closed.map(({ egress, closures }) => `${egress} ${closures.map(({ gate }) => gate).join(' and ')}`);
    const what = gates.join(', ');
    this.#alert('no-exit', what, `no exit is open: mail is taken and waits (${what})`);
  }

  /** @param raisedFor told again when it is another; null: it is over */
  #alert(name: string, raisedFor: string | null, text: string): void {
    const { clock, emit } = this.#needs;
    const before = this.#raised.get(name) ?? null;
    if (before === raisedFor) return;
    if (raisedFor === null) this.#raised.delete(name);
    else this.#raised.set(name, raisedFor);
    const worst = name.startsWith('reputation:') && raisedFor === 'paused' ? { severity: 'critical' as const } : {};
    emit({ event: 'alert', atMs: clock.nowMs(), name, text, raised: raisedFor !== null, ...worst });
  }
}
