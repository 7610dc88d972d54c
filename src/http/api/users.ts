/** The people who sign in at the pages, as an admin sees them. */
import { z } from 'zod';
import type { UserStatus } from '../../operations/user-operations.ts';
import { changing } from '../../operations/audited-operations.ts';
import { problem } from '../answer.ts';
import type { RouteNeeds } from '../needs.ts';
import type { Principal } from '../principal.ts';
import { type ApiReply, type ApiRoute, defineRoute } from '../route.ts';
import { ROLES } from '../sign-in/user.ts';

export const USER = z.object({
  name: z.string(),
  role: z.enum(ROLES),
  createdAtMs: z.number(),
  passwordAtMs: z.number(),
  isDisabled: z.boolean(),
  secondFactorSinceMs: z.number().nullable(),
  recoveryCodesLeft: z.number(),
  lastSignIn: z.object({ atMs: z.number(), peer: z.string() }).nullable(),
});
/** `password`: only where one was made; it is nowhere else. */
const USER_WITH_PASSWORD = USER.extend({ password: z.string().nullable() });
const name = z.string().min(1).max(64);
const password = z.string().max(200).nullable().exactOptional();

export function userRoutes(needs: Pick<RouteNeeds, 'operations'>): readonly ApiRoute[] {
  return [...listing(needs), altering(needs), ...renewing(needs), removing(needs)];
}

function listing({ operations }: Pick<RouteNeeds, 'operations'>): readonly ApiRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/api/v1/users',
      scope: 'admin',
      part: 'users',
      summary: 'All users: `relevo user list --json`',
      answer: z.object({ users: z.array(USER) }),
      run: async () => ({ kind: 'json', value: { users: await operations.users() } }),
    }),
    defineRoute({
      method: 'POST',
      path: '/api/v1/users',
      scope: 'admin',
      part: 'users',
      summary: 'Add a user; without a password one is made, and told only now',
      body: { as: 'json', schema: z.strictObject({ name, role: z.enum(ROLES), password }) },
      answer: USER_WITH_PASSWORD,
      run: async ({ body }) => {
        const value = await operations.addUser({ ...body, password: body.password ?? null });
        return {
          kind: 'json',
          status: 201,
          value,
          change: { what: 'user.add', on: value.name, after: { role: value.role } },
        };
      },
    }),
  ];
}

const of = { scope: 'admin', part: 'users' } as const;

type Named = (wanted: string) => Promise<UserStatus | null>;

function namedBy({ users }: Pick<RouteNeeds['operations'], 'users'>): Named {
  return async (wanted) => (await users()).find((user) => user.name === wanted) ?? null;
}

function altering({ operations }: Pick<RouteNeeds, 'operations'>): ApiRoute {
  const named = namedBy(operations);
  return defineRoute({
    ...of,
    method: 'PATCH',
    path: '/api/v1/users/{name}',
    summary: 'Give a user another role, or disable or enable one; ends the sessions of the user',
    body: {
      as: 'json',
      schema: z.strictObject({ role: z.enum(ROLES).exactOptional(), isDisabled: z.boolean().exactOptional() }),
    },
    answer: USER,
    run: async ({ principal, params: { name: wanted = '' }, body: { role, isDisabled } }) => {
      const before = await named(wanted);
      if (before === null) return missing(wanted);
      if (isSelf(principal, wanted)) return notSelf();
      let after = before;
      if (role !== undefined) after = await operations.setUserRole({ name: wanted, role });
      if (isDisabled !== undefined) after = await operations.setUserDisabled({ name: wanted, isDisabled });
      const what = isDisabled === undefined ? 'user.role' : isDisabled ? 'user.disable' : 'user.enable';
      return {
        kind: 'json',
        value: after,
        change: { what, on: wanted, before: partsOf(before), after: partsOf(after) },
      };
    },
  });
}

function renewing({ operations }: Pick<RouteNeeds, 'operations'>): readonly ApiRoute[] {
  const named = namedBy(operations);
  return [
    defineRoute({
      ...of,
      method: 'POST',
      path: '/api/v1/users/{name}/password',
      summary: 'Give a user another password; without one it is made, and told only now. Ends the sessions of the user',
      body: { as: 'json', schema: z.strictObject({ password }) },
      answer: USER_WITH_PASSWORD,
      run: async ({ principal, params: { name: wanted = '' }, body }) => {
        if ((await named(wanted)) === null) return missing(wanted);
        // Whoever finds a browser open does not know the password, and must not get around that.
        if (isSelf(principal, wanted)) return notHere();
        const value = await operations.setUserPassword({ name: wanted, password: body.password ?? null });
        return { kind: 'json', value, change: { what: 'user.password', on: wanted } };
      },
    }),
    defineRoute({
      ...of,
      method: 'DELETE',
      path: '/api/v1/users/{name}/second-factor',
      summary: 'Remove the second factor of a user whose phone is gone; ends the sessions of the user',
      answer: USER,
      run: async ({ principal, params: { name: wanted = '' } }) => {
        if ((await named(wanted)) === null) return missing(wanted);
        if (isSelf(principal, wanted)) return notHere();
        const { result, change } = await changing(operations, 'removeSecondFactor', { name: wanted });
        return { kind: 'json', value: result, change };
      },
    }),
  ];
}

function removing({ operations }: Pick<RouteNeeds, 'operations'>): ApiRoute {
  const named = namedBy(operations);
  return defineRoute({
    ...of,
    method: 'DELETE',
    path: '/api/v1/users/{name}',
    summary: 'Remove a user; ends the sessions of the user',
    answer: z.object({ name: z.string(), removed: z.literal(true) }),
    run: async ({ principal, params: { name: wanted = '' } }) => {
      if ((await named(wanted)) === null) return missing(wanted);
      if (isSelf(principal, wanted)) return notSelf();
      const { result, change } = await changing(operations, 'removeUser', { name: wanted });
      return { kind: 'json', value: result, change };
    },
  });
}

function partsOf({ role, isDisabled }: UserStatus): { role: string; isDisabled: boolean } {
  return { role, isDisabled };
}

/** So that there is always one admin left who can. */
function isSelf({ kind, name: own }: Principal, wanted: string): boolean {
  return kind === 'user' && own === wanted;
}

function notSelf(): ApiReply {
  return { kind: 'answer', answer: problem(409, 'that is yourself: another admin can do it, or `relevo user`') };
}

function notHere(): ApiReply {
  return { kind: 'answer', answer: problem(409, 'that is yourself: /api/v1/account, with your password') };
}

function missing(wanted: string): ApiReply {
  return { kind: 'answer', answer: problem(404, `there is no user ${wanted}`) };
}
