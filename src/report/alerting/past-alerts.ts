/** Alerts that are over, the last first: as many as one mark has room for. Pure. */
import type { AlertState } from './alert-state.ts';

export type PastAlert = Pick<AlertState, 'name' | 'node' | 'severity' | 'text' | 'sinceMs'> & {
  readonly overAtMs: number;
};

export const HISTORY_MARK = 'alert:history';
/** So many are kept at most. */
export const PAST_MOST = 200;
const MOST_BYTES = 60_000;
const LONGEST = 300;

/** @param text of the mark; '' for none */
export function pastAlerts(text: string): readonly PastAlert[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? (value as PastAlert[]) : [];
  } catch {
    return [];
  }
}

/** @returns the text of the mark with these in front */
export function withEnded(text: string, ended: readonly AlertState[]): string {
  const news = ended.map(({ name, node, severity, text: words, sinceMs, overAtMs }): PastAlert => ({
    name,
    node,
    severity,
    text: words.slice(0, LONGEST),
    sinceMs,
    overAtMs: overAtMs ?? sinceMs,
  }));
  const all = [...news.toSorted((one, other) => other.overAtMs - one.overAtMs), ...pastAlerts(text)].slice(
    0,
    PAST_MOST,
  );
  let written = JSON.stringify(all);
  while (Buffer.byteLength(written) > MOST_BYTES) {
    all.length = Math.floor(all.length * 0.8);
    written = JSON.stringify(all);
  }
  return written;
}
