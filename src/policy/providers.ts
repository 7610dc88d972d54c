/** Which mailbox provider a receiving host belongs to, by the policy's `shaping` and the shipped one. Pure. */
import type { Policy } from './schema.ts';
import { shapeOf } from './shaping.ts';

/** @returns its name in lower case, such as `google`; `other` where it is none of the known ones */
export function providerOf(policy: Pick<Policy, 'shaping'>, host: string | null): string {
  return host === null ? 'other' : (shapeOf(policy.shaping, host).provider ?? 'other');
}
