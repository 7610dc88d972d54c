import { timeOf } from '../../policy/times.ts';

const LOCAL = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(:\d{2})?$/;

/** A wall time with its offset; or without, as a browser's field has it: by the clocks of that zone. null: it is none. */
export function wallTimeOf(text: string, zone: string): number | null {
  const exact = timeOf(text);
  if (exact !== null) return exact;
  const [, date, minutes, seconds = ':00'] = LOCAL.exec(text) ?? [];
  const asUtc = date === undefined ? null : timeOf(`${date}T${minutes}${seconds}Z`);
  if (asUtc === null) return null;
  // The offset is that of the time which is looked for, not of the guess: where clocks change those differ.
  const guess = asUtc - offsetAt(asUtc, zone);
  return asUtc - offsetAt(guess, zone);
}

function offsetAt(atMs: number, zone: string): number {
  const options = { timeZone: zone, hourCycle: 'h23', dateStyle: 'short', timeStyle: 'medium' } as const;
  const shown = new Intl.DateTimeFormat('sv-SE', options).format(atMs);
  return Date.parse(`${shown.replace(' ', 'T')}Z`) - Math.floor(atMs / 1_000) * 1_000;
}
