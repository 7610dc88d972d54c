/** The cookie that a browser shows for its session. */

/** By TLS nothing but this very host can have set one of that name (a cookie name with the prefix __Host-). */
const SECURE_NAME = '__Host-relevo';
const CLEAR_NAME = 'relevo';

/** The session's text that a request shows; null: none. @param field the header field `Cookie` */
export function secretOfCookie(field: string | undefined, isSecure: boolean): string | null {
  const wanted = isSecure ? SECURE_NAME : CLEAR_NAME;
  for (const pair of (field ?? '').split(';')) {
    const [name = '', ...value] = pair.split('=');
    if (name.trim() === wanted) return value.join('=').trim();
  }
  return null;
}

/**
 * The field `Set-Cookie`. Lax: who follows a link from an alert is signed in; what changes something needs more than the cookie.
 * @param secret null: the browser forgets it
 */
export function sessionCookie(
  secret: string | null,
  { isSecure, forMs }: { isSecure: boolean; forMs: number },
): string {
  const name = isSecure ? SECURE_NAME : CLEAR_NAME;
  const seconds = secret === null ? 0 : Math.floor(forMs / 1_000);
  const flags = ['Path=/', `Max-Age=${seconds}`, 'HttpOnly', 'SameSite=Lax', ...(isSecure ? ['Secure'] : [])];
  return [`${name}=${secret ?? ''}`, ...flags].join('; ');
}
