/**
 * After a crash: counts the events of the last minutes again, from the history, and adds what the rows lack. Nothing is ever
 * taken from a row: a history may have been forgotten.
 */
import type { MailFacts, MessageEvent } from '../../message/event.ts';
import { ofMail } from '../../message/event.ts';
import type { MessageId } from '../../message/ids.ts';
import type { Feed, FeedPlace } from '../../spool/feed.ts';
import type { Marks } from '../../spool/marks.ts';
import type { Spool } from '../../spool/spool.ts';
import { type MinuteRows, RollupBook } from './book.ts';
import { correction, emptyCell, merge } from './figures.ts';
import { REST, type Row } from './row.ts';
import { type Dimension, DIMENSIONS, MINUTE_MS } from './stretch.ts';
import { type Minutes, minuteRows } from './writer.ts';

export type RecountNeeds = {
  readonly feed: Pick<Feed, 'feed' | 'feedAt'>;
  readonly spool: Pick<Spool, 'story'>;
  readonly marks: Pick<Marks, 'marks'>;
};

export type RecountAsk = {
  /** All that happened before is in the rows. */
  readonly countedMs: number;
  /** What happens from then on is heard. */
  readonly untilMs: number;
  /** The rows of the minute that has `untilMs` in it, as they were then. */
  readonly lastRows: MinuteRows;
  readonly signal: AbortSignal;
};

/** Events are told of a little after they happened. */
const EARLIER_MS = 30_000;
const AT_ONCE = 1_000;
/** Of a relay that never wrote its figures: more of its history is not worth the time. */
const EVENTS_MOST = 1_000_000;
const KNOWN_MOST = 5_000;

/** What is to be added. Rejects with `SpoolError`. */
export async function recount(needs: RecountNeeds, ask: RecountAsk): Promise<Minutes> {
  const fromMs = Math.floor((ask.countedMs - EARLIER_MS) / MINUTE_MS) * MINUTE_MS;
  const book = new RollupBook();
  await countAgain(needs, { ...ask, fromMs, book });
  const counted = book.take();
  const lastMinuteMs = Math.floor(ask.untilMs / MINUTE_MS) * MINUTE_MS;
  const minutes = [...counted.keys()].filter((startsAtMs) => startsAtMs !== lastMinuteMs);
  const lacking = new Map<number, Map<Dimension, Row>>();
  for (const dimension of DIMENSIONS) {
    const stored = new Map(await minuteRows(needs.marks, { dimension, minutes }));
    stored.set(lastMinuteMs, ask.lastRows.get(dimension) ?? new Map());
    for (const [startsAtMs, rows] of counted) {
      const row = lackingIn(rows.get(dimension) ?? new Map(), stored.get(startsAtMs) ?? new Map());
      const of = lacking.get(startsAtMs) ?? new Map<Dimension, Row>();
      lacking.set(startsAtMs, of.set(dimension, row));
    }
  }
  return lacking;
}

async function countAgain(
  { feed, spool }: RecountNeeds,
  of: RecountAsk & { readonly fromMs: number; readonly book: RollupBook },
): Promise<void> {
  const known = new Map<MessageId, MailFacts | null>();
  let place: FeedPlace | null = await feed.feedAt(of.fromMs);
  for (let seen = 0; seen < EVENTS_MOST && !of.signal.aborted;) {
    const { events, next } = await feed.feed(place, AT_ONCE);
    if (next === place) return;
    place = next;
    seen += events.length;
    for (const event of events) {
      if (event.atMs < of.fromMs || event.atMs >= of.untilMs) continue;
      of.book.sink(await withMail(spool, known, event));
    }
    if (events.length > 0 && events.every(({ atMs }) => atMs >= of.untilMs)) return;
  }
}

async function withMail(spool: RecountNeeds['spool'], known: Map<MessageId, MailFacts | null>, event: MessageEvent) {
  const { messageId } = event;
  let mail = known.get(messageId);
  if (mail === undefined) {
    if (known.size >= KNOWN_MOST) known.clear();
    mail = (await spool.story(messageId))?.message ?? null;
    known.set(messageId, mail);
  }
  return mail === null ? event : ofMail(event, mail);
}

/** @param stored names that were too many for it are in its rest, and are looked for there */
function lackingIn(counted: Row, stored: Row): Row {
  const hasRest = stored.has(REST);
  const alike: Row = new Map();
  for (const [name, cell] of counted) {
    const as = hasRest && !stored.has(name) ? REST : name;
    const sum = alike.get(as) ?? emptyCell();
    merge(sum, cell);
    alike.set(as, sum);
  }
  const lacking: Row = new Map();
  for (const [name, cell] of alike) {
    const more = correction(cell, stored.get(name) ?? emptyCell()).map((amount) => Math.max(0, amount));
    lacking.set(name, more);
  }
  return lacking;
}
