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
  /** A value breaks a rule of its table: the same again comes to the same. */
  | 'refused'
  | 'other';

const FAULTS: Readonly<Record<number, SqliteFault>> = {
  5: 'locked',
  6: 'locked',
  8: 'broken-disk',
  10: 'broken-disk',
  11: 'corrupt',
  13: 'full',
  14: 'broken-disk',
  18: 'refused',
  19: 'refused',
  20: 'refused',
  25: 'refused',
  26: 'corrupt',
};

/** null: the error does not come from SQLite. */
export function sqliteFault(error: unknown): SqliteFault | null {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return null;
  return FAULTS[error.errcode & 0xff] ?? 'other';
}

/** Whether what was asked is at fault, not the store; Node's own refusal of a value that SQLite has no type for included. */
export function isOfTheAsker(error: unknown): boolean {
  return sqliteFault(error) === 'refused' || error instanceof TypeError;
}

/** What an error says, with the result code where it is SQLite that says it. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'errcode' in error ? `${error.message} (SQLite ${String(error.errcode)})` : error.message;
}
