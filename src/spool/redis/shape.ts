/**
 * How many deliveries each destination has of each age: kept by the scripts with every change (`enter` and `replace` of shard.lua), in
 * the hash `shape` of each shard. A field is a stretch of time and a domain, `01K5Z3A dest.example`. The stretch is the beginning of
 * the ids of messages that were made in it: seven digits are 33 s, six 17 min, five 9 h, and a small letter after six or five is a quarter
 * of that. All are counted in the finest; where there are very many fields, those of longer ago are poured into longer stretches.
 */
import type { ShapeAsk, ShapeRow } from '../spool.ts';
import { SCRIPTS } from './scripts.ts';
import { listOf, textOf, type Store } from './store.ts';
import { coarserOf, COARSENINGS, middleOf } from './stretch.ts';

/** Of one shard; beyond it stretches are poured together. */
const CELLS_AT_MOST = 20_000;
/** So many are read each time they are asked for, which takes some 20 ms; of more, what was read lately does. */
const READ_EACH_TIME = 20_000;
const READ_AGAIN_MS = 30_000;
const OF_USE_MS = 15 * 60_000;
const POUR_AGAIN_MS = 5 * 60_000;

type Run = <Answer>(ask: (store: Store) => Promise<Answer>) => Promise<Answer>;

/** Counts by stretch and domain, of a shard. */
type Counts = Map<string, Map<string, number>>;

type Table = { readonly shards: readonly Counts[]; readonly cells: number; readonly atMs: number };

/** Of a table that is used for a while; `ages`: the columns that were asked for. */
type Sums = { readonly of: Table; readonly ages: string; readonly rows: readonly ShapeRow[] };

/** What one process read last. */
export class RedisShape {
  readonly #run: Run;
  #last: Table | null = null;
  #sums: Sums | null = null;
  #underway: Promise<Table> | null = null;
  #pouredMs = Number.NEGATIVE_INFINITY;

  /** @param run hands on the store, for as long as the spool is open */
  constructor(run: Run) {
    this.#run = run;
  }

  /** See `Spool.shape`. Exact where nothing changes meanwhile; half a minute old where there are very many destinations. */
  async rows(ask: ShapeAsk): Promise<readonly ShapeRow[]> {
    const last = this.#last;
    const ageMs = last === null ? Number.POSITIVE_INFINITY : Math.abs(ask.nowMs - last.atMs);
    if (last === null || last.cells <= READ_EACH_TIME || ageMs > OF_USE_MS)
      return this.#summed(await this.#reading(ask.nowMs), ask);
    // Before anybody waits for the sums of what was read: they take some 50 ms.
    if (ageMs > READ_AGAIN_MS)
      this.#reading(ask.nowMs)
        .then((table) => this.#summed(table, ask))
        .catch(() => undefined);
    return this.#summed(last, ask);
  }

  #summed(of: Table, ask: ShapeAsk): readonly ShapeRow[] {
    if (of.cells <= READ_EACH_TIME) return rowsOf(of, ask);
    const ages = ask.agesMs.join();
    if (this.#sums?.of !== of || this.#sums.ages !== ages) this.#sums = { of, ages, rows: rowsOf(of, ask) };
    return this.#sums.rows;
  }

  /** Has stretches of longer ago poured together where there are too many, and reads what is counted then. Many may do it at once. */
  async pour(nowMs: number, cellsAtMost = CELLS_AT_MOST): Promise<void> {
    this.#pouredMs = nowMs;
    await this.#run(async (store) => {
      for (const shard of store.shards) await pourShard(store, shard, { nowMs, cellsAtMost });
    });
    if ((this.#last?.cells ?? Number.POSITIVE_INFINITY) > READ_EACH_TIME) await this.#reading(nowMs);
  }

  /** Who asks while it is read gets the same. */
  #reading(nowMs: number): Promise<Table> {
    if (this.#underway !== null) return this.#underway;
    const reading = this.#run((store) => this.#read(store, nowMs));
    const over = (): void => void (this.#underway = null);
    this.#underway = reading;
    reading.then(over, over);
    return reading;
  }

  async #read(store: Store, atMs: number): Promise<Table> {
    const shards = await Promise.all(store.shards.map((shard) => countsIn(store, shard)));
    const sizes = shards.flatMap((counts) => [...counts.values()].map((domains) => domains.size));
    this.#last = { shards, cells: sizes.reduce((sum, size) => sum + size, 0), atMs };
    const isMuch = this.#last.cells > 2 * CELLS_AT_MOST * shards.length;
    if (isMuch && Math.abs(atMs - this.#pouredMs) > POUR_AGAIN_MS) this.pour(atMs).catch(() => undefined);
    return this.#last;
  }
}

function rowsOf({ shards }: Table, { nowMs, agesMs }: ShapeAsk): readonly ShapeRow[] {
  const rows = new Map<string, { readonly domain: string; total: number; readonly byAge: number[] }>();
  for (const counts of shards) {
    for (const [stretch, domains] of counts) {
      const ageMs = nowMs - Math.min(nowMs, middleOf(stretch));
      const column = agesMs.findIndex((endMs) => ageMs < endMs);
      const at = column === -1 ? agesMs.length : column;
      for (const [domain, count] of domains) {
        let row = rows.get(domain);
        if (row === undefined) {
          row = { domain, total: 0, byAge: [...agesMs.map(() => 0), 0] };
          rows.set(domain, row);
        }
        row.total += count;
        row.byAge[at] = (row.byAge[at] ?? 0) + count;
      }
    }
  }
  return [...rows.values()];
}

async function countsIn(store: Store, shard: number): Promise<Counts> {
  const counts: Counts = new Map();
  for await (const { cells } of windowsOf(store, shard)) {
    for (const { stretch, domain, count } of cells) {
      const domains = counts.get(stretch) ?? new Map<string, number>();
      // One that is read twice, as a growing hash has it, counts once.
      domains.set(domain, count);
      counts.set(stretch, domains);
    }
  }
  return counts;
}

type Pouring = { readonly nowMs: number; readonly cellsAtMost: number };

async function pourShard(store: Store, shard: number, { nowMs, cellsAtMost }: Pouring): Promise<void> {
  for (const agesMs of COARSENINGS) {
    for await (const { cells, total } of windowsOf(store, shard)) {
      if (total <= cellsAtMost) return;
      const moves = cells.flatMap(({ stretch, domain }) => {
        const into = coarserOf(stretch, nowMs, agesMs);
        return into === stretch ? [] : [`${stretch} ${domain}`, `${into} ${domain}`];
      });
      if (moves.length > 0) await store.run(shard, SCRIPTS.pour, moves);
    }
  }
}

type Cell = { readonly stretch: string; readonly domain: string; readonly count: number };
type Window = { readonly cells: readonly Cell[]; readonly total: number };

/** Some hundred fields at a time: what takes the server less than a millisecond. */
async function* windowsOf(store: Store, shard: number): AsyncGenerator<Window> {
  for (let cursor = '0'; ;) {
    const [next, some, total] = listOf(await store.run(shard, SCRIPTS.cells, [cursor]));
    const pairs = listOf(some);
    const cells: Cell[] = [];
    for (let place = 0; place < pairs.length; place += 2) {
      const name = textOf(pairs[place]);
      const space = name.indexOf(' ');
      cells.push({
        stretch: name.slice(0, space),
        domain: name.slice(space + 1),
        count: Number(textOf(pairs[place + 1])),
      });
    }
    yield { cells, total: Number(total) };
    cursor = textOf(next);
    if (cursor === '0') return;
  }
}
