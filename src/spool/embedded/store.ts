import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { MessageEvent } from '../../message/event.ts';
import { Census } from './census.ts';
import { emptyTally, readTally, writeTally, type Tally, type TallyName } from './tally.ts';
import { Turns } from '../turns.ts';

/** The database as the operations see it: statements prepared once, one transaction at a time, counters that follow it. */
export class Store {
  readonly turns = new Turns();
  readonly census = new Census();
  /** The wall time that a caller told last, ms: it says what may be forgotten. Goes back when the clock does. */
  toldMs = 0;
  /**
   * Space is short: what a retry would add to the database (its events, the peer's last words) is left out, so that mail
   * that is tried again and again cannot use up the room that delivering it needs. What proves conservation is written.
   */
  frugal = false;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #tally: Tally = emptyTally();
  #committed: Tally = emptyTally();
  /** Of this transaction. */
  #told: MessageEvent[] = [];
  readonly #onEvents: (events: readonly MessageEvent[]) => void;

  /** @param onEvents hears of what the store did by itself, once that is durable: nobody else knows of it */
  constructor(database: DatabaseSync, onEvents: (events: readonly MessageEvent[]) => void = () => undefined) {
    this.#database = database;
    this.#onEvents = onEvents;
  }

  get tally(): Readonly<Tally> {
    return this.#tally;
  }

  /** Returns how many rows changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  /** Returns the rowid. */
  insert(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).lastInsertRowid);
  }

  get<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...values) as Row | undefined;
  }

  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }

  /** Rows one by one; nothing may be written before it ends. */
  iterate<Row>(sql: string, ...values: SQLInputValue[]): IterableIterator<Row> {
    return this.#statement(sql).iterate(...values) as IterableIterator<Row>;
  }

  /** SQL that is used once, or is not known beforehand. */
  exec(sql: string): void {
    this.#database.exec(sql);
  }

  count(name: TallyName, change: number): void {
    this.#tally[name] += change;
  }

  /** To be told with the commit. */
  tell(event: MessageEvent): void {
    this.#told.push(event);
  }

  begin(): void {
    this.#statement('BEGIN').run();
  }

  /** On disk when it returns, as far as the durability asked for goes. */
  commit(): void {
    writeTally(this, this.#committed, this.#tally);
    this.#statement('COMMIT').run();
    this.#committed = { ...this.#tally };
    this.census.commit();
    if (this.#told.length === 0) return;
    const events = this.#told;
    this.#told = [];
    this.#onEvents(events);
  }

  /** Also after an error that ended the transaction by itself. */
  rollback(): void {
    if (this.#database.isTransaction) this.#statement('ROLLBACK').run();
    this.#tally = { ...this.#committed };
    this.census.undo(0);
    this.#told = [];
  }

  /** Runs `change` so that it is undone alone if it throws. Inside a transaction. */
  guarded<T>(change: () => T): T {
    const before = { ...this.#tally };
    const toldBefore = this.#told.length;
    const { mark } = this.census;
    this.#statement('SAVEPOINT one').run();
    try {
      const result = change();
      this.#statement('RELEASE one').run();
      return result;
    } catch (error) {
      this.#tally = before;
      this.#told.length = toldBefore;
      this.census.undo(mark);
      if (this.#database.isTransaction) this.exec('ROLLBACK TO one; RELEASE one');
      throw error;
    }
  }

  /** Whether the database can be written: throws if it cannot. */
  probe(): void {
    try {
      this.begin();
      this.run("INSERT INTO tally VALUES ('probe', 1) ON CONFLICT(name) DO UPDATE SET count = count + 1");
      this.commit();
    } catch (error) {
      this.rollback();
      throw error;
    }
  }

  get inTransaction(): boolean {
    return this.#database.isTransaction;
  }

  /** Takes the counters from the database, or from `tally` when they were counted anew. */
  load(tally: Tally = readTally(this)): void {
    this.#tally = { ...tally };
    this.#committed = readTally(this);
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
