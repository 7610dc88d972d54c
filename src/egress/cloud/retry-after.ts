/**
 * How long a provider asks to be left alone (RFC 9110 §10.2.3): seconds, or a date.
 * @param nowMs wall time
 * @returns ms; null where it does not say, or says what cannot be
 */
export function retryAfterMs(value: string | undefined, nowMs: number): number | null {
  const text = value?.trim() ?? '';
  if (/^\d{1,9}(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1_000);
  const atMs = Date.parse(text);
  // A date without letters is none of HTTP's.
  if (Number.isNaN(atMs) || !/[a-z]/i.test(text)) return null;
  return Math.max(0, atMs - nowMs);
}
