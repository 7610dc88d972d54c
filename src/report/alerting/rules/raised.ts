/** Alerts that one watcher raised: each is told when it begins, as it becomes another, with fresh figures every few minutes, and when it ends. */
import { kindOfAlert } from '../../../message/alert-kind.ts';
import type { Severity } from '../../../message/severity.ts';
import type { Clock, Emit } from '../../../ports.ts';

export type Finding = {
  readonly text: string;
  readonly severity?: Severity;
  /** Its figures change all the time: they are told anew every few minutes. */
  readonly isLive?: true;
};

/** They are told anew no sooner. */
const AGAIN_MS = 5 * 60_000;

function isNews(before: Finding & { readonly atMs: number }, { text, isLive }: Finding, nowMs: number): boolean {
  return isLive === true && text !== before.text && Math.abs(nowMs - before.atMs) >= AGAIN_MS;
}

export class Raised {
  readonly #clock: Clock;
  readonly #emit: Emit;
  /** In force: what was told of each last. */
  readonly #raised = new Map<string, Finding & { readonly atMs: number }>();

  constructor({ clock, emit }: { readonly clock: Clock; readonly emit: Emit }) {
    this.#clock = clock;
    this.#emit = emit;
  }

  /** @param found null: it is over @param over what is told then */
  set(name: string, found: Finding | null, over = ''): void {
    const before = this.#raised.get(name);
    if (found === null) {
      if (before === undefined) return;
      this.#raised.delete(name);
      return this.#tell(name, { text: over }, false);
    }
    const atMs = this.#clock.nowMs();
    if (before !== undefined && before.severity === found.severity && !isNews(before, found, atMs)) return;
    this.#raised.set(name, { ...found, atMs });
    this.#tell(name, found, true);
  }

  /** All of these kinds: those that were not found are over. */
  become(kinds: readonly string[], found: ReadonlyMap<string, Finding>, over: (name: string) => string): void {
    for (const name of this.#raised.keys())
      if (kinds.includes(kindOfAlert(name)) && !found.has(name)) this.set(name, null, over(name));
    for (const [name, finding] of found) this.set(name, finding);
  }

  #tell(name: string, { text, severity }: Finding, raised: boolean): void {
    const worse = severity === undefined ? {} : { severity };
    this.#emit({ event: 'alert', atMs: this.#clock.nowMs(), name, text, raised, ...worse });
  }
}
