/** Whom the HTTP listener may be open to, and by which names. Pure. */
import { isIP } from 'node:net';
import { isLoopback } from './loopback.ts';
import type { Policy } from './schema.ts';

/** The files of the certificate that it speaks TLS with; null: clear text. */
export function httpPair({ http, tls }: Pick<Policy, 'http' | 'tls'>): { cert: string; key: string } | null {
  if (http.tls === false) return null;
  return http.tls === true ? { cert: tls.cert, key: tls.key } : http.tls;
}

/** The address of `http.listen`, without brackets. */
export function httpAddress({ http }: Pick<Policy, 'http'>): string {
  const written = http.listen.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return written === 'localhost' ? '127.0.0.1' : written;
}

/** Why it is not opened, and what to do; null: it may be. */
export function httpRefusal(policy: Pick<Policy, 'http'>): string | null {
  const { listen, tls, trustedProxies } = policy.http;
  if (isLoopback(httpAddress(policy)) || tls !== false || trustedProxies.length > 0) return null;
  const port = /\d+$/.exec(listen)?.[0] ?? '8080';
  return (
    `${listen} is not a loopback address, and in clear text passwords and tokens would be shown to the network: it is not opened, ` +
    'and mail goes on without it. Set http.tls: true (who reads /metrics or /readyz then asks https://), or, with a proxy with TLS before it, ' +
    `http.trustedProxies to the proxy’s address, or http.listen: 127.0.0.1:${port}`
  );
}

/**
 * Whether a request's Host is a name of this relay. A page of somebody else whose name was made to lead here (DNS rebinding)
 * comes with that other name; with an address nobody can be made to come.
 * @param host undefined: there was none, which no browser does
 */
export function isOwnHost(host: string | undefined, { http, hostname }: Pick<Policy, 'http' | 'hostname'>): boolean {
  if (host === undefined) return true;
  const name = host
    .toLowerCase()
    .replace(/:\d{1,5}$/, '')
    .replace(/\.$/, '');
  if (isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0) return true;
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  const publicHost = http.publicUrl === null ? null : (URL.parse(http.publicUrl)?.hostname ?? null);
  return name === hostname || name === publicHost || http.names.includes(name);
}
