/** What everybody who signed in may do with an account of one's own, and with sessions. */
import { z } from 'zod';
import { changing } from '../../operations/audited-operations.ts';
import { problem } from '../answer.ts';
import type { RouteNeeds } from '../needs.ts';
import type { Principal } from '../principal.ts';
import { type ApiReply, type ApiRoute, type Change, defineRoute } from '../route.ts';
import { secretOfCookie } from '../sign-in/cookie.ts';
import { secretHash, sessionId } from '../sign-in/session.ts';
import { squareOf } from '../sign-in/totp.ts';
import { SCOPES } from '../token.ts';
import { USER } from './users.ts';

type Needs = Pick<RouteNeeds, 'operations' | 'signInDesk'>;

const password = z.string().max(200);
const code = z.string().max(100);
const SESSION = z.object({
  id: z.string(),
  by: z.enum(['user', 'token']),
  name: z.string(),
  createdAtMs: z.number(),
  seenAtMs: z.number(),
  endsAtMs: z.number(),
  peer: z.string(),
  agent: z.string(),
  isThis: z.boolean(),
});
const CODES = z.object({ recoveryCodes: z.array(z.string()) });
const of = { scope: null, part: 'account' } as const;

export function accountRoutes(needs: Needs): readonly ApiRoute[] {
  return [own(needs), changePassword(needs), ...secondFactor(needs), recoveryCodes(needs), ...sessions(needs)];
}

function own({ operations }: Needs): ApiRoute {
  return defineRoute({
    ...of,
    method: 'GET',
    path: '/api/v1/account',
    summary: 'Who asks, and what that may do',
    answer: z.object({
      kind: z.enum(['token', 'user']),
      name: z.string(),
      scopes: z.array(z.enum(SCOPES)),
      user: USER.nullable(),
    }),
    run: async ({ principal: { kind, name, scopes } }) => {
      const user = kind === 'user' ? ((await operations.users()).find((one) => one.name === name) ?? null) : null;
      return { kind: 'json', value: { kind, name, scopes, user } };
    },
  });
}

function changePassword({ operations, signInDesk }: Needs): ApiRoute {
  return defineRoute({
    ...of,
    method: 'POST',
    path: '/api/v1/account/password',
    summary: 'Another password of one’s own; ends all sessions of one’s own, this one too',
    body: { as: 'json', schema: z.strictObject({ current: password, password }) },
    answer: z.object({ changed: z.literal(true) }),
    run: async ({ principal, body }) => {
      const refusal = await mustKnow(signInDesk, principal, { password: body.current });
      if (refusal !== null) return refusal;
      await operations.setUserPassword({ name: principal.name, password: body.password });
      return { kind: 'json', value: { changed: true }, change: { what: 'user.password', on: principal.name } };
    },
  });
}

function secondFactor({ operations, signInDesk }: Needs): readonly ApiRoute[] {
  return [
    defineRoute({
      ...of,
      method: 'POST',
      path: '/api/v1/account/second-factor',
      summary: 'A seed for a program on a phone, told only now; it counts once it is confirmed, within 15 min',
      body: { as: 'json', schema: z.strictObject({ password }) },
      answer: z.object({ seed: z.string(), uri: z.string(), image: z.string() }),
      run: async ({ principal, body }) => {
        const refusal = await mustKnow(signInDesk, principal, body);
        if (refusal !== null) return refusal;
        const { name } = principal;
        const { seed, uri } = await operations.beginSecondFactor({ name });
        const svg = Buffer.from(await squareOf(uri)).toString('base64');
        return { kind: 'json', value: { seed, uri, image: `data:image/svg+xml;base64,${svg}` }, change: begun(name) };
      },
    }),
    defineRoute({
      ...of,
      method: 'POST',
      path: '/api/v1/account/second-factor/confirm',
      summary: 'The code that the program shows; answers with recovery codes, told only now',
      body: { as: 'json', schema: z.strictObject({ code }) },
      answer: CODES,
      run: async ({ principal, body }) => {
        if (principal.kind !== 'user') return noUser();
        const ask = { name: principal.name, code: body.code };
        const { result, change } = await changing(operations, 'confirmSecondFactor', ask);
        return { kind: 'json', value: result, change };
      },
    }),
    defineRoute({
      ...of,
      method: 'POST',
      path: '/api/v1/account/second-factor/remove',
      summary: 'Do without a second factor; ends all sessions of one’s own, this one too',
      body: { as: 'json', schema: z.strictObject({ password, code }) },
      answer: USER,
      run: async ({ principal, body }) => {
        const refusal = await mustKnow(signInDesk, principal, body);
        if (refusal !== null) return refusal;
        const { result, change } = await changing(operations, 'removeSecondFactor', { name: principal.name });
        return { kind: 'json', value: result, change };
      },
    }),
  ];
}

