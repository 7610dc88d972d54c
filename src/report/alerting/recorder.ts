/** The alerts that this node raised, kept as marks, so that whoever tells people of them knows those of all nodes. */
import type { Severity } from '../../message/severity.ts';
import type { Event } from '../../message/event.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Clock } from '../../ports.ts';
import type { Mark, Marks } from '../../spool/marks.ts';
import { type NodeAlert, raisedMark, raisedMarks, readRaised, severityOf } from './alert-state.ts';

export type RecorderNeeds = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly marks: Pick<Marks, 'marks' | 'mark' | 'unmark'>;
  /** This relay's name among those that share the spool. */
  readonly node: string;
};

/** What a former life of this node raised, and this one did not, is over after that: its checks have come round by then. */
const GRACE_MS = 15 * 60_000;
/** What is over is kept for so long, so that it is told of. */
const KEPT_OVER_MS = 15 * 60_000;
const AT_ONCE = 500;
/** A text is for one line of a mail. */
const LONGEST = 1_000;

export class Recorder {
  readonly #needs: RecorderNeeds;
  readonly #alerts = new Map<string, NodeAlert>();
  /** To be written. */
  readonly #changed = new Set<string>();
  /** Of the life before: not heard of in this one. */
  readonly #former = new Set<string>();
  #formerUntilMs: number | null = null;
  #lastAtMs = 0;

  constructor(needs: RecorderNeeds) {
    this.#needs = needs;
  }

  /** Those that this node knows. */
  all(): readonly NodeAlert[] {
    return [...this.#alerts.values()];
  }

  /** @returns whether it is news */
  heard(event: Event): boolean {
    if (event.event !== 'alert') return false;
    const { name, atMs, raised, severity } = event;
    const text = event.text.slice(0, LONGEST);
    this.#former.delete(name);
    const before = this.#alerts.get(name);
    if (!raised && (before === undefined || before.overAtMs !== null)) return false;
    this.#put(
      raised
        ? this.#raised({ name, text, atMs, severity }, before)
        : { ...this.#of(before, name), text, overAtMs: atMs },
    );
    return true;
  }

  /** Takes up what this node knew when it ended. */
  async start(): Promise<void> {
    const { marks, node, clock } = this.#needs;
    this.#formerUntilMs = clock.monotonicMs() + GRACE_MS;
    for (const mark of await marks.marks(raisedMarks(node))) {
      const alert = readRaised(mark);
      if (alert === null || this.#alerts.has(alert.name)) continue;
      this.#alerts.set(alert.name, alert);
      if (alert.overAtMs === null) this.#former.add(alert.name);
    }
  }

  /** Writes what changed; what could not be written stays for the next time. @throws SpoolError */
  async flush(): Promise<void> {
    const { clock, marks } = this.#needs;
    this.#endFormer();
    const nowMs = clock.nowMs();
    const gone = [...this.#alerts.values()].filter(
      ({ overAtMs }) => overAtMs !== null && nowMs - overAtMs > KEPT_OVER_MS,
    );
    const names = [...this.#changed].slice(0, AT_ONCE);
    if (names.length > 0) await marks.mark(names.flatMap((name) => this.#markOf(name)));
    for (const name of names) this.#changed.delete(name);
    if (gone.length === 0) return;
    await marks.unmark(gone.map(raisedMark));
    for (const { name, overAtMs } of gone) if (this.#alerts.get(name)?.overAtMs === overAtMs) this.#alerts.delete(name);
  }

  get hasNews(): boolean {
    return this.#changed.size > 0;
  }

  #endFormer(): void {
    if (this.#formerUntilMs === null || this.#needs.clock.monotonicMs() < this.#formerUntilMs) return;
    this.#formerUntilMs = null;
    const overAtMs = this.#needs.clock.nowMs();
    for (const name of this.#former) {
      const alert = this.#alerts.get(name);
      if (alert !== undefined)
        this.#put({ ...alert, overAtMs, text: 'not so any more since the relay was started again' });
    }
    this.#former.clear();
  }

  #raised(
    { name, text, atMs, severity }: { name: string; text: string; atMs: number; severity: Severity | undefined },
    before: NodeAlert | undefined,
  ): NodeAlert {
    const isSame = before !== undefined && before.overAtMs === null;
    return {
      name,
      node: this.#needs.node,
      text,
      severity: severityOf(name, severity, this.#needs.policy().alerts),
      sinceMs: isSame ? before.sinceMs : atMs,
      overAtMs: null,
    };
  }

  #of(before: NodeAlert | undefined, name: string): NodeAlert {
    if (before === undefined) throw new Error(`${name} was not raised`);
    return before;
  }

  #put(alert: NodeAlert): void {
    this.#alerts.set(alert.name, alert);
    this.#changed.add(alert.name);
  }

  #markOf(name: string): Mark[] {
    const alert = this.#alerts.get(name);
    if (alert === undefined) return [];
    // A clock that was set back must not keep what is newer from being written.
    this.#lastAtMs = Math.max(this.#needs.clock.nowMs(), this.#lastAtMs);
    return [{ name: raisedMark(alert), text: JSON.stringify(alert), atMs: this.#lastAtMs }];
  }
}
