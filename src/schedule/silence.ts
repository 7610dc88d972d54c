/** Own servers that take connections and say nothing: a server that hangs is as down as one that refuses. */
import type { Entry } from './entry.ts';
import type { Schedule } from './schedule.ts';
import { cutShort, isEarly, mayBeCut, stageText, type UnderWay } from './under-way.ts';

/** Between two events about one exit. */
const TELL_EVERY_MS = 30_000;
/** A look that comes so late means that this process stood still, and heard nobody. */
const LATE_MS = 3_000;

/**
 * Looks at what is under way by own servers and came to no MAIL yet. One that is silent for longer than a check may take
 * counts as a failure of its exit; three in a row have the exit rest, as any three do. It is cut short, and goes on by
 * another exit, where one is to be had now, or where its exit is down; otherwise the exit's own timeouts hold.
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
      if (underWay === null || !underWay.isUpstream || !mayBeCut(underWay) || underWay.cut.signal.aborted) continue;
      this.#judge(entry, underWay, mostMs);
    }
  }

  #judge(entry: Entry, underWay: UnderWay, mostMs: number): void {
    const { clock, exits } = this.#schedule;
    const { exit } = underWay;
    const silentMs = clock.monotonicMs() - underWay.sinceMs;
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

  #hasOther({ group, lane }: Entry, exit: string): boolean {
    const { exits, sites } = this.#schedule;
    const { route, stream } = group;
    if (route === null) return false;
    const siteGate = (name: string) => sites.gateOf(lane.site, name);
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