function recoveryCodes({ operations, signInDesk }: Needs): ApiRoute {
  return defineRoute({
    ...of,
    method: 'POST',
    path: '/api/v1/account/recovery-codes',
    summary: 'Ten other recovery codes, told only now; those before are good no more',
    body: { as: 'json', schema: z.strictObject({ password, code }) },
    answer: CODES,
    run: async ({ principal, body }) => {
      const refusal = await mustKnow(signInDesk, principal, body);
      if (refusal !== null) return refusal;
      const value = await operations.renewRecoveryCodes({ name: principal.name });
      return { kind: 'json', value, change: { what: 'user.recovery-codes', on: principal.name } };
    },
  });
}

/** It counts for nothing yet. */
function begun(name: string): Change {
  return { what: 'user.second-factor.begin', on: name };
}

function sessions({ operations }: Needs): readonly ApiRoute[] {
  return [
    defineRoute({
      ...of,
      method: 'GET',
      path: '/api/v1/sessions',
      summary: 'Sign-ins in force: one’s own; of all for who has the scope admin',
      answer: z.object({ sessions: z.array(SESSION) }),
      run: async ({ principal, header, isSecure }) => {
        const secret = secretOfCookie(header('cookie') ?? undefined, isSecure);
        const here = secret === null ? null : sessionId(secretHash(secret) ?? '');
        const found = (await operations.sessions({ user: null })).filter((one) => mayEnd(principal, one));
        return { kind: 'json', value: { sessions: found.map((one) => ({ ...one, isThis: one.id === here })) } };
      },
    }),
    defineRoute({
      ...of,
      method: 'DELETE',
      path: '/api/v1/sessions/{id}',
      summary: 'End a sign-in: one’s own; any for who has the scope admin',
      answer: z.object({ ended: z.number() }),
      run: async ({ principal, params: { id = '' } }) => {
        const session = (await operations.sessions({ user: null })).find((one) => one.id === id);
        if (session === undefined || !mayEnd(principal, session))
          return { kind: 'answer', answer: problem(404, 'there is no such sign-in') };
        const value = await operations.endSessions({ id, user: null });
        return {
          kind: 'json',
          value,
          change: { what: 'session.end', on: session.name, before: { peer: session.peer } },
        };
      },
    }),
  ];
}

function mayEnd(
  { kind, name, scopes }: Principal,
  session: { readonly by: 'user' | 'token'; readonly name: string },
): boolean {
  return scopes.includes('admin') || (session.by === kind && session.name === name);
}

/** Whoever found a browser open must not get hold of the account. @returns null: it is really the user */
async function mustKnow(
  desk: Needs['signInDesk'],
  { kind, name, peer }: Principal,
  { password: given, code: shown }: { readonly password: string; readonly code?: string },
): Promise<ApiReply | null> {
  if (kind !== 'user') return noUser();
  const checked = await desk.isOwner({ name, password: given, code: shown ?? null, peer });
  switch (checked) {
    case 'right':
      return null;
    case 'wrong':
      return {
        kind: 'answer',
        answer: problem(403, shown === undefined ? 'the password is wrong' : 'password or code is wrong'),
      };
    case 'barred':
      return { kind: 'answer', answer: problem(429, 'too many failed attempts: wait') };
    case 'busy':
      return { kind: 'answer', answer: problem(503, 'too many at this moment: try again') };
  }
}

function noUser(): ApiReply {
  return { kind: 'answer', answer: problem(409, 'a token has neither password nor second factor: sign in as a user') };
}
