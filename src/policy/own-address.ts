/** The address by which others know an exit. Pure. */
import { isIP } from 'node:net';
import { formatNetwork, parseNetwork } from './network.ts';
import type { EgressPolicy } from './schema.ts';

/**
 * The one that its mail comes from for the servers that take it, in one spelling: what `address` says; else the local address
 * that an `mx` exit is bound to, or the server of an `smtp` exit where that is given by its address. null: not known.
 */
export function ownAddressOf(egress: EgressPolicy): string | null {
  if (egress.address !== null) return oneSpelling(egress.address);
  if (egress.type === 'mx') return egress.bind === null ? null : oneSpelling(egress.bind);
  return egress.type === 'smtp' && isIP(egress.host) !== 0 ? oneSpelling(egress.host) : null;
}

/** IPv6 as RFC 5952 §4 has it, and an IPv4 address in IPv6 as IPv4. */
function oneSpelling(address: string): string {
  const network = parseNetwork(address);
  return network === null ? address : (formatNetwork(network).split('/', 1)[0] ?? address);
}
