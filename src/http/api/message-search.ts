/** Messages by what is known of them, and what was said when they were refused. */
import { z } from 'zod';
import { parseDomain } from '../../message/address.ts';
import { messageIdOf, parseDeliveryId, parseMessageId } from '../../message/ids.ts';
import { timeOf } from '../../policy/times.ts';
import type { Operations } from '../../operations/operations.ts';
import { SEARCH_LIMIT, SEARCH_STATES, type SearchFilter, type SearchPage } from '../../spool/search.ts';
import { problem } from '../answer.ts';
import type { RouteNeeds } from '../needs.ts';
import { type ApiRoute, defineRoute } from '../route.ts';
import { openedPlace, pageCursor } from './page-cursor.ts';

type SearchNeeds = Pick<RouteNeeds, 'operations'>;

const LATEST_MS = 8.64e15;

const address = z.string().trim().max(400);
const name = z.string().trim().min(1).max(200);
const moment = z
  .string()
  .max(64)
  .transform((text, context): number => {
    const atMs = /^\d{1,16}$/.test(text.trim()) ? Number(text) : timeOf(text);
    if (atMs !== null && atMs <= LATEST_MS) return atMs;
    context.addIssue({ code: 'custom', message: 'expected a time such as 2026-01-31T08:00:00Z, or ms since 1970' });
    return z.NEVER;
  });

const searchFields = z.strictObject({
  text: z.string().trim().max(1_000).exactOptional(),
  address: address.exactOptional(),
  recipient: address.exactOptional(),
  sender: address.exactOptional(),
  domain: z
    .string()
    .trim()
    .max(400)
    .transform((text) => parseDomain(text) ?? text.toLowerCase())
    .exactOptional(),
  state: z.enum(SEARCH_STATES).exactOptional(),
  client: name.exactOptional(),
  stream: name.exactOptional(),
  tag: name.exactOptional(),
  egress: name.exactOptional(),
  since: moment.exactOptional(),
  until: moment.exactOptional(),
  limit: z.coerce.number().int().min(1).max(SEARCH_LIMIT).prefault(50),
  cursor: z.string().max(6_000).nullable().prefault(null),
});

/** Fields of a search, as they stand in an address, with the store's own cursor. Empty ones are as good as none. */
export const searchQuery = searchFields.transform((query, context) => {
  const cursor = openedPlace(questionOf(query), { field: 'cursor', cursor: query.cursor }, context);
  return { ...query, cursor };
});
export type SearchQuery = z.infer<typeof searchQuery>;

const found = z.object({
  messages: z.array(
    z.looseObject({
      id: z.string(),
      receivedAtMs: z.number(),
      states: z.partialRecord(z.enum(SEARCH_STATES), z.int()),
    }),
  ),
  next: z.string().nullable(),
  isWhole: z.boolean(),
});

export function messageSearchRoutes({ operations }: SearchNeeds): readonly ApiRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/api/v1/messages',
      scope: 'read',
      part: 'messages',
      summary:
        'Messages by what is known of them, newest first; `cursor`: `next` of the page before. `isWhole` false: so many were looked at, and further back there may be more. `sender=<>`: the null sender',
      query: searchQuery,
      answer: found,
      run: async ({ query }) => ({ kind: 'json', value: await searchPage(operations, query) }),
    }),
    defineRoute({
      method: 'GET',
      path: '/api/v1/messages/{id}/transcripts',
      scope: 'read',
      part: 'messages',
      summary: 'What was said in its last attempts, without content and secrets',
      answer: z.object({ transcripts: z.array(z.looseObject({ lines: z.array(z.looseObject({})) })) }),
      run: async ({ params }) => {
        const text = params['id'] ?? '';
        const delivery = parseDeliveryId(text);
        const id = delivery === null ? parseMessageId(text) : messageIdOf(delivery);
        if (id === null || (await operations.story({ id })) === null)
          return { kind: 'answer', answer: problem(404, 'no such message is known') };
        const transcripts = await operations.transcripts({ id });
        const asked = transcripts.filter(({ deliveryId }) => delivery === null || deliveryId === delivery);
        return { kind: 'json', value: { transcripts: asked } };
      },
    }),
  ];
}

/** One page, with a `next` that a query may have. */
export async function searchPage(operations: Pick<Operations, 'search'>, query: SearchQuery): Promise<SearchPage> {
  const page = await operations.search(searchOf(query));
  return { ...page, next: pageCursor(questionOf(query), page.next) };
}

/** What is the same on all pages. */
function questionOf(query: SearchQuery): object {
  return { ...query, limit: null, cursor: null };
}

/** What is asked of the records by such fields. */
function searchOf({ limit, cursor, text, since, until, sender, ...others }: SearchQuery) {
  const filter: SearchFilter = {
    ...others,
    ...(sender === undefined ? {} : { sender: sender.replace(/^<(.*)>$/, '$1') }),
    ...(since === undefined ? {} : { sinceMs: since }),
    ...(until === undefined ? {} : { untilMs: until }),
  };
  return { filter, limit, cursor, ...(text === undefined || text === '' ? {} : { text }) };
}
