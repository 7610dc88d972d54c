import type { Message } from './message.ts';

type Times = Pick<Message, 'receivedAtMs' | 'sendAtMs' | 'expiresAtMs' | 'expiresAfterMs'>;

/** From when its age counts, wall time: it might not have left before. */
export function startOf({ receivedAtMs, sendAtMs = 0 }: Times): number {
  return Math.max(receivedAtMs, sendAtMs);
}

/** The wall time from which it is of no use to anybody; null: it names none. Beside it there may be a `deliverBy`. */
export function expiryOf(message: Times): number | null {
  const { expiresAtMs, expiresAfterMs } = message;
  if (expiresAfterMs === undefined) return expiresAtMs ?? null;
  const atMs = startOf(message) + expiresAfterMs;
  return expiresAtMs === undefined ? atMs : Math.min(expiresAtMs, atMs);
}
