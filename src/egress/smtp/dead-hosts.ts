/**
 * MX hosts that could not be reached a moment ago, for all lanes and exits: nobody waits for them again and again. An own
 * server needs no such memory: the scheduler rests the whole exit.
 */
import type { Clock } from '../../ports.ts';
import { ExpiringMap } from './expiring-map.ts';

/** What failed costs as long a rest as it took, at least a second; twice as long each further time. */
const LEAST_REST_MS = 1_000;
/** Short, since mail that falls due meanwhile loses a try when no other host takes it. */
const MOST_REST_MS = 60_000;
/** Then a failure counts as the first again. */
const FORGET_MS = 30 * 60_000;
const MAX_HOSTS = 10_000;

type Dead = { restMs: number; untilMs: number; probing: boolean };

export class DeadHosts {
  readonly #clock: Clock;
  readonly #dead: ExpiringMap<Dead>;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#dead = new ExpiringMap(clock, MAX_HOSTS);
  }

  /**
   * Whether to try it now. After its rest one caller gets `true`, the others only once that one has reported: so
   * everyone who got `true` must call `reached`, `failed` or `leftOpen`.
   */
  mayTry(key: string): boolean {
    const dead = this.#dead.get(key);
    if (dead === undefined) return true;
    if (dead.probing || dead.untilMs > this.#clock.monotonicMs()) return false;
    dead.probing = true;
    return true;
  }

  reached(key: string): void {
    this.#dead.delete(key);
  }

  failed(key: string, tookMs: number): void {
    const before = this.#dead.get(key);
    const nowMs = this.#clock.monotonicMs();
    // Several that were under way when it died are one failure.
    if (before !== undefined && !before.probing) return;
    const restMs = Math.min(
      MOST_REST_MS,
      Math.max(LEAST_REST_MS, tookMs, before === undefined ? 0 : before.restMs * 2),
    );
    this.#dead.set(key, { restMs, untilMs: nowMs + restMs, probing: false }, FORGET_MS);
  }

  /** The try was called off: nothing is known. */
  leftOpen(key: string): void {
    const dead = this.#dead.get(key);
    if (dead !== undefined) dead.probing = false;
  }
}
