/** How far a relay is with its figures, kept as a mark beside them. */
import type { Marks } from '../../spool/marks.ts';
import { ROLLUP_STATES } from './row-names.ts';
import type { Level } from './stretch.ts';

/** Times are wall ms. */
export type RollupState = {
  /** All that it heard of before is in the rows. */
  readonly countedMs: number;
  /** It counts, or was cut off while it did: what came after `countedMs` may be missing. */
  readonly isOpen: boolean;
  /** Rows of stretches that began before are of at most so many names as are kept. */
  readonly trimmedMs: number;
  /** Rows of groups that began before are forgotten. */
  readonly forgottenMs: Readonly<Partial<Record<Level, number>>>;
};

export function stateText(state: RollupState): string {
  return JSON.stringify(state);
}

/** null: this relay counted nothing before, or what it kept cannot be read. */
export async function readState(marks: Pick<Marks, 'marks'>, node: string): Promise<RollupState | null> {
  const name = ROLLUP_STATES + node;
  const text = (await marks.marks(name)).find((one) => one.name === name)?.text;
  try {
    const value: unknown = JSON.parse(text ?? 'null');
    const isState = typeof value === 'object' && value !== null && 'countedMs' in value;
    return isState
      ? { isOpen: false, trimmedMs: 0, forgottenMs: {}, ...(value as Pick<RollupState, 'countedMs'>) }
      : null;
  } catch {
    return null;
  }
}
