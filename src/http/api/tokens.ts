/** Tokens of the API: for admins. */
import { z } from 'zod';
import { changing } from '../../operations/audited-operations.ts';
import { formatNetwork, parseNetwork, withoutHostBits } from '../../policy/network.ts';
import { parseRate } from '../../policy/units.ts';
import { problem } from '../answer.ts';
import type { RouteNeeds } from '../needs.ts';
import { type ApiReply, type ApiRoute, defineRoute } from '../route.ts';
import { isTokenName, SCOPES } from '../token.ts';

type TokenNeeds = Pick<RouteNeeds, 'operations' | 'policy'>;

const PATH = '/api/v1/tokens';
const DAY_MS = 86_400_000;
const MOST_NETWORKS = 100;

const token = z.looseObject({
  name: z.string(),
  scopes: z.array(z.string()),
  createdAtMs: z.number(),
  rotatedAtMs: z.number().nullable(),
  expiresAtMs: z.number().nullable(),
  isExpired: z.boolean(),
  previousUntilMs: z.number().nullable(),
  lastUsedAtMs: z.number().nullable(),
  lastUsedFrom: z.string().nullable(),
});
const issued = token.extend({
  token: z.string().meta({ description: 'Shown this once.' }),
  accessKeyId: z.string().exactOptional(),
  secretAccessKey: z.string().exactOptional().meta({ description: 'Shown this once.' }),
});

const network = z
  .string()
  .max(64)
  .transform((text, context) => {
    const parsed = parseNetwork(text.trim());
    if (parsed !== null) return formatNetwork(withoutHostBits(parsed));
    context.addIssue({ code: 'custom', message: 'expected an address or a network such as 192.0.2.0/24' });
    return z.NEVER;
  });

const rate = z
  .string()
  .max(32)
  .transform((text, context) => {
    const parsed = parseRate(text);
    if (parsed !== null && parsed.count > 0) return parsed;
    context.addIssue({ code: 'custom', message: 'expected a rate such as 100/m' });
    return z.NEVER;
  });

const asked = z.strictObject({
  name: z
    .string()
    .refine(isTokenName, 'expected 1 to 64 letters, digits, dots, dashes and underscores, a letter or digit first'),
  scopes: z.array(z.enum(SCOPES)).min(1),
  days: z.coerce
    .number()
    .int()
    .min(1)
    .max(3_650)
    .exactOptional()
    .meta({ description: 'Default: until it is revoked.' }),
  rate: rate.exactOptional().meta({ description: 'Requests, such as `100/m`. Default: as many as like.' }),
  networks: z
    .array(network)
    .max(MOST_NETWORKS)
    .exactOptional()
    .meta({ description: 'From where. Default: everywhere.' }),
  client: z.string().max(64).exactOptional().meta({ description: 'The client of the policy that it submits mail as.' }),
  withAccessKey: z
    .boolean()
    .exactOptional()
    .meta({ description: 'With an access key beside it, for programs with the AWS SDK. Default: false.' }),
});

export function tokenRoutes(needs: TokenNeeds): readonly ApiRoute[] {
  return [listRoute(needs), createRoute(needs), rotateRoute(needs), revokeRoute(needs)];
}

function listRoute({ operations }: TokenNeeds): ApiRoute {
  return defineRoute({
    method: 'GET',
    path: PATH,
    scope: 'admin',
    part: 'tokens',
    summary: 'All tokens, what each may do, until when, and when it was used last; never the tokens themselves',
    answer: z.object({ tokens: z.array(token) }),
    run: async () => ({ kind: 'json', value: { tokens: await operations.tokens() } }),
  });
}

function createRoute({ operations }: TokenNeeds): ApiRoute {
  return defineRoute({
    method: 'POST',
    path: PATH,
    scope: 'admin',
    part: 'tokens',
    summary: 'Makes a token, which is shown once',
    body: { as: 'json', schema: asked },
    answer: issued,
    run: async ({ body: { days, networks = [], ...terms } }) => {
      if (await isThere(operations, terms.name))
        return {
          kind: 'answer',
          answer: problem(409, `there is a token ${terms.name}: rotate it, or revoke it first`),
        };
      // A form whose field is empty sends none.
      const from = networks.length === 0 ? {} : { networks };
      const ask = { ...terms, ...from, lifetimeMs: days === undefined ? null : days * DAY_MS };
      const { result, change } = await changing(operations, 'createToken', ask);
      return { kind: 'json', status: 201, value: result, change };
    },
  });
}

function rotateRoute({ operations }: TokenNeeds): ApiRoute {
  return defineRoute({
    method: 'POST',
    path: `${PATH}/{name}/rotate`,
    scope: 'admin',
    part: 'tokens',
    summary: 'Makes it another, which is shown once; the one before is good for `overlapSeconds` more',
    body: {
      as: 'json',
      schema: z.strictObject({ overlapSeconds: z.coerce.number().int().min(0).max(31_536_000).prefault(3_600) }),
    },
    answer: issued,
    run: async ({ params: { name = '' }, body: { overlapSeconds } }) => {
      if (!(await isThere(operations, name))) return unknown(name);
      const ask = { name, overlapMs: overlapSeconds * 1_000 };
      const { result, change } = await changing(operations, 'rotateToken', ask);
      return { kind: 'json', value: result, change };
    },
  });
}

function revokeRoute({ operations }: TokenNeeds): ApiRoute {
  return defineRoute({
    method: 'DELETE',
    path: `${PATH}/{name}`,
    scope: 'admin',
    part: 'tokens',
    summary: 'Ends a token, and what it was before; refused on all nodes within 5 s',
    answer: z.object({ name: z.string(), revoked: z.literal(true) }),
    run: async ({ params: { name = '' } }) => {
      if (!(await isThere(operations, name))) return unknown(name);
      const { result, change } = await changing(operations, 'revokeToken', { name });
      return { kind: 'json', value: result, change };
    },
  });
}

async function isThere(operations: TokenNeeds['operations'], name: string): Promise<boolean> {
  return (await operations.tokens()).some((one) => one.name === name);
}

function unknown(name: string): ApiReply {
  return { kind: 'answer', answer: problem(404, `there is no token ${JSON.stringify(name)}`) };
}
