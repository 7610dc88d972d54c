/** Whether a request to sign in or out came from a page of ours. */
import type { IncomingHttpHeaders } from 'node:http';

/**
 * A page of another site could have a browser sign in as somebody else (login CSRF), who would then see what is done. Browsers say
 * where a request comes from; what says nothing is no browser.
 */
export function isFromElsewhere(
  headers: Pick<IncomingHttpHeaders, 'origin' | 'host'> & Readonly<Record<string, unknown>>,
): boolean {
  const site = headers['sec-fetch-site'];
  if (typeof site === 'string') return site !== 'same-origin' && site !== 'none';
  const { origin, host } = headers;
  if (origin === undefined) return false;
  return URL.parse(origin)?.host !== host?.toLowerCase();
}
