/** The calls by which the pages change the queue. */
import type { QueueAction } from '../../operations/operations.ts';

export function queueApi(action: QueueAction): string {
  return `POST /api/v1/queue/${action}`;
}

export const RESCHEDULE_API = 'POST /api/v1/queue/reschedule';
export const RESCHEDULE_TIME = 'to';
/** Names of fields: which deliveries. */
export const IDS_FIELD = 'ids';

type Hidden = { readonly name: string; readonly value: string; readonly as: string };

/** A field of the page's filter as the call takes it. */
export function filterField(name: string, value: string): Hidden {
  if (name === 'id') return { name: IDS_FIELD, value: value.replaceAll(/[\s,]+/g, '\n'), as: 'lines' };
  if (name === 'scheduled') return { name, value: 'true', as: 'boolean' };
  return { name, value, as: '' };
}
