/** Figures of mail by minute, hour and day: what is kept of them, and for how long. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { MemoryMarks } from '../../../tests/fakes/marks.ts';
import { loaded } from '../../../tests/fakes/policy-text.ts';
import type { Event, MailFacts } from '../../message/event.ts';
import { deliveryIdOf, newMessageId } from '../../message/ids.ts';
import { tableOf } from '../../operations/figures/series.ts';
import type { Mark } from '../../spool/marks.ts';
import { SpoolError } from '../../spool/spool.ts';
import { RollupBook } from './book.ts';
import { addTo, type Cell, emptyCell, FIGURES } from './figures.ts';
import { openRollups, type Rollups } from './rollups.ts';
import { keptName, parseRow, REST, type Row, rowText, trimmed } from './row.ts';
import { DAY_MS, type DIMENSIONS, HOUR_MS, MINUTE_MS } from './stretch.ts';

const MAIL: MailFacts = { client: 'shop', stream: 'marketing', tag: 'spring', sizeBytes: 1_000 };
const START_MS = Date.UTC(2026, 4, 5, 10, 0, 30);

class World implements AsyncDisposable {
  readonly clock = new FakeClock(START_MS);
  readonly book = new RollupBook();
  readonly emitted: Event[] = [];
  readonly marks: MemoryMarks;
  #rollups: Rollups | null = null;

  constructor(marks = new MemoryMarks()) {
    this.marks = marks;
  }

  /** @param queue what waits; `tookMs`: to find that out */
  async open(node = 'relay', queue: { deliveries: number; tookMs?: number } = { deliveries: 0 }): Promise<this> {
    const overview = async () => {
      if (queue.tookMs !== undefined) await this.clock.sleep(queue.tookMs);
      return { ...queue, oldestCreatedAtMs: this.clock.nowMs() - 5_000 } as never;
    };
    this.#rollups = await openRollups({
      book: this.book,
      marks: this.marks,
      spool: { overview, story: () => Promise.resolve(null) },
      feed: null,
      policy: () => loaded('hostname: a\ntimeZone: Europe/Madrid\n').policy,
      clock: this.clock,
      emit: (event) => void this.emitted.push(event),
      node,
    });
    return this;
  }

  delivered(
    domain: string,
    change: { readonly atMs?: number; readonly recipients?: number; readonly mail?: MailFacts } = {},
  ): void {
    const { atMs = this.clock.nowMs(), recipients = 1, mail = MAIL } = change;
    const messageId = newMessageId(atMs - 400, randomBytes(10));
    this.book.sink({
      event: 'delivered',
      atMs,
      messageId,
      deliveryId: deliveryIdOf(messageId, 1),
      domain,
      recipients: Array.from({ length: recipients }, (_, n) => `r${n}@${domain}`),
      reply: null,
      egress: 'one',
      mail,
    });
  }

  async table(by: (typeof DIMENSIONS)[number], spanMs = HOUR_MS) {
    const nowMs = this.clock.nowMs();
    const reading = { marks: this.marks, nowMs, timeZone: 'Europe/Madrid' };
    return tableOf(reading, { by, fromMs: nowMs - spanMs, toMs: nowMs, limit: 1_000 });
  }

  names(prefix: string): string[] {
    return this.marks.all().flatMap(({ name }) => (name.startsWith(prefix) ? [name] : []));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const rollups = this.#rollups;
    this.#rollups = null;
    await rollups?.[Symbol.asyncDispose]();
  }
}

test('a minute, its hour and its day are written in one go, within seconds', async () => {
  await using world = await new World().open();
  world.delivered('a.test', { recipients: 3 });
  world.delivered('b.test');
  const before = world.marks.writes;
  await world.clock.advance(10_000);
  expect(world.marks.writes).toBe(before + 1);
  for (const spanMs of [HOUR_MS, 5 * HOUR_MS, 20 * DAY_MS]) {
    const { rows, total } = await world.table('destination', spanMs);
    expect(rows.map(({ name, figures }) => [name, figures.delivered, figures.sentBytes])).toEqual([
      ['a.test', 3, 1_000],
      ['b.test', 1, 1_000],
    ]);
    expect([total.figures.delivered, total.success, total.latencyMs?.count]).toEqual([4, 1, 4]);
    expect(total.latencyMs).toMatchObject({ mean: 400, max: 400 });
  }
  // A day begins at midnight of the policy's time zone.
  expect(world.names('rollup:all:d:')).toEqual(['rollup:all:d:2026-05-04T22:00:relay']);
});

test('an idle relay writes nothing', async () => {
  await using world = await new World().open();
  // The look at what is to be kept is once an hour.
  await world.clock.advance(5 * MINUTE_MS);
  const before = world.marks.writes;
  await world.clock.advance(50 * MINUTE_MS);
  expect(world.marks.writes).toBe(before);
});

test('what waits is looked at each minute, until nothing does', async () => {
  const queue = { deliveries: 40 };
  await using world = await new World().open('relay', queue);
  await world.clock.advance(3 * MINUTE_MS);
  queue.deliveries = 0;
  await world.clock.advance(3 * MINUTE_MS);
  const samples = world.names('rollup:all:m:').map((name) => rowOf(world.marks.all(), name).get('all'));
  expect(samples.length).toBeGreaterThanOrEqual(3);
  expect(samples.length).toBeLessThanOrEqual(5);
});

