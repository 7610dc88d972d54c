/** Events as they happen. */
import { z } from 'zod';
import { parseDomain } from '../../message/address.ts';
import { problem } from '../answer.ts';
import type { RouteNeeds } from '../needs.ts';
import { type ApiRoute, defineRoute } from '../route.ts';
import { EVENT_NAMES, EventReaders } from './event-readers.ts';

const name = z.string().min(1).max(64);

/** Several with commas between. */
const names = z
  .string()
  .max(2_000)
  .transform((text) => text.split(','))
  .pipe(z.array(z.enum(EVENT_NAMES)).min(1))
  .transform((given) => new Set<string>(given));

const domain = z
  .string()
  .max(300)
  .transform((text, context) => {
    const parsed = parseDomain(text);
    if (parsed !== null) return parsed;
    context.addIssue({ code: 'custom', message: 'expected a domain' });
    return z.NEVER;
  });

const LATER = { 'retry-after': '30' };
const OWN_SHARE = 'so many streams of events are open already with this token or user, or from this address: end one';

export function eventRoutes({
  clock,
  policy,
  follow,
}: Pick<RouteNeeds, 'clock' | 'policy' | 'follow'>): readonly ApiRoute[] {
  const readers = new EventReaders({ clock, follow, showsSubjects: () => policy().log.subjects });
  return [
    defineRoute({
      method: 'GET',
      path: '/api/v1/events',
      scope: 'read',
      part: 'events',
      summary:
        'What happens on the node that is asked, as it happens (server-sent events); `event`: names with commas between',
      query: z.strictObject({
        event: names.exactOptional(),
        client: name.exactOptional(),
        egress: name.exactOptional(),
        domain: domain.exactOptional(),
      }),
      answer: { contentType: 'text/event-stream' },
      run: async ({ principal, query: { event, ...rest } }) => {
        const stream = readers.open({ ...rest, ...(event === undefined ? {} : { events: event }) }, principal);
        if (stream === 'crowded')
          return { kind: 'answer', answer: problem(503, 'too many read events already', LATER) };
        if (stream === 'share-taken') return { kind: 'answer', answer: problem(429, OWN_SHARE, LATER) };
        return { kind: 'stream', contentType: 'text/event-stream; charset=utf-8', stream };
      },
    }),
  ];
}
