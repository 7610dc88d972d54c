/** Whether a request to sign in came from a page of ours. Pure. */

export type Said = {
  /** The fields `Origin`, `Host` and `Sec-Fetch-Site`. */
  readonly origin: string | undefined;
  readonly host: string | undefined;
  readonly site: string | undefined;
};

/**
 * A page of another site could have a browser sign in as somebody else (login CSRF), who would then see what is done. Browsers say
 * where a request comes from; what says nothing is no browser.
 */
export function isFromElsewhere({ origin, host, site }: Said): boolean {
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  return origin !== undefined && URL.parse(origin)?.host !== host?.toLowerCase();
}
