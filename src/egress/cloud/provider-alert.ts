/** One alert of an exit whose provider wants something done: raised once for each cause, and over with the next message. */
import type { Clock, Emit } from '../../ports.ts';

export class ProviderAlert {
  readonly #name: string;
  readonly #ports: { readonly clock: Clock; readonly emit: Emit };
  #kind: string | null = null;
  #heldUntilMs = Number.NEGATIVE_INFINITY;

  /** @param name of the alert */
  constructor(name: string, ports: { readonly clock: Clock; readonly emit: Emit }) {
    this.#name = name;
    this.#ports = ports;
  }

  /**
   * @param kind the same kind is told once, whatever its text
   * @param leastMs so long after the last time it is not over, though other mail is taken
   */
  raise(kind: string, text: string, leastMs = 0): void {
    this.#heldUntilMs = Math.max(this.#heldUntilMs, this.#ports.clock.monotonicMs() + leastMs);
    if (this.#kind === kind) return;
    this.#kind = kind;
    this.#tell(text, true);
  }

  over(text: string): void {
    if (this.#kind === null || this.#ports.clock.monotonicMs() < this.#heldUntilMs) return;
    this.end(text);
  }

  /** Whatever it is, now. */
  end(text: string): void {
    if (this.#kind === null) return;
    this.#kind = null;
    this.#heldUntilMs = Number.NEGATIVE_INFINITY;
    this.#tell(text, false);
  }

  #tell(text: string, raised: boolean): void {
    const { clock, emit } = this.#ports;
    emit({ event: 'alert', atMs: clock.nowMs(), name: this.#name, text, raised });
  }
}
