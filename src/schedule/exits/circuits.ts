import type { Clock, Emit } from '../../ports.ts';
import {
  afterAsked,
  afterFailure,
  afterNothing,
  afterStart,
  afterSuccess,
  CLOSED,
  type Circuit,
} from '../../routing/exit-state.ts';

/** What an attempt says of its exit. `shaky`: it failed in a way that one broken connection does too. */
export type ExitVerdict = 'worked' | 'failed' | 'shaky' | 'none';

/** A rest that is shorter is no news: a provider's limit of a second. */
const TOLD_FROM_MS = 30_000;

/** Which exits rest after what mail by them came to. */
export class Circuits {
  readonly #needs: { readonly clock: Clock; readonly emit: Emit };
  readonly #circuits = new Map<string, Circuit>();

  constructor(needs: { readonly clock: Clock; readonly emit: Emit }) {
    this.#needs = needs;
  }

  get isEmpty(): boolean {
    return this.#circuits.size === 0;
  }

  of(name: string): Circuit {
    return this.#circuits.get(name) ?? CLOSED;
  }

  started(name: string): void {
    const circuit = this.#circuits.get(name);
    if (circuit !== undefined) this.#circuits.set(name, afterStart(circuit));
  }

  judge(name: string, verdict: ExitVerdict, cause: string): void {
    const before = this.#circuits.get(name);
    const nowMs = this.#needs.clock.monotonicMs();
    if (verdict === 'none') {
      if (before !== undefined) this.#circuits.set(name, afterNothing(before));
      return;
    }
    if (verdict === 'worked') {
      if (before === undefined) return;
      const after = afterSuccess(before, nowMs);
      if (after !== CLOSED) return;
      this.#circuits.delete(name);
      if (before.restsUntilMs !== null) this.#tell(name, `${name} works again`, false);
      return;
    }
    const after = afterFailure(before ?? CLOSED, { nowMs, cause, decisive: verdict === 'failed' });
    this.#circuits.set(name, after);
    const rests = after.restsUntilMs !== null && after.restsUntilMs !== before?.restsUntilMs;
    if (rests) this.#tell(name, `${name} rests for ${Math.round(after.restMs / 1000)} s: ${cause}`, true);
  }

  /** Its provider asks not to be asked for so long. */
  toldToWait(name: string, { restMs, cause }: { readonly restMs: number; readonly cause: string }): void {
    const before = this.#circuits.get(name) ?? CLOSED;
    const after = afterAsked(before, { nowMs: this.#needs.clock.monotonicMs(), restMs, cause });
    this.#circuits.set(name, after);
    if (after === before || restMs < TOLD_FROM_MS) return;
    const seconds = Math.round(restMs / 1_000);
    this.#tell(name, `${name} rests for ${seconds} s, as its provider asks: ${cause}. No try is used up.`, true);
  }

  /** What some of them came to does not hold any more. */
  forget(isOther: (name: string) => boolean): void {
    for (const [name, circuit] of this.#circuits) {
      if (!isOther(name)) continue;
      this.#circuits.delete(name);
      if (circuit.restsUntilMs !== null) this.#tell(name, `${name} has new settings, and is tried again`, false);
    }
  }

  #tell(name: string, text: string, raised: boolean): void {
    const { clock, emit } = this.#needs;
    emit({ event: 'alert', atMs: clock.nowMs(), name: `egress-resting:${name}`, text, raised });
  }
}
