/** Where the bounces of a domain's mail come back: `domains.*.returnPath`. Pure decisions over the policy. */
import { nearestDomain } from '../message/address.ts';
import type { Policy } from './schema.ts';

/**
 * The return-path domain of a From domain. The longest domain of the policy that is `fromDomain` or above it decides, as
 * it does for signing, even where it names none.
 * @param fromDomain canonical; null: the message has none
 */
export function returnPathFor({ domains }: Policy, fromDomain: string | null): string | null {
  const domain = nearestDomain(fromDomain ?? '', (one) => Object.hasOwn(domains, one));
  return domain === null ? null : (domains[domain]?.returnPath ?? null);
}

/** Whether a domain (canonical) is the return path of any. */
export function isReturnPath(policy: Policy, domain: string): boolean {
  let known = returnPaths.get(policy);
  if (known === undefined) {
    known = new Set(Object.values(policy.domains).flatMap(({ returnPath }) => returnPath ?? []));
    returnPaths.set(policy, known);
  }
  return known.has(domain);
}

/** Whether any domain has one. */
export function hasReturnPaths({ domains }: Policy): boolean {
  return Object.values(domains).some(({ returnPath }) => returnPath !== undefined);
}

/** Collected once for each policy, not for each recipient. */
const returnPaths = new WeakMap<Policy, ReadonlySet<string>>();
