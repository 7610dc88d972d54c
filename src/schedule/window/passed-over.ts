/** So long at most: an exit may take it by then, or its sender have to hear of it. */
const ROUND_MS = 5_000;
/** More are named to the store no more. */
const MOST = 1_000;

/**
 * Destinations of whose mail nothing could be tried when it was claimed: claims look past them for a while, so that mail that may go
 * does not wait until all of theirs, which may be a million and older, has been put off.
 */
export class PassedOver {
  readonly #monotonicMs: () => number;
  readonly #domains = new Set<string>();
  #sinceMs = Number.NEGATIVE_INFINITY;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** Empty again 5 s after the first: what they have comes first then, as it did. */
  domains(): readonly string[] {
    if (this.#monotonicMs() - this.#sinceMs >= ROUND_MS) this.clear();
    return [...this.#domains];
  }

  /** The one that is too many begins anew. */
  add(domains: Iterable<string>): void {
    for (const domain of domains) {
      if (this.#domains.size >= MOST) this.clear();
      if (this.#domains.size === 0) this.#sinceMs = this.#monotonicMs();
      this.#domains.add(domain);
    }
  }

  /** Nothing but what they have is due. */
  clear(): void {
    this.#domains.clear();
  }
}
