/** Who may ask: by a token, or by having signed in. Whoever is neither learns nothing. */
import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Clock, Emit } from '../ports.ts';
import { type Answer, problem } from './answer.ts';
import type { Principal } from './principal.ts';
import { hashOf, SCOPES, type Token, type TokenCheck } from './token.ts';

/** Somebody who signed in; what changes something shows `csrf`. */
export type Session = { readonly principal: Principal; readonly csrf: string };

/** What tells who asks. */
export type Caller = {
  readonly headers: IncomingHttpHeaders;
  readonly peer: string;
  /** It came by TLS, to here or to a proxy that is trusted. */
  readonly isSecure: boolean;
};

/** null: nobody whom it knows. @throws SpoolError where it cannot be known now */
export type SessionOf = (caller: Caller) => Promise<Session | null>;

/** Failed attempts by address, within bounds. */
export type AttemptLimits = {
  isBarred(peer: string): boolean;
  failed(peer: string): void;
  /** After so many seconds at most one that is barred may try again. */
  barredSeconds(): number;
};

export type AdmissionNeeds = {
  readonly clock: Clock;
  readonly emit: Emit;
  /** @throws SpoolError where it cannot be known now */
  readonly check: (hash: Buffer) => Promise<TokenCheck>;
  readonly attempts: AttemptLimits;
  /** Why a token that is good is not let do anything now; null: it is. Default: each is. */
  readonly gate?: (token: Token, peer: string) => Answer | null;
  readonly sessionOf: SessionOf;
};

export type Admission =
  /** `csrf` null: by a token, which no other site can have a browser send. */
  | { readonly kind: 'admitted'; readonly principal: Principal; readonly csrf: string | null }
  /** Neither a token nor a session was shown. */
  | { readonly kind: 'unknown'; readonly answer: Answer }
  /** `by`: who it was, where that is known. */
  | { readonly kind: 'refused'; readonly answer: Answer; readonly by?: Principal };

const REALM = 'Bearer realm="relevo"';
const CSRF_FIELD = 'x-relevo-csrf';

/**
 * A token that is good opens whatever others did from the same address, which may be that of a proxy before all of them: to
 * guess one of 256 bits is hopeless at any rate. What is limited is what those who fail cost and write into the log.
 * @param shown a token; null: none was; '': what was shown cannot be one
 */
export async function admit(needs: AdmissionNeeds, caller: Caller, shown: string | null): Promise<Admission> {
  if (shown !== null) return admitToken(needs, caller, hashOf(shown));
  const session = await needs.sessionOf(caller);
  if (session !== null) return { kind: 'admitted', ...session };
  return { kind: 'unknown', answer: unauthorized(REALM, 'show a token: Authorization: Bearer rlv_…') };
}

/** Who has a token. @param hash of its text; null: what was shown cannot be one */
export async function admitToken(
  needs: Omit<AdmissionNeeds, 'sessionOf'>,
  { peer }: Pick<Caller, 'peer'>,
  hash: Buffer | null,
): Promise<Admission> {
  const { check, attempts, clock, emit, gate } = needs;
  const checked: TokenCheck = hash === null ? { kind: 'unknown' } : await check(hash);
  if (checked.kind === 'valid') {
    const principal = holderOf(checked.token, peer);
    const refusal = gate?.(checked.token, peer) ?? null;
    return refusal === null
      ? { kind: 'admitted', principal, csrf: null }
      : { kind: 'refused', answer: refusal, by: principal };
  }
  if (attempts.isBarred(peer)) {
    const retry = { 'retry-after': String(attempts.barredSeconds()) };
    return refused(problem(429, 'too many wrong tokens from this address: wait', retry));
  }
  attempts.failed(peer);
  const reason = checked.kind === 'expired' ? 'the token has expired' : 'the token is not known';
  const user = checked.kind === 'expired' ? checked.token.name : '';
  emit({ event: 'auth-failed', atMs: clock.nowMs(), peer, user, reason: `API: ${reason}` });
  return refused(unauthorized(`${REALM}, error="invalid_token"`, reason));
}

function holderOf({ name, scopes, client }: Token, peer: string): Principal {
  const given = SCOPES.filter((scope) => scopes.includes(scope));
  return { kind: 'token', name, scopes: given, peer, ...(client === undefined ? {} : { client }) };
}

/** RFC 6750 §2.1: the only way to show one; in a query it would stand in logs. null: none was shown */
export function bearerOf(authorization: string | undefined): string | null {
  if (authorization === undefined) return null;
  return /^bearer +(\S+) *$/i.exec(authorization)?.[1] ?? '';
}

/** @returns why what was asked is not done; null: it is */
export function scopeRefusal(
  { kind, name, scopes }: Principal,
  scope: Principal['scopes'][number] | null,
): Answer | null {
  if (scope === null || scopes.includes(scope)) return null;
  const challenge = { 'www-authenticate': `${REALM}, error="insufficient_scope", scope="${scope}"` };
  return problem(403, `the ${kind} "${name}" has not the scope ${scope}`, kind === 'token' ? challenge : {});
}

/** What a page of another site has a browser send comes without it. @returns null: it is there, or not called for */
export function csrfRefusal(csrf: string | null, headers: IncomingHttpHeaders): Answer | null {
  if (csrf === null) return null;
  const given = Buffer.from(String(headers[CSRF_FIELD] ?? ''));
  const wanted = Buffer.from(csrf);
  if (given.length === wanted.length && timingSafeEqual(given, wanted)) return null;
  return problem(403, 'the field X-Relevo-CSRF is not that of this session: load the page again');
}

function refused(answer: Answer): Admission {
  return { kind: 'refused', answer };
}

/** RFC 6750 §3. */
function unauthorized(challenge: string, detail: string): Answer {
  return problem(401, detail, { 'www-authenticate': challenge });
}
