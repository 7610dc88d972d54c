/** Who changed what, and who was not let. */
import { z } from 'zod';
import { isAuditId } from '../../operations/audit-entry.ts';
import { ACTOR_KINDS } from '../audit.ts';
import type { RouteNeeds } from '../needs.ts';
import { type ApiRoute, defineRoute } from '../route.ts';
import { wallTime } from './wall-time.ts';

const before = z.string().max(100).refine(isAuditId, 'expected the id of an entry, or `next` of the page before');

export function auditRoutes({ operations }: Pick<RouteNeeds, 'operations'>): readonly ApiRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/api/v1/audit',
      scope: 'admin',
      part: 'audit',
      summary: 'Who changed what, and who was not let, the newest first: `relevo audit log --json`',
      query: z.strictObject({
        who: z.string().max(300).exactOptional(),
        what: z.string().max(300).exactOptional(),
        from: wallTime.exactOptional(),
        to: wallTime.exactOptional(),
        limit: z.coerce.number().int().min(1).max(1_000).prefault(100),
        before: before.nullable().prefault(null),
      }),
      answer: z.object({
        entries: z.array(
          z.object({
            id: z.string(),
            atMs: z.number(),
            actor: z.object({ kind: z.enum(ACTOR_KINDS), name: z.string(), from: z.string() }),
            what: z.string(),
            on: z.string(),
            before: z.unknown(),
            after: z.unknown(),
          }),
        ),
        next: z.string().nullable().meta({ description: 'For `before` of the next page.' }),
      }),
      run: async ({ query: { from, to, ...asked } }) => {
        const times = { ...(from === undefined ? {} : { fromMs: from }), ...(to === undefined ? {} : { untilMs: to }) };
        return { kind: 'json', value: await operations.auditLog({ ...asked, ...times }) };
      },
    }),
  ];
}
