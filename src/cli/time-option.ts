import { parseDurationMs } from '../policy/units.ts';
import { type Cli, UsageError } from './cli.ts';

/** A time in the past: itself, or how long ago it was. @throws UsageError */
export function timeBefore({ clock }: Cli, option: string, text: string): number {
  const agoMs = parseDurationMs(text);
  if (agoMs !== null) return clock.nowMs() - agoMs;
  const atMs = /^\d{4}-\d{2}-\d{2}T/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isFinite(atMs)) return atMs;
  throw new UsageError(`${option}: expected a time such as 2026-11-22T08:00:00Z, or 6h, found "${text}"`);
}
