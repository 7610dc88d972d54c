import type { Clock, Emit } from '../ports.ts';

/** Something with deadlines of its own. */
export type Watched = {
  /** Acts on what is overdue. @param nowMs monotonic */
  check(nowMs: number): void;
  /** Monotonic; null: not idle. */
  readonly idleSinceMs: number | null;
  /** Ends it in favour of somebody else. */
  evict(): void;
};

/** For a TLS handshake; absolute, not from the last byte. */
export const TLS_HANDSHAKE_MS = 30_000;

const LOOK_EVERY_MS = 1_000;
/** A session that waits for less than this is not called idle. */
const EVICTABLE_AFTER_MS = 10_000;

/**
 * Looks once a second at every open session: one timer for all of them, whatever their number, and none while there is
 * no session.
 */
export class Deadlines implements Disposable {
  readonly #clock: Clock;
  readonly #emit: Emit;
  readonly #watched = new Set<Watched>();
  #cancel: (() => void) | null = null;

  constructor(clock: Clock, emit: Emit) {
    this.#clock = clock;
    this.#emit = emit;
  }

  watch(watched: Watched): void {
    this.#watched.add(watched);
    this.#cancel ??= this.#clock.after(LOOK_EVERY_MS, () => this.#look());
  }

  unwatch(watched: Watched): void {
    this.#watched.delete(watched);
  }

  /** Ends the session that has been idle longest; false: none has been for long enough. */
  evictIdlest(): boolean {
    let idlest: Watched | null = null;
    let sinceMs = this.#clock.monotonicMs() - EVICTABLE_AFTER_MS;
    for (const watched of this.#watched) {
      const idleSinceMs = watched.idleSinceMs;
      if (idleSinceMs === null || idleSinceMs > sinceMs) continue;
      sinceMs = idleSinceMs;
      idlest = watched;
    }
    idlest?.evict();
    return idlest !== null;
  }

  [Symbol.dispose](): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#watched.clear();
  }

  #look(): void {
    this.#cancel = null;
    const nowMs = this.#clock.monotonicMs();
    for (const watched of this.#watched) {
      try {
        watched.check(nowMs);
      } catch (error) {
        // A bug in one session must not leave the others without deadlines.
        this.#emit({ event: 'failed', atMs: this.#clock.nowMs(), where: 'ingress deadline', cause: String(error) });
      }
    }
    if (this.#watched.size > 0) this.#cancel = this.#clock.after(LOOK_EVERY_MS, () => this.#look());
  }
}
