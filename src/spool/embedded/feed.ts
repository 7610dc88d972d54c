/**
 * All events in the order of their rows. A place is the row that was told last, behind what tells this history from any other
 * that the store had, or another store has.
 */
import type { FeedPlace } from '../feed.ts';
import type { Store } from './store.ts';
import type { FeedPage } from './wire.ts';

const EVENTS_AT_ONCE = 1_000;
const PAGE_BYTES = 1024 * 1024;
/** Events are written a little after they were made, and by several clocks. */
const EARLIER_MS = 60_000;
/** Rows behind the last that could be read: a salvaged history goes on behind them. */
const SKIPPED = 1_000_000;

/** See `Feed.feed`. */
export function feed(
  store: Store,
  { after, limit }: { readonly after: FeedPlace | null; readonly limit: number },
): FeedPage {
  const from = after === null ? 0 : rowAt(store, after);
  if (from === null || from > lastRow(store)) return { bodies: [], next: feedEnd(store) };
  const rows = store.iterate<{ seq: number; message: number; body: string }>(
    'SELECT seq, message, body FROM event WHERE seq > ? ORDER BY seq LIMIT ?',
    from,
    Math.min(limit, EVENTS_AT_ONCE),
  );
  const bodies: string[] = [];
  let bytes = 0;
  let last: number | null = null;
  for (const { seq, message, body } of rows) {
    last = seq;
    if (message === NOBODY) continue;
    bodies.push(body);
    bytes += body.length;
    if (bytes >= PAGE_BYTES) break;
  }
  return { bodies, next: last === null ? after : placeOf(store, last) };
}

/** See `Feed.feedEnd`. */
export function feedEnd(store: Store): FeedPlace | null {
  const last = lastRow(store);
  return last === 0 ? null : placeOf(store, last);
}

/** See `Feed.feedAt`. Looked up by halves: the rows are nearly in the order of their times. */
export function feedAt(store: Store, atMs: number): FeedPlace | null {
  const first = store.get<{ seq: number | null }>('SELECT min(seq) AS seq FROM event')?.seq ?? null;
  if (first === null) return null;
  let [before, from] = [first - 1, lastRow(store) + 1];
  while (from - before > 1) {
    const middle = Math.floor((before + from) / 2);
    const row = store.get<{ seq: number; at: number }>(
      'SELECT seq, at FROM event WHERE seq >= ? AND message != 0 ORDER BY seq LIMIT 1',
      middle,
    );
    if (row === undefined || row.seq >= from || row.at >= atMs - EARLIER_MS) from = middle;
    else before = row.seq;
  }
  return placeOf(store, before);
}

/** Places that were given are of another history from now on. */
export function renewFeed(store: Store): void {
  store.run("DELETE FROM tally WHERE name = 'feed'");
}

/** The message of a row that only keeps its number from being given again. */
const NOBODY = 0;

/** Runs `forget`, which takes events away; no number that was given is given again. */
export function forgetting<Result>(store: Store, forget: () => Result): Result {
  const last = lastRow(store);
  const result = forget();
  if (lastRow(store) < last) keepNumber(store, last);
  return result;
}

/** What could not be read of a damaged history may have been told. */
export function skipRows(store: Store, epoch: number | null): void {
  keepNumber(store, lastRow(store) + SKIPPED);
  if (epoch !== null) store.run("INSERT OR REPLACE INTO tally(name, count) VALUES ('feed', ?)", epoch);
}

function keepNumber(store: Store, seq: number): void {
  store.run('DELETE FROM event WHERE message = ?', NOBODY);
  store.run("INSERT INTO event(seq, message, at, kind, body) VALUES (?, ?, 0, '', '')", seq, NOBODY);
}

function lastRow(store: Store): number {
  return store.get<{ seq: number | null }>('SELECT max(seq) AS seq FROM event')?.seq ?? 0;
}

function placeOf(store: Store, row: number): FeedPlace {
  return `${epochOf(store)}.${row}`;
}

/** null: it is a place of another history, or none. */
function rowAt(store: Store, place: FeedPlace): number | null {
  const [, epoch, row] = /^(\d+)\.(\d+)$/.exec(place) ?? [];
  return Number(epoch) === epochOf(store) ? Number(row) : null;
}

function epochOf(store: Store): number {
  const read = (): number | undefined =>
    store.get<{ count: number }>("SELECT count FROM tally WHERE name = 'feed'")?.count;
  const known = read();
  if (known !== undefined) return known;
  store.run("INSERT INTO tally(name, count) VALUES ('feed', abs(random() % 1000000000000))");
  return read() ?? 0;
}
