/** Addresses that are not written to. */
import { z } from 'zod';
import { formatMailbox, parseMailbox } from '../../message/address.ts';
import { SUPPRESSION_REASONS, suppressionAddress, type SuppressionFilter } from '../../spool/suppressions.ts';
import type { Operations } from '../../operations/operations.ts';
import { problem } from '../answer.ts';
import { faulty } from '../faults.ts';
import type { RouteNeeds } from '../needs.ts';
import { type ApiRoute, defineRoute } from '../route.ts';
import { wallTimeOf } from './local-time.ts';
import { openedPlace, pageCursor } from './page-cursor.ts';

type SuppressionNeeds = Pick<RouteNeeds, 'operations' | 'clock' | 'policy'>;

const PATH = '/api/v1/suppressions';
/** Room for a thousand entries. */
const BODY_MOST = 2 * 1024 * 1024;
const MOST_ENTRIES = 1_000;

const name = z.string().min(1).max(64).nullable().prefault(null);
const address = z
  .string()
  .max(400)
  .transform((text, context): string => {
    const canonical = canonicalOf(text);
    if (canonical !== null) return canonical;
    context.addIssue({ code: 'custom', message: 'expected an address' });
    return z.NEVER;
  });
const entry = z.strictObject({
  address,
  client: name,
  stream: name,
  reason: z.enum(SUPPRESSION_REASONS).prefault('manual'),
  evidence: z.string().max(1_000).prefault(''),
  untilMs: z.number().max(8.64e15).nullable().prefault(null),
});
const added = z.strictObject({ entries: z.array(entry).min(1).max(MOST_ENTRIES) });
/** One alone, as a form has it: `until` as a time, of the policy's zone where it names none. */
const one = entry.omit({ untilMs: true }).extend({ until: z.string().max(64).exactOptional() });

const which = {
  client: z.string().max(64).exactOptional(),
  stream: z.string().max(64).exactOptional(),
};
/** Which entries. */
export const suppressionFields = z.strictObject({
  address: address.exactOptional(),
  domain: z.string().max(400).exactOptional(),
  ...which,
  reason: z.enum(SUPPRESSION_REASONS).exactOptional(),
});
/** The same, page by page, as the query of an address has them. */
export const suppressionQuery = suppressionFields
  .extend({
    limit: z.coerce.number().int().min(1).max(MOST_ENTRIES).prefault(100),
    after: z.string().max(2_000).nullable().prefault(null),
  })
  .transform(({ limit, after, ...filter }, context) => {
    return { limit, filter, after: openedPlace(filter, { field: 'after', cursor: after }, context) };
  });
const removed = z.strictObject({ address, ...which });

const shown = z.object({
  suppressions: z.array(z.looseObject({ address: z.string(), reason: z.enum(SUPPRESSION_REASONS) })),
  next: z.string().nullable(),
});

export function suppressionRoutes(needs: SuppressionNeeds): readonly ApiRoute[] {
  return [listRoute(needs), addRoute(needs), removeRoute(needs)];
}

function listRoute({ operations }: SuppressionNeeds): ApiRoute {
  return defineRoute({
    method: 'GET',
    path: PATH,
    scope: 'read',
    part: 'suppressions',
    summary: 'A page of addresses that are not written to, by address; `after`: `next` of the page before',
    query: suppressionQuery,
    answer: shown,
    run: async ({ query }) => {
      const { entries, next } = await pageOfSuppressions(operations, query);
      return { kind: 'json', value: { suppressions: entries, next } };
    },
  });
}

/** One page, with a `next` that a query may have. */
export async function pageOfSuppressions(
  operations: Pick<Operations, 'suppressions'>,
  query: z.infer<typeof suppressionQuery>,
): ReturnType<Operations['suppressions']> {
  const page = await operations.suppressions(query);
  return { ...page, next: pageCursor(query.filter, page.next) };
}

function addRoute({ operations, clock, policy }: SuppressionNeeds): ApiRoute {
  return defineRoute({
    method: 'POST',
    path: PATH,
    scope: 'operate',
    part: 'suppressions',
    summary: 'Writes to these addresses no more: at most 1,000 at once, or one alone without `entries`',
    body: { as: 'json', schema: z.union([added, one]) },
    mostBytes: () => BODY_MOST,
    answer: z.object({ made: z.int() }),
    run: async ({ body }) => {
      const made = { source: 'api', atMs: clock.nowMs() };
      const entries = 'entries' in body ? body.entries : entryIn(body, policy().timeZone);
      if (entries === null)
        return { kind: 'answer', answer: faulty([{ in: 'body', path: 'until', text: 'expected a time' }]) };
      const value = await operations.suppress({ entries: entries.map((each) => ({ ...each, ...made })) });
      const after = entries.length === 1 ? entries[0] : { entries: entries.length };
      return { kind: 'json', value, change: { what: 'suppression.add', on: onOf(entries), after } };
    },
  });
}

/** null: it does not say until when. */
function entryIn({ until = '', ...rest }: z.infer<typeof one>, zone: string): z.infer<typeof entry>[] | null {
  const untilMs = until === '' ? null : wallTimeOf(until, zone);
  return until !== '' && untilMs === null ? null : [{ ...rest, untilMs }];
}

function removeRoute({ operations }: SuppressionNeeds): ApiRoute {
  return defineRoute({
    method: 'DELETE',
    path: PATH,
    scope: 'operate',
    part: 'suppressions',
    summary: 'Writes to an address again; of `client` and `stream` alone where those are given',
    query: removed,
    answer: z.object({ removed: z.int() }),
    run: async ({ query }) => {
      const filter: SuppressionFilter = query;
      const { entries } = await operations.suppressions({ filter, limit: MOST_ENTRIES, after: null });
      if (entries.length === 0) return { kind: 'answer', answer: problem(404, 'nothing of the kind is suppressed') };
      const keys = entries.map((one) => ({ address: one.address, client: one.client, stream: one.stream }));
      const value = await operations.unsuppress({ keys });
      return { kind: 'json', value, change: { what: 'suppression.remove', on: query.address, before: entries } };
    },
  });
}

function onOf(entries: readonly { readonly address: string }[]): string {
  const [first, ...others] = entries;
  return others.length === 0 ? (first?.address ?? '') : `${first?.address ?? ''} and ${others.length} more`;
}

function canonicalOf(text: string): string | null {
  // oxlint-disable-next-line no-control-regex -- a line end is dropped where a domain is read
  const mailbox = /[\u0000-\u001f\u007f]/.test(text) ? null : parseMailbox(text);
  return mailbox === null ? null : suppressionAddress(formatMailbox(mailbox));
}
