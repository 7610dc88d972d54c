/** Tells of posts that are not believed, the first of a kind at once and what follows summed up: anybody may post. */
import type { Clock, Emit } from '../../ports.ts';
import type { HookRefusal } from './provider-event.ts';

const TOLD_EVERY_MS = 10_000;

type Refused = { readonly exit: string; readonly reason: HookRefusal; peer: string; count: number };

export class Refusals {
  readonly #clock: Clock;
  readonly #emit: Emit;
  /** Of each exit and reason, while it is not to be told again: as many as there are exits, times reasons. */
  readonly #waiting = new Map<string, Refused>();

  constructor({ clock, emit }: { readonly clock: Clock; readonly emit: Emit }) {
    this.#clock = clock;
    this.#emit = emit;
  }

  refused(exit: string, reason: HookRefusal, peer: string): void {
    const key = `${exit} ${reason}`;
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) {
      waiting.count += 1;
      waiting.peer = peer;
      return;
    }
    this.#tell({ exit, reason, peer, count: 1 });
    this.#wait(key, { exit, reason, peer, count: 0 });
  }

  #wait(key: string, refused: Refused): void {
    this.#waiting.set(key, refused);
    this.#clock.after(TOLD_EVERY_MS, () => {
      this.#waiting.delete(key);
      if (refused.count === 0) return;
      this.#tell(refused);
      this.#wait(key, { ...refused, count: 0 });
    });
  }

  #tell({ exit, reason, peer, count }: Refused): void {
    this.#emit({ event: 'hook-refused', atMs: this.#clock.nowMs(), egress: exit, reason, peer, count });
  }
}
