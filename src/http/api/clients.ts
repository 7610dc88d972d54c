/** Clients: what their software does, what the guard knows of each, and letting go what it holds. */
import { z } from 'zod';
import { changing } from '../../operations/audited-operations.ts';
import { problem } from '../answer.ts';
import type { RouteNeeds } from '../needs.ts';
import { type ApiRoute, defineRoute } from '../route.ts';
import { shared } from './shared.ts';

const PATH = '/api/v1/clients';

const figures = z.object({ recipients: z.int(), fresh: z.int(), bounced: z.int(), bulk: z.int() });
const habit = z.object({
  habit: z.string(),
  messages: z.int(),
  share: z.number(),
  text: z.string(),
  needsAttention: z.boolean(),
});
const status = z.object({
  client: z.string(),
  stream: z.string(),
  held: z.object({ sinceMs: z.number(), reason: z.string() }).nullable(),
  hour: figures,
  guard: z.object({
    enabled: z.boolean(),
    knownSinceMs: z.number().nullable(),
    judgesFromMs: z.number().nullable(),
    usual: z.number(),
    busiest: z.number(),
    newRecipients: z.number(),
    bounces: z.number(),
  }),
  profile: z.object({ sessions: z.int(), messages: z.int(), habits: z.array(habit) }),
});

export function clientRoutes({ operations, policy }: Pick<RouteNeeds, 'operations' | 'policy'>): readonly ApiRoute[] {
  const list = shared(() => operations.clientStatuses());
  return [
    defineRoute({
      method: 'GET',
      path: PATH,
      scope: 'read',
      part: 'clients',
      summary: 'All clients of the policy: what is usual of each, what is held, and what its software does',
      answer: z.object({ clients: z.array(status) }),
      run: async () => ({ kind: 'json', value: { clients: await list() } }),
    }),
    defineRoute({
      method: 'POST',
      path: `${PATH}/{name}/release`,
      scope: 'operate',
      part: 'clients',
      summary: 'Lets go the mail of a client that its guard holds',
      answer: z.object({ client: z.string(), released: z.boolean() }),
      run: async ({ params, principal }) => {
        const name = params['name'] ?? '';
        if (!Object.hasOwn(policy().clients, name))
          return { kind: 'answer', answer: problem(404, 'the policy has no such client') };
        const { result, change } = await changing(operations, 'releaseClient', { name, by: principal.name });
        return { kind: 'json', value: { client: name, released: result.released }, change };
      },
    }),
  ];
}
