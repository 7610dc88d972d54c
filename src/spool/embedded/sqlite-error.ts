/** What SQLite's result codes mean to a spool (https://www.sqlite.org/rescode.html, primary codes). */
export type SqliteFault =
  /** No space left where the database is. */
  | 'full'
  /** Reading or writing failed. */
  | 'broken-disk'
  /** The file is damaged or is no database. */
  | 'corrupt'
  /** Another process has it. */
  | 'locked'
  | 'other';

const FAULTS: Readonly<Record<number, SqliteFault>> = {
  5: 'locked',
  6: 'locked',
  8: 'broken-disk',
  10: 'broken-disk',
  11: 'corrupt',
  13: 'full',
  14: 'broken-disk',
  26: 'corrupt',
};

/** null: the error does not come from SQLite. */
export function sqliteFault(error: unknown): SqliteFault | null {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return null;
  return FAULTS[error.errcode & 0xff] ?? 'other';
}
