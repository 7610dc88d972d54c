/** See `Traffic`: what is queued, by when it came, and then what has ended, by when it did. */
import type { MessageEvent } from '../../message/event.ts';
import type { MessageId } from '../../message/ids.ts';
import { type PassedMessage, passedMessage, type StillQueued, type TrafficAsk, type TrafficPage } from '../traffic.ts';
import { deliveriesOf } from './find.ts';
import { parseMessage, parseObject, parseQueued } from './rows.ts';
import type { Store } from './store.ts';

const PAGE_MESSAGES = 400;
/** Messages with very many destinations make a page shorter. */
const PAGE_EVENTS = 4_000;
/** Read before others get their turn. */
const AT_ONCE = 20;

type Row = { readonly seq: number; readonly at: number; readonly id: MessageId; readonly meta: string };

type Cursor = { readonly phase: 'open' | 'finished'; readonly at: number; readonly seq: number };

const PAGES = {
  open: `SELECT seq, received_at AS at, id, meta FROM message INDEXED BY message_open
    WHERE finished_at IS NULL AND (received_at, seq) > (?, ?) ORDER BY received_at, seq LIMIT ${AT_ONCE}`,
  finished: `SELECT seq, finished_at AS at, id, meta FROM message INDEXED BY message_finished
    WHERE finished_at IS NOT NULL AND (finished_at, seq) > (?, ?) ORDER BY finished_at, seq LIMIT ${AT_ONCE}`,
} as const;

/** What cannot be parsed is left out. */
export function* traffic(store: Store, { sinceMs, after }: TrafficAsk): Generator<void, TrafficPage> {
  let cursor = (after === null ? null : parseCursor(after)) ?? { phase: 'open', at: sinceMs, seq: -1 };
  const messages: PassedMessage[] = [];
  let events = 0;
  for (let looked = 0; looked < PAGE_MESSAGES && events < PAGE_EVENTS; looked += AT_ONCE) {
    const rows = store.all<Row>(PAGES[cursor.phase], cursor.at, cursor.seq);
    for (const row of rows) {
      const story = storyOf(store, row);
      if (story === null) continue;
      events += story.events.length + story.queued.length;
      // What ended since then may have come before.
      if (story.message.receivedAtMs >= sinceMs) messages.push(passedMessage(story));
    }
    const last = rows.at(-1);
    if (last !== undefined) cursor = { phase: cursor.phase, at: last.at, seq: last.seq };
    if (rows.length < AT_ONCE) {
      if (cursor.phase === 'finished') return { messages, next: null };
      cursor = { phase: 'finished', at: sinceMs, seq: -1 };
    }
    yield;
  }
  return { messages, next: `${cursor.phase}:${cursor.at}:${cursor.seq}` };
}

function storyOf(store: Store, { seq, id, meta }: Row) {
  const message = parseMessage({ meta, messageId: id });
  if (message === null) return null;
  const bodies = store.all<{ body: string }>('SELECT body FROM event WHERE message = ? ORDER BY seq', seq);
  const events = bodies.flatMap(({ body }) => (parseObject(body) as MessageEvent | null) ?? []);
  const queued = deliveriesOf(store, seq).map((row): StillQueued => {
    const { id: deliveryId, domain, recipients, lastEgress, attempts } = parseQueued(row).delivery;
    return { id: deliveryId, domain, recipients: recipients.length, egress: lastEgress, attempts };
  });
  return { message, events, queued };
}

/** null: it is none of ours. */
function parseCursor(text: string): Cursor | null {
  const [, phase, at, seq] = /^(open|finished):(-?[0-9.e+]+):(-?[0-9]+)$/.exec(text) ?? [];
  if (phase !== 'open' && phase !== 'finished') return null;
  return { phase, at: Number(at), seq: Number(seq) };
}
