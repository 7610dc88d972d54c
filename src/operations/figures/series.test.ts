import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { MemoryMarks } from '../../../tests/fakes/marks.ts';
import { addLatency, addQueue, addTo, type Cell, emptyCell, latencyOf, placeOf } from '../../report/rollups/figures.ts';
import { REST, rowText } from '../../report/rollups/row.ts';
import { rowName } from '../../report/rollups/row-names.ts';
import { DAY_MS, type Dimension, HOUR_MS, type Level, MINUTE_MS } from '../../report/rollups/stretch.ts';
import { bouncesCsv, bounceReport } from './reports.ts';
import { seriesOf, tableOf } from './series.ts';

const NOW_MS = Date.UTC(2026, 2, 30, 12, 0, 30);

function aCell(delivered: number, bounced = 0): Cell {
  const cell = emptyCell();
  addTo(cell, placeOf('delivered'), delivered);
  addTo(cell, placeOf('bounced'), bounced);
  addTo(cell, placeOf('unknownUser'), bounced);
  return cell;
}

async function kept(
  rows: readonly (readonly [Dimension, Level, number, Readonly<Record<string, Cell>>])[],
): Promise<MemoryMarks> {
  const marks = new MemoryMarks();
  await marks.mark(
    rows.map(([dimension, level, startsAtMs, cells]) => ({
      name: rowName({ dimension, level, startsAtMs, node: randomBytes(2).toString('hex') }),
      text: rowText(new Map(Object.entries(cells))),
      atMs: NOW_MS,
    })),
  );
  return marks;
}

const reading = (marks: MemoryMarks) => ({ marks, nowMs: NOW_MS, timeZone: 'Europe/Madrid' });
const MINUTE = Math.floor(NOW_MS / MINUTE_MS) * MINUTE_MS;

test('an hour is told by the minute, with nothing where nothing happened', async () => {
  const marks = await kept([
    ['all', 'minute', MINUTE - 2 * MINUTE_MS, { all: aCell(3, 1) }],
    ['all', 'minute', MINUTE, { all: aCell(5) }],
  ]);
  const ask = { by: 'all', names: null, fromMs: NOW_MS - HOUR_MS, toMs: NOW_MS, stepMs: null } as const;
  const { stepMs, times, series } = await seriesOf(reading(marks), {
    ...ask,
    what: ['delivered', 'success', 'p95', 'queue'],
  });
  expect([stepMs, times.length, times.at(-1)]).toEqual([MINUTE_MS, 61, MINUTE / 1_000]);
  expect(series.map(({ name, figure, values }) => [name, figure, values.slice(-4)])).toEqual([
    ['all', 'delivered', [0, 3, 0, 5]],
    ['all', 'success', [null, 0.75, null, 1]],
    ['all', 'p95', [null, null, null, null]],
    ['all', 'queue', [0, 0, 0, null]],
  ]);
});

test('the greatest names have a series each, and the others one together', async () => {
  const cells = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`d${n}.test`, aCell(100 - n)]));
  const hour = Math.floor(NOW_MS / HOUR_MS) * HOUR_MS;
  const marks = await kept([
    ['destination', 'hour', hour, { ...cells, [REST]: aCell(7) }],
    ['destination', 'hour', hour - HOUR_MS, { 'd39.test': aCell(1_000) }],
  ]);
  const ask = {
    what: ['delivered'],
    by: 'destination',
    fromMs: hour - HOUR_MS,
    toMs: NOW_MS,
    stepMs: HOUR_MS,
  } as const;
  const { series } = await seriesOf(reading(marks), { ...ask, names: null });
  expect(series).toHaveLength(25);
  expect(series[0]).toMatchObject({ name: 'd39.test', values: [1_000, 61] });
  const rest = Array.from({ length: 16 }, (_, n) => 100 - 23 - n).reduce((sum, one) => sum + one, 7);
  expect(series.at(-1)).toMatchObject({ name: 'other', isRest: true, values: [0, rest] });
  const some = await seriesOf(reading(marks), { ...ask, names: ['d1.test', 'nobody.test'] });
  expect(some.series.map(({ name, values }) => [name, values])).toEqual([
    ['d1.test', [0, 99]],
    ['nobody.test', [0, 0]],
  ]);
});

