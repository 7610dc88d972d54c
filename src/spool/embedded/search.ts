/** See `Search`: message by message, the newest first, by their ids; of what can only be queued, by the queue. */
import type { MessageEvent } from '../../message/event.ts';
import type { MessageId } from '../../message/ids.ts';
import {
  firstIdAt,
  type FoundMail,
  foundMail,
  isQueuedOnly,
  LOOKED_AT_MOST,
  needlesOf,
  type SearchAsk,
  type SearchFilter,
  type SearchPage,
} from '../search.ts';
import { deliveriesOf } from './find.ts';
import { parseMessage, parseObject, parseQueued, STATES } from './rows.ts';
import type { Store } from './store.ts';
import type { SQLInputValue } from 'node:sqlite';

/** Looked at before others get their turn. */
const AT_ONCE = 200;
/** Of those that were found, whose whole story is read: as above. */
const READ_AT_ONCE = 20;
/** Sorts behind every id. */
const LAST = '~';

type Row = { readonly seq: number; readonly id: MessageId; readonly meta: string; readonly isIt: number };

/** What cannot be parsed is left out. */
export function* search(
  store: Store,
  { filter, limit, cursor, looksAt = LOOKED_AT_MOST }: SearchAsk,
): Generator<void, SearchPage> {
  const condition = conditionOf(filter);
  const read = isQueuedOnly(filter) ? queuedRows : allRows;
  const messages: FoundMail[] = [];
  let from: string | null = cursor;
  for (let looked = 0; looked < looksAt;) {
    const rows = read(store, { filter, condition, from });
    let reads = 0;
    for (const [place, row] of rows.entries()) {
      looked += 1;
      from = read === allRows ? row.id : String(row.seq);
      const story = row.isIt === 1 ? storyOf(store, row) : null;
      const found = story === null ? null : foundMail(story, filter);
      if (found !== null) messages.push(found);
      if (messages.length >= limit) {
        const isLast = place === rows.length - 1 && rows.length < AT_ONCE;
        return { messages, next: isLast ? null : from, isWhole: true };
      }
      if (story !== null && ++reads % READ_AT_ONCE === 0) yield;
    }
    if (rows.length < AT_ONCE) return { messages, next: null, isWhole: true };
    yield;
  }
  return { messages, next: from, isWhole: false };
}

type Window = { readonly filter: SearchFilter; readonly condition: Condition; readonly from: string | null };

function allRows(store: Store, { filter, condition, from }: Window): readonly Row[] {
  const { sinceMs, untilMs } = filter;
  const until = untilMs === undefined ? LAST : firstIdAt(untilMs);
  return store.all<Row>(
    `SELECT m.seq, m.id, m.meta, (${condition.sql}) AS isIt FROM message m INDEXED BY message_id
     WHERE m.id < ? AND m.id >= ? ORDER BY m.id DESC LIMIT ${AT_ONCE}`,
    ...condition.values,
    from !== null && from < until ? from : until,
    sinceMs === undefined ? '' : firstIdAt(Math.floor(sinceMs)),
  );
}

/** By the place in the queue: in the order in which they were taken in. */
function queuedRows(store: Store, { condition, from }: Window): readonly Row[] {
  return store.all<Row>(
    `SELECT m.seq, m.id, m.meta, (${condition.sql}) AS isIt FROM (
       SELECT DISTINCT message FROM delivery INDEXED BY delivery_of WHERE message < ? ORDER BY message DESC LIMIT ${AT_ONCE}
     ) w CROSS JOIN message m ON m.seq = w.message ORDER BY m.seq DESC`,
    ...condition.values,
    from !== null && /^\d{1,15}$/.test(from) ? Number(from) : Number.MAX_SAFE_INTEGER,
  );
}

function storyOf(store: Store, { seq, id, meta }: Row) {
  const message = parseMessage({ meta, messageId: id });
  if (message === null) return null;
  const bodies = store.all<{ body: string }>('SELECT body FROM event WHERE message = ? ORDER BY seq', seq);
  const events = bodies.flatMap(({ body }) => (parseObject(body) as MessageEvent | null) ?? []);
  return { message, events, queued: deliveriesOf(store, seq).map(parseQueued) };
}

type Condition = { readonly sql: string; readonly values: readonly SQLInputValue[] };

/** Holds for all that may be it, and for few others. */
function conditionOf(filter: SearchFilter): Condition {
  const { inMessage, inEvents } = needlesOf(filter);
  const terms: (readonly [sql: string, value: SQLInputValue])[] = [
    ...inMessage.map((needle) => ['instr(lower(m.meta), ?) > 0', needle] as const),
    ...inEvents.map((needle) => [EVENT_HAS, needle] as const),
  ];
  const { state } = filter;
  const queuedAs = STATES.findIndex((one) => one === state);
  if (queuedAs !== -1)
    terms.push(['EXISTS (SELECT 1 FROM delivery d WHERE d.message = m.seq AND d.state = ?)', queuedAs]);
  else if (state !== undefined)
    terms.push(['EXISTS (SELECT 1 FROM event e WHERE e.message = m.seq AND e.kind = ?)', state]);
  if (terms.length === 0) return { sql: '1', values: [] };
  return { sql: terms.map(([sql]) => sql).join(' AND '), values: terms.map(([, value]) => value) };
}

const EVENT_HAS = 'EXISTS (SELECT 1 FROM event e WHERE e.message = m.seq AND instr(lower(e.body), ?) > 0)';
