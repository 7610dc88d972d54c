/** For how long what was signed is believed. */

/** SendGrid posts again for 24 hours and Amazon SNS for less; what comes twice by then is known from the history. */
const OLDEST_MS = 26 * 3_600_000;
/** Clocks differ. */
export const AHEAD_MS = 300_000;

/** @param signedAtMs wall time that the signature covers */
export function isInWindow(signedAtMs: number, nowMs: number, oldestMs = OLDEST_MS): boolean {
  return signedAtMs <= nowMs + AHEAD_MS && signedAtMs >= nowMs - oldestMs;
}
