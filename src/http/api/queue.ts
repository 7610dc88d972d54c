/** What waits, and what is done with it. */
import { z } from 'zod';
import { parseDeliveryId } from '../../message/ids.ts';
import { plainDelivery } from '../../operations/mail/queue-json.ts';
import type { RouteNeeds } from '../needs.ts';
import { type ApiRoute, defineRoute } from '../route.ts';
import { changeRoutes } from './queue-change.ts';
import { filterOf, filterQuery } from './queue-filter.ts';
import { shared } from './shared.ts';

export type QueueNeeds = Pick<RouteNeeds, 'operations' | 'clock' | 'policy'>;

const MOST_SHOWN = 1_000;

const cursor = z
  .string()
  .max(64)
  .transform((text, context) => {
    const id = parseDeliveryId(text);
    if (id !== null) return id;
    context.addIssue({ code: 'custom', message: 'expected `next` of the page before' });
    return z.NEVER;
  });

const delivery = z.looseObject({
  id: z.string(),
  messageId: z.string(),
  domain: z.string(),
  sender: z.string(),
  recipients: z.array(z.string()),
  client: z.string(),
  stream: z.string(),
  priority: z.string(),
  state: z.string(),
  attempts: z.int(),
  dueAtMs: z.number(),
  leasedUntilMs: z.number().nullable(),
});

export function queueRoutes(needs: QueueNeeds): readonly ApiRoute[] {
  return [listRoute(needs), overviewRoute(needs), shapeRoute(needs), ...changeRoutes(needs)];
}

function listRoute({ operations, clock }: QueueNeeds): ApiRoute {
  return defineRoute({
    method: 'GET',
    path: '/api/v1/queue',
    scope: 'read',
    part: 'queue',
    summary: 'Deliveries that wait, the newest first; `after`: `next` of the page before',
    query: z.strictObject({
      ...filterQuery,
      limit: z.coerce.number().int().min(1).max(MOST_SHOWN).prefault(100),
      after: cursor.nullable().prefault(null),
    }),
    answer: z.object({ deliveries: z.array(delivery), next: z.string().nullable() }),
    run: async ({ query }) => {
      const { limit, after, ...asked } = query;
      // One more than is shown tells whether there are more.
      const found = await operations.list({ filter: filterOf(asked, clock.nowMs()), limit: limit + 1, after });
      const shown = found.slice(0, limit);
      const next = found.length > limit ? (shown.at(-1)?.delivery.id ?? null) : null;
      return { kind: 'json', value: { deliveries: shown.map(plainDelivery), next } };
    },
  });
}

function overviewRoute({ operations }: QueueNeeds): ApiRoute {
  const overview = shared(() => operations.overview());
  return defineRoute({
    method: 'GET',
    path: '/api/v1/queue/overview',
    scope: 'read',
    part: 'queue',
    summary: 'How much waits, by state and priority, since when, and how large it is',
    answer: z.looseObject({ messages: z.int(), deliveries: z.int(), leased: z.int() }),
    run: async () => ({ kind: 'json', value: await overview() }),
  });
}

function shapeRoute({ operations, clock }: QueueNeeds): ApiRoute {
  const whole = shared(() => operations.shape({ filter: {} }));
  return defineRoute({
    method: 'GET',
    path: '/api/v1/queue/shape',
    scope: 'read',
    part: 'queue',
    summary: 'Deliveries by destination and age: where it is stuck',
    query: z.strictObject(filterQuery),
    answer: z.object({
      agesMs: z.array(z.number()),
      rows: z.array(z.object({ domain: z.string(), total: z.int(), byAge: z.array(z.int()) })),
      isWhole: z.boolean(),
    }),
    run: async ({ query }) => {
      const filter = filterOf(query, clock.nowMs());
      const isAll = Object.keys(filter).length === 0;
      return { kind: 'json', value: isAll ? await whole() : await operations.shape({ filter }) };
    },
  });
}
