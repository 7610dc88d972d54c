/** The names of the hosts that take mail for a domain, for those who need no addresses. */
import { literalAddress, parseDomain } from '../../message/address.ts';
import type { Dns } from '../../ports.ts';

/**
 * The best first, equals by name, so that all who ask come to the same; empty: the domain is its own host
 * (RFC 5321 §5.1). null: not known now, or no mail is taken for it (RFC 7505 §3). Never rejects.
 */
export async function mxHosts(domain: string, dns: Pick<Dns, 'mx'>): Promise<readonly string[] | null> {
  if (literalAddress(domain) !== null) return [];
  const answer = await dns.mx(domain);
  if (answer.kind === 'none') return [];
  if (answer.kind !== 'found') return null;
  const hosts = answer.records
    .toSorted((a, b) => a.preference - b.preference || (a.exchange < b.exchange ? -1 : 1))
    .flatMap(({ exchange }) => parseDomain(exchange) ?? []);
  return hosts.length === 0 ? null : hosts;
}
