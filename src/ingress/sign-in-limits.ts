import type { Rate } from '../policy/units.ts';

type Failures = { readonly count: number; readonly untilMs: number };

/** Keys beyond this many push out the oldest: memory is bounded whoever guesses. */
const MAX_KEYS = 20_000;

/** Counts failed sign-ins under a key (an address, a user); as many as the limit bar it for the limit's window. */
export class SignInLimits {
  readonly #limit: () => Rate;
  readonly #failures = new Map<string, Failures>();

  /** @param limit the policy's `limits.loginAttempts` in force now */
  constructor(limit: () => Rate) {
    this.#limit = limit;
  }

  /** @param nowMs monotonic */
  isBarred(key: string, nowMs: number): boolean {
    const failures = this.#failures.get(key);
    return failures !== undefined && failures.count >= this.#limit().count && nowMs < failures.untilMs;
  }

  /** @param nowMs monotonic */
  failed(key: string, nowMs: number): void {
    const { count: limit, windowMs } = this.#limit();
    const before = this.#failures.get(key);
    const count = before === undefined || nowMs >= before.untilMs ? 1 : before.count + 1;
    // The window runs from the first failure; the bar from the one that was too many.
    const untilMs = count === 1 || count >= limit ? nowMs + windowMs : (before?.untilMs ?? nowMs + windowMs);
    this.#failures.delete(key);
    this.#failures.set(key, { count, untilMs });
    if (this.#failures.size > MAX_KEYS) this.#dropOldest();
  }

  #dropOldest(): void {
    for (const key of this.#failures.keys()) {
      this.#failures.delete(key);
      return;
    }
  }
}
