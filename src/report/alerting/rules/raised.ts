/** Alerts that one watcher raised: each is told when it begins, when it becomes another, and when it ends. */
import { kindOfAlert } from '../../../message/alert-kind.ts';
import type { Severity } from '../../../message/severity.ts';
import type { Clock, Emit } from '../../../ports.ts';

export type Finding = { readonly text: string; readonly severity?: Severity };

export class Raised {
  readonly #clock: Clock;
  readonly #emit: Emit;
  /** In force: how severe each was when it was told. */
  readonly #raised = new Map<string, Severity | undefined>();

  constructor({ clock, emit }: { readonly clock: Clock; readonly emit: Emit }) {
    this.#clock = clock;
    this.#emit = emit;
  }

  /** @param found null: it is over @param over what is told then */
  set(name: string, found: Finding | null, over = ''): void {
    const isRaised = this.#raised.has(name);
    if (found === null) {
      if (!isRaised) return;
      this.#raised.delete(name);
      return this.#tell(name, { text: over }, false);
    }
    if (isRaised && this.#raised.get(name) === found.severity) return;
    this.#raised.set(name, found.severity);
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
