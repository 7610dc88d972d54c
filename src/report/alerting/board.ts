/** All alerts of all nodes that are in force, or that somebody is still to be told of: what is known, and what was told. */
import { factsOfAlert, subjectOfAlert } from '../../message/alert-kind.ts';
import type { Clock } from '../../ports.ts';
import type { Mark, Marks } from '../../spool/marks.ts';
import {
  type AlertState,
  followed,
  isEnded,
  keyOf,
  merged,
  type NodeAlert,
  readRaised,
  readState,
  stateMark,
  type Terms,
} from './alert-state.ts';
import { HISTORY_MARK, PAST_MOST, pastAlerts, withEnded } from './past-alerts.ts';

const ACKNOWLEDGED_MARKS = 'alert:ack:';
/** Of one write. */
const AT_ONCE = 500;

export class AlertBoard {
  readonly #marks: Pick<Marks, 'mark' | 'unmark'>;
  readonly #clock: Clock;
  readonly #states = new Map<string, AlertState>();
  readonly #changed = new Set<string>();
  #history = '';
  /** Until when each that is history was in force: what ended later is news. */
  readonly #endedMs = new Map<string, number>();
  /** The same of those that history has forgotten. */
  #floorMs = 0;
  #lastAtMs = 0;

  constructor({ marks, clock }: { readonly marks: Pick<Marks, 'mark' | 'unmark'>; readonly clock: Clock }) {
    this.#marks = marks;
    this.#clock = clock;
  }

  all(): readonly AlertState[] {
    return [...this.#states.values()];
  }

  /** Takes over from whoever told people before. */
  load(marks: readonly Mark[]): void {
    this.#states.clear();
    this.#changed.clear();
    for (const mark of marks) {
      const state = readState(mark);
      if (state !== null) this.#states.set(state.key, state);
      if (mark.name === HISTORY_MARK) this.#history = mark.text;
      this.#lastAtMs = Math.max(this.#lastAtMs, mark.atMs);
    }
    const past = pastAlerts(this.#history);
    // The last end of each comes first.
    for (const { name, node, overAtMs } of past.toReversed())
      this.#endedMs.set(node === null ? name : `${name}@${node}`, overAtMs);
    this.#floorMs = past.length < PAST_MOST ? 0 : Math.min(...past.map(({ overAtMs }) => overAtMs));
  }

  /** Follows what the nodes say, and what was acknowledged. @param of `marks` null: the store is away, `alerts` are not all */
  follow(
    {
      alerts,
      marks,
      isShared,
    }: { readonly alerts: readonly NodeAlert[]; readonly marks: readonly Mark[] | null; readonly isShared: boolean },
    nowMs: number,
  ): void {
    const byKey = Map.groupBy(alerts, ({ name, node }) => keyOf(name, node, isShared));
    for (const [key, some] of byKey) {
      const now = merged(some);
      const known = this.#states.get(key);
      if (known !== undefined) this.set(followed(known, now, nowMs));
      // What is over, and was told of, begins nothing.
      else if (now.overAtMs === null || now.overAtMs > (this.#endedMs.get(key) ?? this.#floorMs))
        this.set(freshState(key, some[0], now));
    }
    if (marks === null) return;
    for (const state of this.#states.values()) if (!byKey.has(state.key)) this.set(followed(state, null, nowMs));
    for (const mark of marks) this.#acknowledge(mark);
  }

  /** To be written. */
  set(state: AlertState): void {
    if (this.#states.get(state.key) === state) return;
    this.#states.set(state.key, state);
    this.#changed.add(state.key);
  }

  /** Those of which nothing is to be told any more are history. @param told keys of which it was told just now that they are over */
  async end(terms: Terms, told: ReadonlySet<string>): Promise<void> {
    const ended = this.all().filter((state) => told.has(state.key) || isEnded(state, terms));
    if (ended.length === 0) return;
    this.#history = withEnded(this.#history, ended);
    for (const { key, overAtMs } of ended) {
      this.#endedMs.set(key, overAtMs ?? 0);
      this.#states.delete(key);
      this.#changed.delete(key);
    }
    await this.#marks.mark([{ name: HISTORY_MARK, text: this.#history, atMs: this.#atMs() }]);
    const names = ended.flatMap(({ key }) => [stateMark(key), acknowledgedMark(key)]);
    await this.#marks.unmark(names);
  }

  /** Writes what changed, and `more` together with it. @throws SpoolError: it is still to be written */
  async write(more: readonly Omit<Mark, 'atMs'>[] = []): Promise<void> {
    const keys = [...this.#changed];
    const atMs = this.#atMs();
    const marks = [
      ...more,
      ...keys.map((key) => ({ name: stateMark(key), text: JSON.stringify(this.#states.get(key)) })),
    ].map((mark) => ({ ...mark, atMs }));
    for (let from = 0; from < marks.length; from += AT_ONCE) await this.#marks.mark(marks.slice(from, from + AT_ONCE));
    for (const key of keys) this.#changed.delete(key);
  }

  /** Exits that an alert in force is about. */
  failingExits(): string[] {
    const exits = this.all().flatMap(({ name, overAtMs }) =>
      overAtMs === null && factsOfAlert(name).exit === true ? [subjectOfAlert(name)] : [],
    );
    return [...new Set(exits)];
  }

  #acknowledge({ name, text }: Mark): void {
    if (!name.startsWith(ACKNOWLEDGED_MARKS)) return;
    const state = this.#states.get(name.slice(ACKNOWLEDGED_MARKS.length));
    if (state === undefined || state.acknowledged !== null || state.overAtMs !== null) return;
    const [by = '', atMs = '0'] = text.split('\n');
    this.set({ ...state, acknowledged: { by, atMs: Number(atMs) } });
  }

  /** By whichever clock it was written before, this is later. */
  #atMs(): number {
    this.#lastAtMs = Math.max(this.#clock.nowMs(), this.#lastAtMs + 1);
    return this.#lastAtMs;
  }
}

function freshState(key: string, first: NodeAlert | undefined, now: ReturnType<typeof merged>): AlertState {
  const { name = key, node = '' } = first ?? {};
  return { key, name, node: key === name ? null : node, ...now, told: null, acknowledged: null };
}

export function acknowledgedMark(key: string): string {
  return `${ACKNOWLEDGED_MARKS}${key}`;
}

/** What a mark of a node says, where it is one. */
export function nodeAlertsOf(marks: readonly Mark[]): NodeAlert[] {
  return marks.map(readRaised).filter((alert) => alert !== null);
}
