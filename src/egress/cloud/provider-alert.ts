/** One alert of an exit whose provider wants something done: raised once for each cause, and over with the next message. */
import type { Clock, Emit } from '../../ports.ts';

export class ProviderAlert {
  readonly #name: string;
  readonly #ports: { readonly clock: Clock; readonly emit: Emit };
  #kind: string | null = null;

  /** @param name of the alert */
  constructor(name: string, ports: { readonly clock: Clock; readonly emit: Emit }) {
    this.#name = name;
    this.#ports = ports;
  }

  /** @param kind the same kind is told once, whatever its text */
  raise(kind: string, text: string): void {
    if (this.#kind === kind) return;
    this.#kind = kind;
    this.#tell(text, true);
  }

  /** @param kind only that one. Default: whatever it is */
  over(text: string, kind?: string): void {
    if (this.#kind === null || (kind !== undefined && kind !== this.#kind)) return;
    this.#kind = null;
    this.#tell(text, false);
  }

  #tell(text: string, raised: boolean): void {
    const { clock, emit } = this.#ports;
    emit({ event: 'alert', atMs: clock.nowMs(), name: this.#name, text, raised });
  }
}
