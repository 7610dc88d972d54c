/** Wall times as clients write them. Pure. */
import { parseDurationMs } from '../policy/units.ts';

/** RFC 3339 §5.6, with seconds and an offset: nothing is guessed of a time that mail waits for. null: it is none. */
export function timeOf(text: string): number | null {
  const isWhole = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})$/.test(text.trim());
  const atMs = isWhole ? Date.parse(text.trim().toUpperCase()) : Number.NaN;
  return Number.isNaN(atMs) ? null : atMs;
}

/** A wall time, or a time from when the message may leave: `2h`. */
export type Expiry =
  | { readonly kind: 'at'; readonly atMs: number }
  | { readonly kind: 'after'; readonly afterMs: number };

/** null: it is none. */
export function expiryOf(text: string): Expiry | null {
  const atMs = timeOf(text);
  if (atMs !== null) return { kind: 'at', atMs };
  const afterMs = parseDurationMs(text);
  return afterMs === null || afterMs === 0 ? null : { kind: 'after', afterMs };
}
