/** Reads what can still be read of a damaged database, row by row where it must be. */
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { sqliteFault } from './sqlite-error.ts';
import type { Store } from './store.ts';

const ROWS_AT_ONCE = 500;
/** Look-ups that may fail in one table before the rest of it is given up: some seconds. */
const FAILURES_AT_MOST = 200_000;
/** How far past the last row that could be read others are looked for, when the end of a table and its indexes are unreadable. */
const BEYOND_LAST = 2_000;

type Row = Record<string, SQLOutputValue>;
/** `epoch`: of the feed; null: it had none, or it cannot be read. */
export type Carried = {
  readonly messagesCarried: number;
  readonly rowsUnreadable: number | null;
  readonly epoch: number | null;
};

const COLUMNS = {
  message: 'seq, id, sender, size, received_at, open, finished_at, meta',
  content: 'message, checksum, bytes',
  delivery:
    'seq, message, ordinal, domain, client, priority, state, due_at, lease_until, token, attempts, warned_at, last_reply, last_egress, recipients',
  event: 'seq, message, at, kind, body',
  dedupe: 'key, message_id, until',
  ledger: 'account, window_ms, starts_at, used',
  move: 'one, mark, cursor',
  arrival: 'kind, key, amount',
  figure: 'account, starts_at, amount, keep_until',
  turn: 'account, place, taken_at',
  mark: 'name, text, at',
  suppression: 'number, address, client, stream, reason, evidence, source, at, until',
  provider: 'id, message',
} as const;

/** Where else the row numbers of a table are. */
const INDEXES = {
  message: [
    { column: 'rowid', table: 'message', name: 'message_id' },
    { column: 'message', table: 'event', name: 'event_message' },
  ],
  content: [{ column: 'rowid', table: 'message', name: 'message_id' }],
  delivery: [{ column: 'rowid', table: 'delivery', name: 'delivery_of' }],
  event: [{ column: 'rowid', table: 'event', name: 'event_message' }],
} as const;

const BY_ROWID = ['message', 'content', 'delivery', 'event'] as const;
const BY_KEY = ['dedupe', 'ledger', 'move', 'arrival', 'figure', 'turn', 'mark', 'suppression', 'provider'] as const;

/** Copies every row that can be read from the damaged database to the fresh one. */
export function carryOver(source: DatabaseSync, store: Store): Carried {
  const tables = source.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  const has = (table: string): boolean => tables.some((row) => row['name'] === table);
  if (!BY_ROWID.some(has)) return { messagesCarried: 0, rowsUnreadable: null, epoch: null };
  let messagesCarried = 0;
  let rowsUnreadable = 0;
  for (const table of BY_ROWID.filter(has)) {
    const writer = new Writer(store, table, COLUMNS[table]);
    rowsUnreadable += readByRowid(source, table, (rows) => writer.write(rows)) + writer.refused;
    if (table === 'message') messagesCarried = writer.written;
  }
  for (const table of BY_KEY.filter(has)) {
    const writer = new Writer(store, table, COLUMNS[table]);
    // From both ends up to the damage: what lies behind it in one direction lies before it in the other.
    for (const order of ['ASC', 'DESC'] as const)
      readUntilError(source, { table, order }, (rows) => writer.write(rows));
  }
  return { messagesCarried, rowsUnreadable, epoch: epochIn(source) };
}

function epochIn(source: DatabaseSync): number | null {
  try {
    const epoch = source.prepare("SELECT count FROM tally WHERE name = 'feed'").get()?.['count'];
    return typeof epoch === 'number' ? epoch : null;
  } catch {
    return null;
  }
}

class Writer {
  written = 0;
  refused = 0;
  readonly #store: Store;
  readonly #sql: string;

  constructor(store: Store, table: string, columns: string) {
    this.#store = store;
    const places = columns.split(', ').map(() => '?');
    this.#sql = `INSERT OR IGNORE INTO ${table}(${columns}) VALUES (${places.join(', ')})`;
  }

  write(rows: readonly Row[]): void {
    this.#store.begin();
    for (const row of rows) {
      try {
        this.written += this.#store.run(this.#sql, ...Object.values(row));
      } catch (error) {
        // A value of another type than the column's: the row was changed by the damage.
        if (!this.#store.inTransaction) throw error;
        this.refused += 1;
      }
    }
    this.#store.commit();
  }
}

type Table = (typeof BY_ROWID)[number];
type Range = { readonly from: number; readonly to: number };
type Write = (rows: readonly Row[]) => void;

/** Returns how many row numbers could not be looked up. */
function readByRowid(source: DatabaseSync, table: Table, write: Write): number {
  let unreadable = 0;
  let failures = 0;
  const open: Range[] = [{ from: 0, to: lastRowid(source, table) }];
  for (let range = open.pop(); range !== undefined; range = open.pop()) {
    if (failures > FAILURES_AT_MOST) {
      unreadable += range.to - range.from + 1;
      continue;
    }
    const read = readRange(source, table, range);
    let next = range.from;
    try {
      for (let rows = read.next(); rows.done !== true; rows = read.next()) {
        write(rows.value);
        next = lastNumber(rows.value) + 1;
      }
    } catch (error) {
      const fault = sqliteFault(error);
      if (fault === null || fault === 'full') throw error;
      failures += 1;
      const middle = Math.floor((next + range.to) / 2);
      if (next >= range.to) unreadable += 1;
      else open.push({ from: middle + 1, to: range.to }, { from: next, to: middle });
    }
  }
  return unreadable;
}

function* readRange(source: DatabaseSync, table: Table, range: Range): Generator<readonly Row[]> {
  const statement = source.prepare(
    `SELECT ${COLUMNS[table]} FROM ${table} NOT INDEXED WHERE rowid BETWEEN ? AND ? ORDER BY rowid LIMIT ${ROWS_AT_ONCE}`,
  );
  for (let next = range.from; ;) {
    const rows = statement.all(next, range.to);
    if (rows.length > 0) yield rows;
    if (rows.length < ROWS_AT_ONCE) return;
    next = lastNumber(rows) + 1;
  }
}

/** Of rows that begin with their row number. */
function lastNumber(rows: readonly Row[]): number {
  return Number(Object.values(rows.at(-1) ?? {})[0] ?? 0);
}

/** The end of a table; where that is unreadable, what one of its indexes knows of it. */
function lastRowid(source: DatabaseSync, table: Table): number {
  const queries = [
    `SELECT max(rowid) AS last FROM ${table} NOT INDEXED`,
    ...INDEXES[table].map(
      (index) => `SELECT max(+${index.column}) AS last FROM ${index.table} INDEXED BY ${index.name}`,
    ),
  ];
  for (const sql of queries) {
    try {
      return Number(source.prepare(sql).get()?.['last'] ?? 0);
    } catch {
      // The next may be readable.
    }
  }
  let last = 0;
  readUntilError(source, { table, order: 'ASC' }, (rows) => {
    last = lastNumber(rows);
  });
  return last + BEYOND_LAST;
}

function readUntilError(
  source: DatabaseSync,
  what: { readonly table: keyof typeof COLUMNS; readonly order: 'ASC' | 'DESC' },
  write: Write,
): void {
  const columns = COLUMNS[what.table];
  const rows: Row[] = [];
  try {
    const sql = `SELECT ${columns} FROM ${what.table} ORDER BY ${columns.split(', ')[0]} ${what.order}`;
    for (const row of source.prepare(sql).iterate()) {
      rows.push(row);
      if (rows.length >= ROWS_AT_ONCE) write(rows.splice(0));
    }
  } catch {
    // The damage begins here.
  }
  if (rows.length > 0) write(rows);
}
