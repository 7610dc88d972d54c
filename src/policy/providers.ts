/** Which mailbox provider a receiving host belongs to, by the policy's `shaping` and the shipped one. Pure. */
import type { Policy } from './schema.ts';

/** @returns its name in lower case, such as `google`; `other` where it is none of the known ones */
export function providerOf(_policy: Policy, _host: string | null): string {
  return 'other';
}
