import { writeEvent } from './queue.ts';
import type { Store } from './store.ts';
import type { QuickCalls } from './wire.ts';

/** See `Spool.note`. */
export function note(store: Store, { id, events }: QuickCalls['note']['ask']): 'noted' | 'unknown' {
  const row = store.get<{ seq: number }>('SELECT seq FROM message WHERE id = ?', id);
  if (row === undefined) return 'unknown';
  for (const event of events) writeEvent(store, row.seq, event);
  return 'noted';
}