test('days are those of the time zone, also when clocks are put forward', async () => {
  // In Madrid the 29th had 23 hours.
  const days = [Date.UTC(2026, 2, 27, 23), Date.UTC(2026, 2, 28, 23), Date.UTC(2026, 2, 29, 22)];
  const marks = await kept(days.map((day, n) => ['all', 'day', day, { all: aCell(n + 1) }] as const));
  const ask = { what: ['delivered'], by: 'all', names: null, toMs: NOW_MS, stepMs: DAY_MS } as const;
  const { times, series } = await seriesOf(reading(marks), { ...ask, fromMs: days[0] ?? 0 });
  expect(times).toEqual(days.map((day) => day / 1_000));
  expect(series[0]?.values).toEqual([1, 2, 3]);
});

test('a step that is not kept so long is the next one that is', async () => {
  const marks = new MemoryMarks();
  const stepOf = async (spanMs: number, stepMs: number | null): Promise<number> => {
    const ask = { what: ['delivered'], by: 'all', names: null, fromMs: NOW_MS - spanMs, toMs: NOW_MS, stepMs } as const;
    return (await seriesOf(reading(marks), ask)).stepMs;
  };
  expect(await stepOf(HOUR_MS, null)).toBe(MINUTE_MS);
  expect(await stepOf(24 * HOUR_MS, null)).toBe(10 * MINUTE_MS);
  expect(await stepOf(7 * DAY_MS, null)).toBe(HOUR_MS);
  expect(await stepOf(30 * DAY_MS, null)).toBe(DAY_MS);
  expect(await stepOf(3 * DAY_MS, MINUTE_MS)).toBe(HOUR_MS);
  expect(await stepOf(100 * DAY_MS, HOUR_MS)).toBe(DAY_MS);
  // However much is asked for, an answer has an end.
  const all = { what: ['delivered'], by: 'all', names: null, fromMs: 0, toMs: 8e15, stepMs: MINUTE_MS } as const;
  expect((await seriesOf(reading(marks), all)).times.length).toBeLessThan(405);
});

test('times are told to the width of their stretch, and never beyond the longest', () => {
  const cell = emptyCell();
  addLatency(cell, 200, 90);
  addLatency(cell, 7_000, 9);
  addLatency(cell, 40_000, 1);
  const { p50 = 0, p95 = 0, p99 = 0, max, mean, count } = latencyOf(cell) ?? {};
  expect([count, max, mean]).toEqual([100, 40_000, 1_210]);
  expect([p50 > 100 && p50 <= 250, p95 > 5_000 && p95 <= 10_000, p99 > 5_000 && p99 <= 40_000]).toEqual([
    true,
    true,
    true,
  ]);
  expect(latencyOf(emptyCell())).toBeNull();
});

test('what waited is told on average, at most, and by the age of the oldest', async () => {
  const cell = emptyCell();
  addQueue(cell, { deliveries: 10, oldestMs: 5_000 });
  addQueue(cell, { deliveries: 31, oldestMs: 65_000 });
  const marks = await kept([['all', 'minute', MINUTE, { all: cell }]]);
  const ask = { by: 'all', names: null, fromMs: MINUTE, toMs: NOW_MS, stepMs: MINUTE_MS } as const;
  const { series } = await seriesOf(reading(marks), { ...ask, what: ['queue', 'queueMax', 'oldest'] });
  expect(series.map(({ values }) => values)).toEqual([[21], [31], [65_000]]);
});

test('a report of bounces has those with the most first, and no formula in its CSV', async () => {
  const marks = await kept([
    ['all', 'minute', MINUTE, { all: aCell(90, 10) }],
    ['client', 'minute', MINUTE, { shop: aCell(90, 2), app: aCell(0, 8), quiet: aCell(5) }],
    ['tag', 'minute', MINUTE, { '=HYPERLINK("http://evil")': aCell(0, 1) }],
    ['reason', 'minute', MINUTE, { '550 5.1.1 (address): "no", they say': aCell(0, 10) }],
  ]);
  const figures = { table: (ask: Parameters<typeof tableOf>[1]) => tableOf(reading(marks), ask) };
  const report = await bounceReport(figures, { fromMs: NOW_MS - HOUR_MS, toMs: NOW_MS, limit: 10 });
  expect(report.by.client.map(({ name }) => name)).toEqual(['app', 'shop']);
  const lines = bouncesCsv(report).split('\r\n');
  expect(lines[0]).toMatch(/^by,name,bounced,returned,hard,/);
  expect(lines[1]).toMatch(/^all,all,10,0,.*,90,0,0\.1$/);
  expect(lines.find((line) => line.startsWith('tag'))).toMatch(/^tag,"'=HYPERLINK\(""http:\/\/evil""\)",1,/);
  expect(lines.find((line) => line.startsWith('reason'))).toContain('"550 5.1.1 (address): ""no"", they say",10');
});
