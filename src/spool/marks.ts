/** A small text that all processes of the relay can read and replace, such as what the last check of an exit came to. */
export type Mark = {
  /** Parts joined by `:`, such as `health:smtp-1`. */
  readonly name: string;
  /** At most 64 KB. */
  readonly text: string;
  /** Wall time at which it was made, as its maker said. */
  readonly atMs: number;
};

export interface Marks {
  /** Those whose names begin so, by name; at most 10,000. */
  marks(prefix: string): Promise<readonly Mark[]>;
  /** Makes or replaces them all at once, durable like mail. One that was made later, by its time, stays. */
  mark(marks: readonly Mark[]): Promise<void>;
  /** Removes those of exactly these names. */
  unmark(names: readonly string[]): Promise<void>;
}
