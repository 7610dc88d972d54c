import type { QueuedDelivery, ShapeRow } from '../../spool/spool.ts';
import type { QueueShape } from '../operations.ts';

const MINUTE_MS = 60_000;
/** Powers of two from five minutes on, as in Postfix's qshape, which made them what operators expect. */
export const AGES_MS: readonly number[] = [5, 10, 20, 40, 80, 160, 320, 640, 1280].map(
  (minutes) => minutes * MINUTE_MS,
);

/** Counts deliveries as they come, so that a long queue is never in memory. */
export class ShapeCounter {
  readonly #nowMs: number;
  readonly #rows = new Map<string, { total: number; byAge: number[] }>();

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  add({ delivery }: QueuedDelivery): void {
    const ageMs = this.#nowMs - delivery.createdAtMs;
    const column = AGES_MS.findIndex((endMs) => ageMs < endMs);
    const at = column === -1 ? AGES_MS.length : column;
    const row = this.#rows.get(delivery.domain) ?? { total: 0, byAge: [...AGES_MS.map(() => 0), 0] };
    row.total += 1;
    row.byAge[at] = (row.byAge[at] ?? 0) + 1;
    this.#rows.set(delivery.domain, row);
  }

  shape(isWhole: boolean): QueueShape {
    const rows = [...this.#rows].map(([domain, row]) => ({ domain, ...row }));
    return shapeOf(rows, isWhole);
  }
}

/** Domains with the most first. @param rows by `AGES_MS` */
export function shapeOf(rows: readonly ShapeRow[], isWhole: boolean): QueueShape {
  return {
    agesMs: AGES_MS,
    rows: rows.toSorted((left, right) => right.total - left.total || left.domain.localeCompare(right.domain)),
    isWhole,
  };
}
