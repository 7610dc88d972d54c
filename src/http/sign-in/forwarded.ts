/** Where a request came from, with proxies in between. Pure. */
import { isIP } from 'node:net';
import { containsNetwork, parseNetwork } from '../../policy/network.ts';

export type Arrival = {
  /** Of the connection. */
  readonly address: string;
  readonly isTls: boolean;
  /** The fields `X-Forwarded-For` and `X-Forwarded-Proto`; null: there were none. */
  readonly forwardedFor: string | null;
  readonly forwardedProto: string | null;
};

export type Origin = {
  /** Whoever asked, as far as trusted proxies say. */
  readonly peer: string;
  /** By TLS from there to here, or to the first trusted proxy. */
  readonly isSecure: boolean;
};

/** Fields of whoever is no trusted proxy are not looked at: anybody can write them. @param proxies networks of `http.trustedProxies` */
export function originOf(
  { address, isTls, forwardedFor, forwardedProto }: Arrival,
  proxies: readonly string[],
): Origin {
  const networks = proxies.map(parseNetwork).filter((network) => network !== null);
  const isProxy = (text: string): boolean => {
    const network = parseNetwork(text);
    return network !== null && networks.some((proxy) => containsNetwork(proxy, network));
  };
  if (!isProxy(address)) return { peer: address, isSecure: isTls };
  // Each proxy writes behind the others: from the end on, as long as those before are trusted.
  const hops = (forwardedFor ?? '').split(',').map((hop) => bareAddress(hop.trim()));
  let peer = address;
  for (const hop of hops.toReversed()) {
    if (isIP(hop) === 0) break;
    peer = hop;
    if (!isProxy(hop)) break;
  }
  const proto = forwardedProto?.split(',').at(-1)?.trim().toLowerCase();
  return { peer, isSecure: proto === undefined ? isTls : proto === 'https' };
}

/** Some write a port behind it. */
function bareAddress(hop: string): string {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(hop)?.[1];
  return bracketed ?? hop.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1');
}
