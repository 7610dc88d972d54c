/** How much room content takes that must be read from the store; `light` is also what is in memory already. */
export type Weight = 'light' | 'medium' | 'heavy';

/** So little that the bound on deliveries in memory bounds it as well. */
const LIGHT_BYTES = 64 * 1024;
const MEDIUM_BYTES = 2 * 1024 ** 2;
/** Of each weight that is read for attempts under way; the one that reaches it goes beyond it. */
const MOST_BYTES = { medium: 32 * 1024 ** 2, heavy: 80 * 1024 ** 2 } as const;

export function weightOf(sizeBytes: number): Weight {
  if (sizeBytes <= LIGHT_BYTES) return 'light';
  return sizeBytes <= MEDIUM_BYTES ? 'medium' : 'heavy';
}

/**
 * Content read from the store for attempts under way. Each weight has a share of its own: large mail to slow destinations
 * keeps no other waiting, and is not kept waiting by a stream of small mail. Asked before an attempt has a connection.
 */
export class ContentBudget {
  readonly #spent = { medium: 0, heavy: 0 };
  readonly #share: (limit: number) => number;

  /** @param share this worker's part of what all may have read */
  constructor(share: (limit: number) => number = (limit) => limit) {
    this.#share = share;
  }

  get spent(): number {
    return this.#spent.medium + this.#spent.heavy;
  }

  /** Whether another attempt of that weight may begin now. */
  hasRoomFor(weight: Weight): boolean {
    return weight === 'light' || this.#spent[weight] < this.#share(MOST_BYTES[weight]);
  }

  take(weight: Weight, bytes: number): void {
    if (weight !== 'light') this.#spent[weight] += bytes;
  }

  give(weight: Weight, bytes: number): void {
    if (weight !== 'light') this.#spent[weight] -= bytes;
  }
}
