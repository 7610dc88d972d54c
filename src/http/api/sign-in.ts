/** Signing in at the pages, and out. */
import { z } from 'zod';
import { isLoopback } from '../../policy/loopback.ts';
import { type Answer, problem } from '../answer.ts';
import { faulty } from '../faults.ts';
import type { RouteNeeds } from '../needs.ts';
import { ownPlace } from '../pages/language.ts';
import { type ApiCall, type ApiReply, type ApiRoute, defineRoute } from '../route.ts';
import { secretOfCookie, sessionCookie } from '../sign-in/cookie.ts';
import type { SignInResult } from '../sign-in/desk.ts';
import { isFromElsewhere } from '../sign-in/same-origin.ts';

type Needs = Pick<RouteNeeds, 'policy' | 'signInDesk'>;

const text = z.string().max(500);
const next = z.string().max(2_000).exactOptional();
const SIGN_IN = z.strictObject({
  name: text.exactOptional(),
  password: text.exactOptional(),
  token: text.exactOptional(),
  next,
});
const CODE = z.strictObject({ ticket: text, code: text, next });
const ANSWER = z.union([
  z.object({ kind: z.literal('signed-in'), next: z.string() }),
  z.object({ kind: z.literal('code-wanted'), ticket: z.string() }),
]);
const BUSY_SECONDS = '5';

/** Answers with a cookie. A session by a token may do what the token may. */
export function signInRoutes(needs: Needs): readonly ApiRoute[] {
  const { signInDesk } = needs;
  const open = {
    method: 'POST',
    scope: null,
    part: 'sign-in',
    isOpen: true,
    answer: ANSWER,
    unaudited: 'audits-itself',
  } as const;
  return [
    defineRoute({
      ...open,
      path: '/api/v1/sign-in',
      summary: 'Sign in at the pages, by name and password or by a token',
      body: { as: 'json', schema: SIGN_IN },
      run: async (call) => {
        const refusal = refusalOf(call);
        if (refusal !== null) return { kind: 'answer', answer: refusal };
        const { name, password, token } = call.body;
        if (token !== undefined) return replyOf(needs, call, await signInDesk.byToken(token, visitorOf(call)));
        if (name !== undefined && password !== undefined)
          return replyOf(needs, call, await signInDesk.byPassword(name, password, visitorOf(call)));
        return { kind: 'answer', answer: faulty([{ in: 'body', path: '', text: 'send name and password, or token' }]) };
      },
    }),
    defineRoute({
      ...open,
      path: '/api/v1/sign-in/code',
      summary: 'The code of the second factor, or a recovery code, with the ticket of the password',
      body: { as: 'json', schema: CODE },
      run: async (call) => {
        const refusal = refusalOf(call);
        if (refusal !== null) return { kind: 'answer', answer: refusal };
        const { ticket, code } = call.body;
        return replyOf(needs, call, await signInDesk.byCode(ticket, code, visitorOf(call)));
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/api/v1/sign-out',
      scope: null,
      part: 'sign-in',
      summary: 'End the session that asks for it',
      answer: z.object({ signedOut: z.literal(true) }),
      run: async ({ principal, header, isSecure }) => {
        const secret = secretOfCookie(header('cookie') ?? undefined, isSecure);
        if (secret !== null) await signInDesk.signOut(secret);
        const headers = { 'set-cookie': sessionCookie(null, { isSecure, forMs: 0 }) };
        const change = { what: 'sign-out', on: principal.name };
        return { kind: 'json', value: { signedOut: true }, headers, change };
      },
    }),
  ];
}

type Asking = Pick<ApiCall<unknown, unknown>, 'principal' | 'header' | 'isSecure'>;

/** @returns why nobody signs in by this request, whatever is in it; null: one may */
function refusalOf({ principal, header, isSecure }: Asking): Answer | null {
  const origin = { origin: header('origin') ?? undefined, host: header('host') ?? undefined };
  if (isFromElsewhere({ ...origin, site: header('sec-fetch-site') ?? undefined }))
    return problem(403, 'this came from a page of somebody else');
  if (isSecure || isLoopback(principal.peer)) return null;
  return problem(
    403,
    'only by https: a proxy before this relay has to be in http.trustedProxies, and to send X-Forwarded-Proto',
  );
}

function visitorOf({ principal, header, isSecure }: Asking) {
  const before = secretOfCookie(header('cookie') ?? undefined, isSecure);
  return { peer: principal.peer, agent: header('user-agent') ?? '', before };
}

async function replyOf(
  { policy }: Needs,
  { isSecure, body }: Asking & { readonly body: { readonly next?: string } },
  result: SignInResult,
): Promise<ApiReply> {
  switch (result.kind) {
    case 'signed-in': {
      const headers = {
        'set-cookie': sessionCookie(result.secret, { isSecure, forMs: policy().http.sessions.longestMs }),
      };
      // Who may not read sees one page, with what he may do.
      const place = result.scopes.includes('read') ? ownPlace(body.next ?? null) : '/access';
      return { kind: 'json', value: { kind: 'signed-in', next: place }, headers };
    }
    case 'code-wanted':
      return { kind: 'json', value: result };
    case 'wrong':
      if (result.isOver) return wrong(410, 'too late: give name and password again');
      return wrong(401, result.what, { 'www-authenticate': 'Bearer realm="relevo"' });
    case 'barred':
      return wrong(429, 'too many failed attempts: wait', { 'retry-after': String(result.seconds) });
    case 'busy':
      return wrong(503, 'too many sign in at this moment: try again', { 'retry-after': BUSY_SECONDS });
  }
}

function wrong(status: number, detail: string, headers: Readonly<Record<string, string>> = {}): ApiReply {
  return { kind: 'answer', answer: problem(status, detail, headers) };
}
