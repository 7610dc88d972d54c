/**
 * How many deliveries each destination has of each age: kept by the scripts with every change (`enter` and `replace` of shard.lua), in
 * the hash `shape` of each shard. A field is a stretch of time and a domain, `01K5Z3A dest.example`. The stretch is the beginning of
 * the ids of messages that were made in it: seven digits are 33 s, six 17 min, five 9 h, and a small letter after six or five is a quarter
 * of that. All are counted in the finest; where there are very many fields, those of longer ago are poured into longer stretches.
 */
import { messageTimeMs, type MessageId } from '../../message/ids.ts';
import type { ShapeAsk, ShapeRow } from '../spool.ts';
import { SCRIPTS } from './scripts.ts';
import { listOf, textOf, type Store } from './store.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Of all shards together; beyond it stretches are poured together. */
const CELLS_AT_MOST = 20_000;
/** What takes the server some 0.3 ms. */
const POURED_AT_ONCE = 500;
/** From which age on a stretch of that length is fine enough, ms, the finest first. Of the second, where the first leaves too many. */
const AGES_MS = [
  [0, 10 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS, 48 * HOUR_MS],
  [0, 3 * MINUTE_MS, 15 * MINUTE_MS, 3 * HOUR_MS, 12 * HOUR_MS],
] as const;
/** A stretch by its fineness, 0 the finest, of any that is finer. */
const STRETCHES: readonly ((stretch: string) => string)[] = [
  (stretch) => stretch,
  (stretch) => quarterOf(stretch, 6),
  (stretch) => stretch.slice(0, 6),
  (stretch) => quarterOf(stretch, 5),
  (stretch) => stretch.slice(0, 5),
];
const QUARTERS = 'abcd';
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const ID_TIME_DIGITS = 10;

type Cell = { readonly shard: number; readonly stretch: string; readonly domain: string; readonly count: number };

/** So many are read each time they are asked for, which takes some 20 ms; of more, what was read lately does. */
const READ_EACH_TIME = 30_000;
const READ_AGAIN_MS = 30_000;
const OF_USE_MS = 15 * MINUTE_MS;

/** What one process read last. */
export class RedisShape {
  readonly #run: <Answer>(ask: (store: Store) => Promise<Answer>) => Promise<Answer>;
  #last: { readonly cells: readonly Cell[]; readonly atMs: number } | null = null;
  #isReading = false;

  /** @param run hands on the store, for as long as the spool is open */
  constructor(run: <Answer>(ask: (store: Store) => Promise<Answer>) => Promise<Answer>) {
    this.#run = run;
  }

