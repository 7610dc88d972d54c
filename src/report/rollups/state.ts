/** How far a relay is with what it counts, kept as a mark beside its rows. */
import type { Marks } from '../../spool/marks.ts';
import { ROLLUP_STATES } from './row-names.ts';

/** Times are wall ms. */
export type RollupState = {
  /** All that it heard of before is in the rows. */
  readonly countedMs: number;
  /** It counts, or was cut off while it did: what came after `countedMs` may be missing. */
  readonly isOpen: boolean;
  /** How often it wrote: no two texts of it are alike, so that a write that was not answered can be told from one that was not done. */
  readonly writes: number;
};

export function stateText(state: RollupState): string {
  return JSON.stringify(state);
}

/** The text of what a relay kept; null: it counted nothing before. Rejects with `SpoolError`. */
export async function readStateText(marks: Pick<Marks, 'marks'>, node: string): Promise<string | null> {
  const name = ROLLUP_STATES + node;
  return (await marks.marks(name)).find((one) => one.name === name)?.text ?? null;
}

/** null: it cannot be read, or there is none. */
export function parseState(text: string | null): RollupState | null {
  try {
    const value: unknown = JSON.parse(text ?? 'null');
    const isState = typeof value === 'object' && value !== null && 'countedMs' in value;
    return isState ? { isOpen: false, writes: 0, ...(value as Pick<RollupState, 'countedMs'>) } : null;
  } catch {
    return null;
  }
}
