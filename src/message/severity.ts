/** How bad something is. `critical`: mail does not flow, or may be lost. `warning`: it will not, if nobody does anything. `info`: good to know. */
export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Greater is worse. */
export function rankOf(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}
