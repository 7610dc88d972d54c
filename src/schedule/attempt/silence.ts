/** Own servers and providers that take connections and say nothing: what hangs is as down as what refuses. */
import { egressOf } from '../../policy/match.ts';
import type { GateState } from '../../routing/choose.ts';
import type { Schedule } from '../schedule.ts';
import type { Entry } from '../window/entry.ts';
import { cutShort, isEarly, mayBeCut, stageText, type UnderWay } from './under-way.ts';
import { isProvider } from './verdict.ts';

/** Between two events about one exit. */
const TELL_EVERY_MS = 30_000;
/** Who works answers in a second; who waits for mail should not wait much longer. */
const SILENT_MS = 3_000;
/** A look that comes so late means that this process stood still, and heard nobody. */
const LATE_MS = 3_000;

/**
 * Looks at what is under way by own servers and came to no MAIL yet. One that is silent for longer than a check may take
 * counts as a failure of its exit; three in a row have the exit rest, as any three do. It is cut short, and goes on by
 * another exit, where one is to be had now, or where its exit is down; otherwise the exit's own timeouts hold. Long before
 * that other mail of its destination goes past it, where there is another exit.
 */
export class Silence {
  readonly #schedule: Schedule;
  readonly #toldMs = new Map<string, number>();
  #lookedMs: number;

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
    this.#lookedMs = schedule.clock.monotonicMs();
  }

  /** About once a second. */
  look(): void {
    const { window, policy, clock } = this.#schedule;
    const mostMs = policy().health.timeout;
    const sinceMs = clock.monotonicMs() - this.#lookedMs;
    this.#lookedMs += sinceMs;
    for (const entry of window.entries.values()) {
      const { underWay } = entry;
      if (underWay !== null && sinceMs > LATE_MS) underWay.sinceMs += sinceMs;
      if (underWay !== null && this.#isUnanswered(underWay)) this.#passBy(entry, underWay);
      if (underWay === null || !underWay.isUpstream || !mayBeCut(underWay) || underWay.cut.signal.aborted) continue;
      this.#judge(entry, underWay, mostMs);
    }
  }

  #judge(entry: Entry, underWay: UnderWay, mostMs: number): void {
    const { clock, exits } = this.#schedule;
    const { exit } = underWay;
    const silentMs = clock.monotonicMs() - underWay.sinceMs;
    if (silentMs > SILENT_MS && isEarly(underWay) && this.#hasOther(entry, exit)) this.#makeRoom(entry);
    const isSilent = silentMs > mostMs;
    const what = stageText(underWay);
    const cause = `${exit} did not answer for ${Math.round(silentMs / 1000)} s${what === null ? '' : ` (${what})`}`;
    if (isSilent && isEarly(underWay) && !underWay.isSuspect) {
      underWay.isSuspect = true;
      this.#tell(exit, cause);
      exits.suspect(exit, cause);
    }
    if (!isSilent && !isEarly(underWay)) return;
    const shut = exits.shutBy(exit);
    if (shut === null && !(isSilent && isEarly(underWay))) return;
    if (shut !== 'down' && !this.#hasOther(entry, exit)) return;
    cutShort(underWay, isSilent ? cause : `${exit} is ${shut === 'down' ? 'down' : 'at rest after failures'}`);
  }

  /**
   * A provider that has a request, and has answered none since it got that: what is left of the mail goes by another exit. What
   * it has stays with it until the exit's own timeout, for it may have been taken.
   */
  #isUnanswered(underWay: UnderWay): boolean {
    const { clock, exits, policy } = this.#schedule;
    const { exit, startedMs, sinceMs, isSuspect } = underWay;
    if (isSuspect || clock.monotonicMs() - sinceMs <= SILENT_MS) return false;
    const terms = egressOf(policy(), exit);
    return terms !== undefined && isProvider(terms.type) && !exits.hasWorkedSince(exit, startedMs);
  }

  #passBy(entry: Entry, underWay: UnderWay): void {
    const { clock, exits, lanes } = this.#schedule;
    const { exit, startedMs } = underWay;
    underWay.isSuspect = true;
    lanes.setAside(entry);
    if (!this.#hasOther(entry, exit)) return;
    const cause = `${exit} takes requests and has answered none for ${Math.round((clock.monotonicMs() - startedMs) / 1000)} s`;
    this.#tell(exit, cause);
    exits.suspect(exit, cause);
  }

  /** Nothing of it has come to the destination: other mail for that does not wait with it. */
  #makeRoom(entry: Entry): void {
    const { lanes, sites } = this.#schedule;
    lanes.setAside(entry);
    sites.ended(entry.ticket, 'none', '');
    entry.ticket = null;
  }

  #hasOther({ group, lane }: Entry, exit: string): boolean {
    const { exits, sites } = this.#schedule;
    const { route, stream } = group;
    if (route === null) return false;
    // That the site has no room for more is no hindrance: it has a place there.
    const siteGate = (name: string): GateState | null => {
      const gate = sites.gateOf(lane.site, name);
      return gate?.gate === 'site' ? null : gate;
    };
    const choice = exits.choose({ route, stream, tried: new Set([exit]), siteGate });
    return choice.kind !== 'wait';
  }

  /** Whoever checks exits hears it. */
  #tell(exit: string, cause: string): void {
    const { clock, emit } = this.#schedule;
    const nowMs = clock.monotonicMs();
    if (nowMs - (this.#toldMs.get(exit) ?? Number.NEGATIVE_INFINITY) < TELL_EVERY_MS) return;
    this.#toldMs.set(exit, nowMs);
    emit({ event: 'failed', atMs: clock.nowMs(), where: `egress ${exit}`, cause });
  }
}
