/** Where the bounces of a domain's mail come back: `domains.*.returnPath`. Pure decisions over the policy. */
import { nearestDomain } from '../message/address.ts';
import type { Policy } from './schema.ts';

/**
 * The return-path domain of a From domain. The longest domain of the policy that is `fromDomain` or above it decides, as
 * it does for signing, even where it names none.
 * @param fromDomain canonical; null: the message has none
 */
export function returnPathFor({ domains }: Policy, fromDomain: string | null): string | null {
  return entryOf({ domains }, fromDomain)?.returnPath ?? null;
}

function entryOf(
  { domains }: Pick<Policy, 'domains'>,
  fromDomain: string | null,
): Policy['domains'][string] | undefined {
  const domain = nearestDomain(fromDomain ?? '', (one) => Object.hasOwn(domains, one));
  return domain === null ? undefined : domains[domain];
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

/** Whether each recipient of mail from that domain is to have a return path of its own. */
export function isPathPerRecipient(policy: Policy, fromDomain: string | null): boolean {
  return entryOf(policy, fromDomain)?.verp === 'recipient' && returnPathFor(policy, fromDomain) !== null;
}

/** Where complaints about mail from that domain are taken; null: nowhere. */
export function complaintAddressFor(policy: Policy, fromDomain: string | null): string | null {
  const entry = entryOf(policy, fromDomain);
  const [local] = entry?.complaints ?? [];
  return local === undefined || entry?.returnPath === undefined ? null : `${local}@${entry.returnPath}`;
}

/** Whether complaints are taken at an address (its domain canonical). Case does not count. */
export function isComplaintAddress(policy: Policy, address: string): boolean {
  let known = complaintAddresses.get(policy);
  if (known === undefined) {
    const entries = Object.values(policy.domains);
    known = new Set(
      entries.flatMap(({ returnPath, complaints }) =>
        returnPath === undefined ? [] : complaints.map((local) => `${local}@${returnPath}`),
      ),
    );
    complaintAddresses.set(policy, known);
  }
  return known.size > 0 && known.has(address.toLowerCase());
}

/** Whether any domain has one. */
export function hasReturnPaths({ domains }: Policy): boolean {
  return Object.values(domains).some(({ returnPath }) => returnPath !== undefined);
}

/** Collected once for each policy, not for each recipient. */
const returnPaths = new WeakMap<Policy, ReadonlySet<string>>();
const complaintAddresses = new WeakMap<Policy, ReadonlySet<string>>();
