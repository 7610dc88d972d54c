/** The DNS records that mail of a domain needs, as the policy and its keys have it. */
import { returnPathFor } from '../policy/return-path.ts';
import type { Policy } from '../policy/schema.ts';
import { openKeyring } from '../sign/keyring.ts';
import { type DnsRecord, recordsToPublish } from '../sign/records.ts';

export type DomainRecords = { readonly records: readonly DnsRecord[]; readonly problems: readonly string[] };

/** `problems`: keys that cannot be read, or that there are none. */
export async function domainRecords(policy: Policy, domain: string): Promise<DomainRecords> {
  const keyring = await openKeyring(policy.domains);
  const keys = keyring.keysFor(domain);
  const problems = keyring.problems().map(({ text }) => text);
  if (keys.length === 0) problems.push(`no DKIM key signs for ${domain}: \`relevo dkim keygen ${domain}\` makes one`);
  const records = recordsToPublish({
    domain,
    keys,
    hostname: policy.hostname,
    returnPath: returnPathFor(policy, domain),
    addresses: addressesOf(policy),
    includes: [],
    reportsTo: policy.postmaster,
  });
  return { records, problems };
}

/** Those that the policy names; an exit that leaves by whatever address the system picks has none that is known. */
function addressesOf(policy: Policy): string[] {
  return Object.values(policy.egress).flatMap((exit) => {
    if (!exit.enabled) return [];
    if (exit.type === 'mx') return [exit.address ?? exit.bind].filter((address) => address !== null);
    return exit.type === 'smtp' && exit.address !== null ? [exit.address] : [];
  });
}
