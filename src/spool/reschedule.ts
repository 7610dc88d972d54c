/** What the event of a moved delivery says. */
export function movedText(sendAtMs: number): string {
  return `an operator moved it to ${new Date(sendAtMs).toISOString()}`;
}
