/** What changes the queue: by a filter, and first how many that would be. */
import { z } from 'zod';
import { type DeliveryId, type MessageId, messageIdOf } from '../../message/ids.ts';
import { changing, filterText } from '../../operations/audited-operations.ts';
import { QUEUE_ACTIONS, type QueueAction } from '../../operations/operations.ts';
import { previewMany, rescheduleMany } from '../../operations/mail/reschedule-many.ts';
import type { QueueFilter } from '../../spool/spool.ts';
import { faulty } from '../faults.ts';
import type { RouteNeeds } from '../needs.ts';
import { type ApiReply, type ApiRoute, defineRoute } from '../route.ts';
import { filterBody, filterOf } from './queue-filter.ts';
import { wallTimeOf } from './local-time.ts';

type ChangeNeeds = Pick<RouteNeeds, 'operations' | 'clock' | 'policy'>;

const SUMMARIES: Readonly<Record<QueueAction, string>> = {
  hold: 'Sets deliveries aside until they are released',
  release: 'Lets held and quarantined deliveries go',
  retry: 'Makes deliveries due now',
  bounce: 'Ends deliveries with a report to their senders',
  discard: 'Ends deliveries without a report',
  cancel: 'Ends scheduled mail before its time comes, without a report',
};
/** Room for a thousand ids. */
const BODY_MOST = 128 * 1024;

const changed = z.object({
  changed: z.int().meta({ description: 'Deliveries; with `preview` those that would be.' }),
  busy: z.int().meta({ description: 'Those that are being tried, and are left alone.' }),
  preview: z.boolean().exactOptional(),
  isWhole: z.boolean().exactOptional().meta({ description: 'False: there are more than were counted.' }),
});

export function changeRoutes(needs: ChangeNeeds): readonly ApiRoute[] {
  return [...QUEUE_ACTIONS.map((action) => changeRoute(needs, action)), rescheduleRoute(needs)];
}

function changeRoute({ operations, clock }: ChangeNeeds, action: QueueAction): ApiRoute {
  return defineRoute({
    method: 'POST',
    path: `/api/v1/queue/${action}`,
    scope: 'operate',
    part: 'queue',
    summary: `${SUMMARIES[action]}; with \`preview\` nothing is changed, and the answer is how many it would be`,
    body: { as: 'json', schema: z.strictObject({ ...filterBody, preview: z.boolean().prefault(false) }) },
    mostBytes: () => BODY_MOST,
    answer: changed,
    run: async ({ body: { preview, all = false, ...asked } }) => {
      const nowMs = clock.nowMs();
      const filter = filterOf(asked, nowMs);
      const isEmpty = Object.keys(filter).length === 0;
      if (isEmpty !== all) return wrongFilter(isEmpty);
      if (preview) return { kind: 'json', value: await previewed(operations, { action, filter, nowMs }), change: null };
      const { result, change } = await changing(operations, 'change', { action, filter });
      return { kind: 'json', value: result, change };
    },
  });
}

function wrongFilter(isEmpty: boolean): ApiReply {
  const which = Object.keys(filterBody).filter((key) => key !== 'all');
  const text = isEmpty
    ? `say which: ${which.join(', ')}, or "all": true for the whole queue`
    : 'is for the whole queue: leave it out, or the filters';
  return { kind: 'answer', answer: faulty([{ in: 'body', path: isEmpty ? '' : 'all', text }]) };
}

type Previewed = { readonly action: QueueAction; readonly filter: QueueFilter; readonly nowMs: number };

/** What the change itself would count, as far as can be looked at soon. */
async function previewed(operations: ChangeNeeds['operations'], { action, filter, nowMs }: Previewed) {
  const found = await Promise.all(concerned(action, filter, nowMs).map((one) => operations.preview({ filter: one })));
  const count = found.reduce((sum, one) => sum + one.count, 0);
  const busy = found.reduce((sum, one) => sum + one.busy, 0);
  return { preview: true, changed: count - busy, busy, isWhole: found.every(({ isWhole }) => isWhole) };
}

/** What of a filter an action is about; the rest of what it names stays as it is. */
function concerned(action: QueueAction, filter: QueueFilter, nowMs: number): readonly QueueFilter[] {
  const { state } = filter;
  switch (action) {
    case 'hold':
    case 'retry':
      return state === undefined || state === 'queued' ? [{ ...filter, state: 'queued' }] : [];
    case 'release':
      return (['held', 'quarantined'] as const)
        .filter((one) => state === undefined || state === one)
        .map((one) => ({ ...filter, state: one }));
    case 'cancel':
      return [{ ...filter, scheduledAfterMs: nowMs }];
    case 'bounce':
    case 'discard':
      return [filter];
  }
}

function rescheduleRoute({ operations, clock, policy }: ChangeNeeds): ApiRoute {
  return defineRoute({
    method: 'POST',
    path: '/api/v1/queue/reschedule',
    scope: 'operate',
    part: 'queue',
    summary:
      'Moves messages that nobody has tried yet to another time, each with all of its deliveries; with `preview` nothing is changed, and the answer is how many it would be',
    body: {
      as: 'json',
      schema: z.strictObject({
        ...filterBody,
        preview: z.boolean().prefault(false),
        to: z
          .string()
          .max(64)
          .meta({ description: '`now`, `2026-12-24T08:00:00+01:00`; without an offset by the clocks of `timeZone`.' }),
      }),
    },
    mostBytes: () => BODY_MOST,
    answer: changed,
    run: async ({ body: { to, preview, all = false, ...asked } }) => {
      const nowMs = clock.nowMs();
      const atMs = to === 'now' ? nowMs : wallTimeOf(to, policy().timeZone);
      if (atMs === null) {
        const fault = { in: 'body', path: 'to', text: 'expected a time such as 2026-12-24T08:00:00+01:00' } as const;
        return { kind: 'answer', answer: faulty([fault]) };
      }
      const toMs = Math.max(Math.round(atMs), nowMs);
      const filter = filterOf(asked, nowMs);
      const isEmpty = Object.keys(filter).length === 0;
      if (isEmpty !== all) return wrongFilter(isEmpty);
      if (preview) {
        const value = { preview: true, ...(await previewMany(operations, filter)), sendAtMs: toMs };
        return { kind: 'json', value, change: null };
      }
      const { ids } = asked;
      if (ids !== undefined && Object.keys(filter).length === 1) return movedAlone(operations, ids, toMs);
      const after = await rescheduleMany(operations, { filter, toMs });
      const change = { what: 'queue.reschedule', on: filterText(filter), after: { toMs, ...after } };
      return { kind: 'json', value: { ...after, sendAtMs: toMs }, change };
    },
  });
}

/** Messages by their ids, also where one of their deliveries is named. */
async function movedAlone(
  operations: ChangeNeeds['operations'],
  given: readonly (MessageId | DeliveryId)[],
  toMs: number,
): Promise<ApiReply> {
  const ids = [...new Set(given.map((id) => messageIdOf(id as DeliveryId)))];
  const { result, change } = await changing(operations, 'reschedule', { ids, toMs });
  return { kind: 'json', value: { ...result, sendAtMs: toMs }, change };
}
