import { SpoolError } from './spool.ts';
import { isName } from './tallies.ts';

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
  /**
   * Makes or replaces them all at once, durable like mail while the store keeps mail; at most 1,000 of them, 8 MB together.
   * One that was made later, by its time, stays.
   */
  mark(marks: readonly Mark[]): Promise<void>;
  /** Removes those of exactly these names. */
  unmark(names: readonly string[]): Promise<void>;
}

/** What `marks` returns at most. */
export const MARKS_AT_MOST = 10_000;
const TEXT_BYTES = 64 * 1024;
const MARKS_AT_ONCE = 1_000;
const BYTES_AT_ONCE = 8 * 1024 * 1024;

/** @throws SpoolError `isFinal` for marks that cannot be made: a bug of the caller */
export function checkMarks(marks: readonly Mark[]): void {
  if (marks.length > MARKS_AT_ONCE) throw refused(`${marks.length} marks are too many at once`);
  let bytes = 0;
  for (const { name, text, atMs } of marks) {
    if (!isName(name) || !Number.isFinite(atMs)) throw refused(`${JSON.stringify(name)} at ${atMs} cannot be a mark`);
    const size = Buffer.byteLength(text);
    if (size > TEXT_BYTES) throw refused(`the text of the mark ${name} is too long: ${size} bytes`);
    bytes += size;
  }
  if (bytes > BYTES_AT_ONCE) throw refused(`marks of ${bytes} bytes are too many at once`);
}

function refused(why: string): SpoolError {
  return new SpoolError('unavailable', why, { isFinal: true });
}
