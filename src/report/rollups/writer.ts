/**
 * Adds what was counted to the rows of the store: those of a minute, its hour and its day in one go, so that they always agree.
 * A relay adds to rows of its own while a stretch goes on, and to that of all relays once it is over; whoever reads adds them up.
 */
import type { Policy } from '../../policy/schema.ts';
import type { Clock } from '../../ports.ts';
import type { MarkExchange, Marks, MarkStore } from '../../spool/marks.ts';
import { readAhead } from '../../spool/read-ahead.ts';
import { SpoolError } from '../../spool/spool.ts';
import type { MinuteRows } from './book.ts';
import { foldStretch } from './fold-stretch.ts';
import { type Addition, oneRow, ownRow } from './fold.ts';
import { addRow, parseRow, type Row } from './row.ts';
import { rowName, ROLLUP_STATES, type Stretch, stretchName } from './row-names.ts';
import { parseState, readStateText, type RollupState, stateText } from './state.ts';
import { type Dimension, doneMs, HOUR_MS, KEPT_MS, LEVELS, startOf } from './stretch.ts';

export type WriterNeeds = {
  readonly marks: Pick<MarkStore, 'marks' | 'exchange'>;
  readonly clock: Clock;
  readonly policy: () => Pick<Policy, 'timeZone'>;
  /** This relay's name. */
  readonly node: string;
};

/** What others do to the rows of a stretch that is over may come in between. */
const TRIES = 10;
/** Read and put together at once: some ms. */
const ROWS_AT_ONCE = [16] as const;

export type Minutes = ReadonlyMap<number, MinuteRows>;

export class RollupWriter {
  readonly #needs: WriterNeeds;
  /** What this relay's state says in the store; undefined: not known. */
  #state: string | null | undefined;
  /** What the last write was to make of it, each time that it was tried: where the store did not answer it is to be seen whether it did. */
  readonly #asked = new Set<string>();
  #writes = 0;

  constructor(needs: WriterNeeds) {
    this.#needs = needs;
  }

  /**
   * Adds minutes of one hour; all of it or nothing. Rejects with `SpoolError`: it may have been written all the same, and is to
   * be asked for again, as the very next, with the same minutes.
   * @param state what is to be kept beside it
   */
  async write(minutes: Minutes, state: Omit<RollupState, 'writes'>): Promise<void> {
    const { marks, clock, node } = this.#needs;
    for (let tries = 0; tries < TRIES; tries++) {
      if (this.#state === undefined && (await this.#isWritten())) return;
      const nowMs = clock.nowMs();
      this.#writes += 1;
      const made = { name: ROLLUP_STATES + node, text: stateText({ ...state, writes: this.#writes }), atMs: nowMs };
      const given = { name: made.name, text: this.#state ?? null };
      const rows = await this.#exchangesFor(minutes, nowMs);
      this.#asked.add(made.text);
      this.#state = undefined;
      if (!(await marks.exchange(together([{ given: [given], made: [made], gone: [] }, ...rows])))) continue;
      this.#state = made.text;
      this.#asked.clear();
      return;
    }
    throw new SpoolError('unavailable', 'others wrote to the same figures again and again');
  }

  /** Whether the write that was not answered took place. From then on what the store says is known. */
  async #isWritten(): Promise<boolean> {
    const { marks, node } = this.#needs;
    const known = await readStateText(marks, node);
    this.#state = known;
    this.#writes = Math.max(this.#writes, parseState(known)?.writes ?? 0);
    const isWritten = known !== null && this.#asked.has(known);
    if (isWritten) this.#asked.clear();
    return isWritten;
  }

  /** Some at a time: each takes a millisecond or two, and mail goes on in between. */
  async #exchangesFor(minutes: Minutes, nowMs: number): Promise<readonly MarkExchange[]> {
    const exchanges: MarkExchange[] = [];
    const added = this.#rowsFor(minutes, nowMs).values();
    const read = (one: Pick<Addition, 'stretch' | 'row'>) => this.#exchangeFor({ ...one, nowMs });
    for await (const exchange of readAhead(added, read, ROWS_AT_ONCE)) if (exchange !== null) exchanges.push(exchange);
    return exchanges;
  }

  /** null: it says so already. */
  async #exchangeFor(added: Addition): Promise<MarkExchange | null> {
    const { marks, node } = this.#needs;
    const { stretch, nowMs } = added;
    if (doneMs(stretch.level, stretch.startsAtMs) <= nowMs)
      return oneRow(await foldStretch(marks, stretch, nowMs), added);
    const name = rowName({ ...stretch, node });
    const known = (await marks.marks(name)).find((one) => one.name === name);
    return ownRow(known, name, added);
  }

  /** What is added to which stretch. */
  #rowsFor(minutes: Minutes, nowMs: number): Map<string, { readonly stretch: Stretch; readonly row: Row }> {
    const { timeZone } = this.#needs.policy();
    const added = new Map<string, { readonly stretch: Stretch; readonly row: Row }>();
    for (const [minuteMs, rows] of minutes) {
      const levels = LEVELS.filter((level) => minuteMs >= nowMs - KEPT_MS[level]);
      for (const [dimension, row] of rows) {
        if (row.size === 0) continue;
        for (const level of levels) {
          const stretch: Stretch = { dimension, level, startsAtMs: startOf(level, minuteMs, timeZone) };
          const name = stretchName(stretch);
          const sum = added.get(name) ?? { stretch, row: new Map() };
          addRow(sum.row, row);
          added.set(name, sum);
        }
      }
    }
    return added;
  }
}

/** One exchange of several that are of different marks. */
function together(exchanges: readonly MarkExchange[]): MarkExchange {
  return {
    given: exchanges.flatMap(({ given }) => given),
    made: exchanges.flatMap(({ made }) => made),
    gone: exchanges.flatMap(({ gone }) => gone),
  };
}

/** Parts of which each can be written at once: minutes of one hour. */
export function byHour(minutes: Minutes): readonly Minutes[] {
  const hours = Map.groupBy(minutes, ([startsAtMs]) => Math.floor(startsAtMs / HOUR_MS));
  return [...hours.values()].map((some) => new Map(some));
}

/** Rows as they are in the store now, of all relays together. */
export async function minuteRows(
  marks: Pick<Marks, 'marks'>,
  { dimension, minutes }: { readonly dimension: Dimension; readonly minutes: readonly number[] },
): Promise<ReadonlyMap<number, Row>> {
  const rows = new Map<number, Row>();
  for (const startsAtMs of minutes) {
    const sum: Row = new Map();
    for (const { text } of await marks.marks(stretchName({ dimension, level: 'minute', startsAtMs })))
      addRow(sum, parseRow(text));
    if (sum.size > 0) rows.set(startsAtMs, sum);
  }
  return rows;
}
