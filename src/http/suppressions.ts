/** `/api/v1/suppressions`: addresses that are not written to, for programs. */
import { z } from 'zod';
import { formatMailbox, parseMailbox } from '../message/address.ts';
import type { Clock } from '../ports.ts';
import {
  type Suppression,
  SUPPRESSION_REASONS,
  suppressionAddress,
  type SuppressionFilter,
  type SuppressionKey,
  type SuppressionPage,
} from '../spool/suppressions.ts';
import { type Answer, json, problem } from './answer.ts';

/** What operators do with them. */
export type SuppressionsStore = {
  suppressions(ask: {
    readonly filter: SuppressionFilter;
    readonly limit: number;
    readonly after: string | null;
  }): Promise<SuppressionPage>;
  suppress(ask: { readonly entries: readonly Suppression[] }): Promise<unknown>;
  unsuppress(ask: { readonly keys: readonly SuppressionKey[] }): Promise<unknown>;
};

export type SuppressionsNeeds = {
  readonly operations: SuppressionsStore;
  readonly clock: Clock;
};

/** One request of those that change nothing else: each answers, and rejects where the store fails. */
export type SuppressionsPlace = {
  /** @param query without `?` */
  list(query: string): Promise<Answer>;
  add(body: Buffer): Promise<Answer>;
  remove(query: string): Promise<Answer>;
};

/** Room for a thousand entries. */
export const SUPPRESSIONS_BODY_MOST = 2 * 1024 * 1024;
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

const FILTER = ['address', 'domain', 'client', 'stream', 'reason', 'limit', 'after'] as const;

const asked = z.strictObject({
  address: address.exactOptional(),
  domain: z.string().max(400).exactOptional(),
  client: z.string().exactOptional(),
  stream: z.string().exactOptional(),
  reason: z.enum(SUPPRESSION_REASONS).exactOptional(),
  limit: z.coerce.number().int().min(1).max(MOST_ENTRIES).prefault(100),
  after: z.string().nullable().prefault(null),
});

export function suppressionsPlace({ operations, clock }: SuppressionsNeeds): SuppressionsPlace {
  return {
    list: async (query) => {
      const parsed = asked.safeParse(Object.fromEntries(new URLSearchParams(query)));
      if (!parsed.success)
        return problem(400, `${z.prettifyError(parsed.error)}; the query may have ${FILTER.join(', ')}`);
      const { limit, after, ...filter } = parsed.data;
      const { entries, next } = await operations.suppressions({ filter, limit, after });
      return json(200, { suppressions: entries, next });
    },
    add: async (body) => {
      const parsed = added.safeParse(valueIn(body));
      if (!parsed.success) return problem(400, z.prettifyError(parsed.error));
      const made = { source: 'api', atMs: clock.nowMs() };
      return json(200, await operations.suppress({ entries: parsed.data.entries.map((one) => ({ ...one, ...made })) }));
    },
    remove: (query) => remove(operations, query),
  };
}

async function remove(operations: SuppressionsStore, query: string): Promise<Answer> {
  const parsed = asked.safeParse(Object.fromEntries(new URLSearchParams(query)));
  if (!parsed.success || parsed.data.address === undefined)
    return problem(400, 'the query must have an address, and may have client and stream');
  const { client, stream } = parsed.data;
  const filter: SuppressionFilter = {
    address: parsed.data.address,
    ...(client === undefined ? {} : { client }),
    ...(stream === undefined ? {} : { stream }),
  };
  const { entries } = await operations.suppressions({ filter, limit: MOST_ENTRIES, after: null });
  if (entries.length === 0) return problem(404, 'nothing of the kind is suppressed');
  const keys = entries.map((one) => ({ address: one.address, client: one.client, stream: one.stream }));
  return json(200, await operations.unsuppress({ keys }));
}

function valueIn(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString()) as unknown;
  } catch {
    return undefined;
  }
}

function canonicalOf(text: string): string | null {
  // oxlint-disable-next-line no-control-regex -- a line end is dropped where a domain is read
  const mailbox = /[\u0000-\u001f\u007f]/.test(text) ? null : parseMailbox(text);
  return mailbox === null ? null : suppressionAddress(formatMailbox(mailbox));
}