test('no minute is left out while something waits, however long it takes to look', async () => {
  await using world = await new World().open('relay', { deliveries: 40, tookMs: 3_000 });
  await world.clock.advance(60 * MINUTE_MS);
  expect(world.names('rollup:all:m:').length).toBeGreaterThanOrEqual(60);
});

function rowOf(marks: readonly Mark[], name: string): Row {
  return parseRow(marks.find((mark) => mark.name === name)?.text ?? '');
}

test('nothing is lost while the store is away, nor counted twice when an answer is', async () => {
  const marks = new MemoryMarks();
  await using world = await new World(marks).open();
  world.delivered('a.test');
  marks.isAway = true;
  await world.clock.advance(30_000);
  world.delivered('a.test');
  await world.clock.advance(30_000);
  expect(world.emitted).toHaveLength(1);
  marks.isAway = false;
  await world.clock.advance(20_000);
  expect((await world.table('all')).total.figures.delivered).toBe(2);

  const mark = marks.mark.bind(marks);
  marks.mark = async (made) => {
    await mark(made);
    marks.mark = mark;
    throw new SpoolError('unavailable', 'no answer');
  };
  world.delivered('a.test');
  await world.clock.advance(40_000);
  expect((await world.table('all')).total.figures.delivered).toBe(3);
});

test('nodes add to figures of their own, and whoever reads adds them up', async () => {
  const marks = new MemoryMarks();
  const [one, two] = [new World(marks), new World(marks)];
  await using _ = await one.open('one');
  await using __ = await two.open('one2');
  one.delivered('a.test');
  two.delivered('a.test', { recipients: 2 });
  await one.clock.advance(10_000);
  await two.clock.advance(10_000);
  expect((await one.table('destination')).rows).toMatchObject([{ name: 'a.test', figures: { delivered: 3 } }]);
});

test('a hundred names are kept by name and the rest together, the greatest whenever they come', async () => {
  await using world = await new World().open();
  for (let n = 0; n < 1_500; n++) world.delivered(`small${n}.test`);
  await world.clock.advance(10_000);
  world.delivered('late.test', { recipients: 50 });
  await world.clock.advance(10_000);
  // An hour after it is over, the row of the hour is cut as that of the minute was.
  await world.clock.advance(3 * HOUR_MS);
  for (const spanMs of [3.01 * HOUR_MS, 5 * HOUR_MS]) {
    const { rows, total } = await world.table('destination', spanMs);
    expect(rows).toHaveLength(101);
    expect(rows[0]).toMatchObject({ name: 'late.test', figures: { delivered: 50 } });
    expect(rows.at(-1)).toMatchObject({ name: 'other', isRest: true, figures: { delivered: 1_401 } });
    expect(total.figures.delivered).toBe(1_550);
  }
});

test('minutes are kept for two days, hours for 90, days for 400 and their month', async () => {
  const world = await new World().open();
  world.delivered('a.test');
  await world.clock.advance(10_000);
  await world[Symbol.asyncDispose]();
  const kept = async (afterMs: number): Promise<number[]> => {
    const later = new World(world.marks);
    await later.clock.advance(afterMs);
    await later.open();
    await later.clock.advance(HOUR_MS + 3 * MINUTE_MS);
    await later[Symbol.asyncDispose]();
    return ['m', 'h', 'd'].map((level) => later.names(`rollup:all:${level}:`).length);
  };
  expect(await kept(46 * HOUR_MS)).toEqual([1, 1, 1]);
  expect(await kept(50 * HOUR_MS)).toEqual([0, 1, 1]);
  expect(await kept(89 * DAY_MS)).toEqual([0, 1, 1]);
  expect(await kept(92 * DAY_MS)).toEqual([0, 0, 1]);
  expect(await kept(399 * DAY_MS)).toEqual([0, 0, 1]);
  expect(await kept(432 * DAY_MS)).toEqual([0, 0, 0]);
});

test('a row is what it was when it is read again, whatever its names are', () => {
  const cell = fc.array(fc.tuple(fc.nat(FIGURES.length - 1), fc.nat(1e9)), { maxLength: 6 }).map((sums): Cell => {
    const made = emptyCell();
    addTo(made, 0, 1);
    for (const [place, amount] of sums) addTo(made, place, amount);
    return made;
  });
  const name = fc.string({ unit: 'grapheme', maxLength: 30 }).map((text) => keptName(text));
  fc.assert(
    fc.property(fc.array(fc.tuple(name, cell), { maxLength: 60 }), (cells) => {
      const row: Row = new Map(cells);
      expect(parseRow(rowText(row))).toEqual(row);
      const cut = trimmed(row, 5);
      expect([...cut.keys()].filter((one) => one !== REST).length).toBeLessThanOrEqual(5);
      for (let place = 0; place < FIGURES.length; place++) expect(sumOf(cut, place)).toBe(sumOf(row, place));
    }),
    { numRuns: 60 },
  );
  expect(parseRow('~not base64 of anything')).toEqual(new Map());
});

function sumOf(row: Row, place: number): number {
  return [...row.values()].reduce((sum, cell) => sum + (cell[place] ?? 0), 0);
}
