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

/** What is to become of marks while some of them are as they were read. */
export type MarkExchange = {
  /** As they were read; null: there was none. At most 1,000. */
  readonly given: readonly { readonly name: string; readonly text: string | null }[];
  /** Made or replaced, whatever their times are. As many as `mark` takes. */
  readonly made: readonly Mark[];
  /** Names of marks that are removed. At most 1,000. */
  readonly gone: readonly string[];
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

/** Marks that several processes change by what they read. */
export interface MarkStore extends Marks {
  /**
   * All of it or nothing, durable like `mark`. Where it rejects it may have been done all the same.
   * @returns whether it was done; false also of one that was done before and is asked for again
   */
  exchange(exchange: MarkExchange): Promise<boolean>;
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

/** @throws SpoolError `isFinal` for what no store could do: a bug of the caller */
export function checkExchange({ given, made, gone }: MarkExchange): void {
  checkMarks(made);
  const names = Math.max(given.length, gone.length);
  if (names > MARKS_AT_ONCE) throw refused(`${names} names of marks are too many at once`);
  const odd = gone.find((name) => !isName(name)) ?? given.find(({ name }) => !isName(name))?.name;
  if (odd !== undefined) throw refused(`${JSON.stringify(odd)} cannot be a mark`);
}

function refused(why: string): SpoolError {
  return new SpoolError('unavailable', why, { isFinal: true });
}
