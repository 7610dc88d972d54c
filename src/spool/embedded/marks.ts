import type { Mark, MarkExchange } from '../marks.ts';
import type { Store } from './store.ts';
import type { MarksPage } from './wire.ts';

const PAGE_MARKS = 500;
const PAGE_BYTES = 1024 * 1024;

/** A page of `Marks.marks`. */
export function marks(
  store: Store,
  { prefix, after }: { readonly prefix: string; readonly after: string | null },
): MarksPage {
  const rows = store.iterate<Mark>(
    `SELECT name, text, at AS atMs FROM mark WHERE name ${after === null ? '>=' : '>'} ? ORDER BY name`,
    after ?? prefix,
  );
  const found: Mark[] = [];
  let bytes = 0;
  for (const row of rows) {
    if (!row.name.startsWith(prefix)) break;
    found.push(row);
    bytes += row.text.length;
    if (found.length === PAGE_MARKS || bytes >= PAGE_BYTES) return { marks: found, next: row.name };
  }
  return { marks: found, next: null };
}

/** See `Marks.mark`. */
export function mark(store: Store, made: readonly Mark[]): null {
  for (const { name, text, atMs } of made) {
    store.run(
      `INSERT INTO mark(name, text, at) VALUES (?, ?, ?)
       ON CONFLICT(name) DO UPDATE SET text = excluded.text, at = excluded.at WHERE excluded.at >= mark.at`,
      name,
      text,
      atMs,
    );
  }
  return null;
}

/** See `Marks.unmark`. */
export function unmark(store: Store, names: readonly string[]): null {
  for (const name of names) store.run('DELETE FROM mark WHERE name = ?', name);
  return null;
}

/** See `Marks.exchange`. */
export function exchange(store: Store, { given, made, gone }: MarkExchange): boolean {
  for (const { name, text } of given) {
    const known = store.get<Pick<Mark, 'text'>>('SELECT text FROM mark WHERE name = ?', name);
    if ((known?.text ?? null) !== text) return false;
  }
  for (const { name, text, atMs } of made)
    store.run('INSERT OR REPLACE INTO mark(name, text, at) VALUES (?, ?, ?)', name, text, atMs);
  unmark(store, gone);
  return true;
}
