/** A wall time as a header has it (RFC 5322 §3.3), in UTC: `Fri, 20 Nov 2026 10:00:00 +0000`. */
export function formatMailDate(atMs: number): string {
  return new Date(atMs).toUTCString().replace('GMT', '+0000');
}