  /** See `Spool.shape`. Exact where nothing changes meanwhile; half a minute old where there are very many destinations. */
  async rows(ask: ShapeAsk): Promise<readonly ShapeRow[]> {
    const { cells = [], atMs = Number.NEGATIVE_INFINITY } = this.#last ?? {};
    const ageMs = Math.abs(ask.nowMs - atMs);
    if (cells.length <= READ_EACH_TIME || ageMs > OF_USE_MS) return rowsOf(await this.#read(ask.nowMs), ask);
    if (ageMs > READ_AGAIN_MS && !this.#isReading) this.#read(ask.nowMs).catch(() => undefined);
    return rowsOf(cells, ask);
  }

  /** Has stretches of longer ago poured together where there are too many. Many may do it at once. */
  async pour(nowMs: number, cellsAtMost = CELLS_AT_MOST): Promise<void> {
    for (const ages of AGES_MS) {
      const cells = await this.#read(nowMs);
      if (cells.length <= cellsAtMost) return;
      await this.#run((store) => pour(store, cells, { nowMs, ages }));
    }
    await this.#read(nowMs);
  }

  async #read(nowMs: number): Promise<readonly Cell[]> {
    this.#isReading = true;
    try {
      const cells = await this.#run(cellsOf);
      this.#last = { cells, atMs: nowMs };
      return cells;
    } finally {
      this.#isReading = false;
    }
  }
}

function rowsOf(cells: readonly Cell[], ask: ShapeAsk): readonly ShapeRow[] {
  const rows = new Map<string, { total: number; byAge: number[] }>();
  for (const { stretch, domain, count } of cells) {
    const ageMs = ask.nowMs - Math.min(ask.nowMs, middleOf(stretch));
    const column = ask.agesMs.findIndex((endMs) => ageMs < endMs);
    const at = column === -1 ? ask.agesMs.length : column;
    const row = rows.get(domain) ?? { total: 0, byAge: [...ask.agesMs.map(() => 0), 0] };
    row.total += count;
    row.byAge[at] = (row.byAge[at] ?? 0) + count;
    rows.set(domain, row);
  }
  return [...rows].map(([domain, row]) => ({ domain, ...row }));
}

async function pour(
  store: Store,
  cells: readonly Cell[],
  { nowMs, ages }: { readonly nowMs: number; readonly ages: readonly number[] },
): Promise<void> {
  for (const [shard, some] of Map.groupBy(cells, (cell) => cell.shard)) {
    const moves = some.flatMap(({ stretch, domain }) => {
      const into = coarserOf(stretch, nowMs, ages);
      return into === stretch ? [] : [`${stretch} ${domain}`, `${into} ${domain}`];
    });
    for (let from = 0; from < moves.length; from += 2 * POURED_AT_ONCE)
      await store.run(shard, SCRIPTS.pour, moves.slice(from, from + 2 * POURED_AT_ONCE));
  }
}

/** Whoever is read twice, as a growing hash has it, counts once. */
async function cellsOf(store: Store): Promise<Cell[]> {
  const shards = await Promise.all(store.shards.map((shard) => cellsIn(store, shard)));
  return shards.flat();
}

async function cellsIn(store: Store, shard: number): Promise<Cell[]> {
  const cells = new Map<string, Cell>();
  for (let cursor = '0'; ;) {
    const [next, some] = listOf(await store.run(shard, SCRIPTS.cells, [cursor]));
    const pairs = listOf(some);
    for (let place = 0; place < pairs.length; place += 2) {
      const name = textOf(pairs[place]);
      const space = name.indexOf(' ');
      const [stretch, domain] = [name.slice(0, space), name.slice(space + 1)];
      cells.set(name, { shard, stretch, domain, count: Number(textOf(pairs[place + 1])) });
    }
    cursor = textOf(next);
    if (cursor === '0') return [...cells.values()];
  }
}

/** The longest that is fine enough for its age; its own where that is longer. */
function coarserOf(stretch: string, nowMs: number, ages: readonly number[]): string {
  const ageMs = nowMs - endOf(stretch);
  const fineness = Math.max(
    ages.findLastIndex((fromMs) => ageMs >= fromMs),
    finenessOf(stretch),
  );
  return STRETCHES[fineness]?.(stretch) ?? stretch;
}

function finenessOf(stretch: string): number {
  const isQuarter = QUARTERS.includes(stretch.at(-1) ?? '0');
  return 2 * (7 - stretch.length) + (isQuarter ? 1 : 0);
}

/** @param digits of a stretch that has more than so many */
function quarterOf(stretch: string, digits: number): string {
  const digit = stretch.charAt(digits);
  const quarter = QUARTERS.includes(digit) ? digit : QUARTERS.charAt(Math.floor(DIGITS.indexOf(digit) / 8));
  return stretch.slice(0, digits) + quarter;
}

function startOf(stretch: string): number {
  const quarter = QUARTERS.indexOf(stretch.at(-1) ?? '0');
  const digits = quarter === -1 ? stretch : stretch.slice(0, -1) + DIGITS.charAt(quarter * 8);
  return messageTimeMs(digits.padEnd(ID_TIME_DIGITS, '0') as MessageId);
}

function lengthOf(stretch: string): number {
  const isQuarter = QUARTERS.includes(stretch.at(-1) ?? '0');
  return 32 ** (ID_TIME_DIGITS - stretch.length) * (isQuarter ? 8 : 1);
}

function endOf(stretch: string): number {
  return startOf(stretch) + lengthOf(stretch);
}

function middleOf(stretch: string): number {
  return startOf(stretch) + lengthOf(stretch) / 2;
}
