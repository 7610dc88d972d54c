/** What the event of a moved delivery says. */
export function movedText(sendAtMs: number): string {
  return `an operator moved it to ${new Date(sendAtMs).toISOString()}`;
}

/**
 * When a delivery comes up that an operator released: now, unless it was due before; scheduled mail at its time.
 * @param dueAtMs as it was
 */
export function releasedDueMs(
  dueAtMs: number,
  { sendAtMs, atMs }: { readonly sendAtMs: number | undefined; readonly atMs: number },
): number {
  return sendAtMs !== undefined && sendAtMs > atMs ? sendAtMs : Math.min(dueAtMs, atMs);
}
