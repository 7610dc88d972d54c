/** Figures of several relays at once, whatever comes in between. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { MemoryMarks } from '../../../tests/fakes/marks.ts';
import { type MarkExchange, type Marks, MARKS_AT_MOST } from '../../spool/marks.ts';
import { SpoolError } from '../../spool/spool.ts';
import type { MinuteRows } from './book.ts';
import { addTo, emptyCell, placeOf } from './figures.ts';
import { readRows } from './read.ts';
import { parseRow, REST, type Row, rowText } from './row.ts';
import { rowName } from './row-names.ts';
import { HOUR_MS, type Level, LEVELS, MINUTE_MS } from './stretch.ts';
import { keepUp } from './upkeep.ts';
import { RollupWriter } from './writer.ts';

const DELIVERED = placeOf('delivered');
const NODES = ['one', 'two', 'three'];
const START_MS = Date.UTC(2026, 4, 5, 10, 20);

/** Answers of some of its exchanges are lost: `never`: and nothing was done, `yet`: it was. */
class LossyMarks extends MemoryMarks {
  readonly fates: ('well' | 'never' | 'yet')[] = [];

  override async exchange(exchange: MarkExchange): Promise<boolean> {
    const fate = this.fates.shift() ?? 'well';
    if (fate === 'never') throw new SpoolError('unavailable', 'not asked');
    const isDone = await super.exchange(exchange);
    if (fate === 'yet') throw new SpoolError('unavailable', 'no answer');
    return isDone;
  }
}

function counted(amount: number, atMs: number): Map<number, MinuteRows> {
  const cell = emptyCell();
  addTo(cell, DELIVERED, amount);
  const row: Row = new Map([['a.test', cell]]);
  const rows: MinuteRows = new Map([
    ['all', row],
    ['destination', row],
  ]);
  return new Map([[Math.floor(atMs / MINUTE_MS) * MINUTE_MS, rows]]);
}

async function sumOf(marks: Pick<Marks, 'marks'>, level: Level, nowMs: number): Promise<number> {
  let sum = 0;
  const ask = { dimension: 'destination', level, fromMs: nowMs - 80 * HOUR_MS, toMs: nowMs + 1 } as const;
  for await (const { row } of readRows(marks, ask)) sum += row.get('a.test')?.[DELIVERED] ?? 0;
  return sum;
}

test('no figure is lost or counted twice, whoever writes, folds, is late or gets no answer', async () => {
  const step = fc.record({
    node: fc.nat(NODES.length - 1),
    amount: fc.integer({ min: 1, max: 9 }),
    agoMinutes: fc.oneof(fc.constant(0), fc.nat(150)),
    isUpkeep: fc.boolean(),
  });
  const round = fc.record({
    minutes: fc.constantFrom(0, 1, 40, 90),
    steps: fc.array(step, { minLength: 1, maxLength: 6 }),
    fates: fc.array(fc.constantFrom('well' as const, 'never' as const, 'yet' as const), { maxLength: 12 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 8 }), async (rounds) => {
      const clock = new FakeClock(START_MS);
      const marks = new LossyMarks();
      const policy = () => ({ timeZone: 'Europe/Madrid' });
      const writers = NODES.map((node) => new RollupWriter({ marks, clock, node, policy }));
      let all = 0;
      for (const { minutes, steps, fates } of rounds) {
        await clock.advance(minutes * MINUTE_MS);
        const nowMs = clock.nowMs();
        marks.fates.splice(0, marks.fates.length, ...fates);
        const byNode = Map.groupBy(steps, ({ node }) => node);
        // Relays at the same time, each one thing after the other.
        await Promise.all(
          [...byNode].map(async ([node, own]) => {
            for (const { amount, agoMinutes, isUpkeep } of own) {
              all += amount;
              const some = counted(amount, nowMs - agoMinutes * MINUTE_MS);
              const write = async (): Promise<boolean> => {
                await writers[node]?.write(some, { countedMs: nowMs, isOpen: true });
                return true;
              };
              for (let isWritten = false; !isWritten;) isWritten = await write().catch(() => false);
              const ask = { marks, node: NODES[node] ?? '', nowMs };
              if (isUpkeep) await keepUp(ask).catch(() => undefined);
            }
          }),
        );
        for (const level of LEVELS) expect(await sumOf(marks, level, nowMs)).toBe(all);
      }
      marks.fates.length = 0;
      await clock.advance(28 * HOUR_MS);
      await keepUp({ marks, node: 'last', nowMs: clock.nowMs() });
      for (const level of LEVELS) expect(await sumOf(marks, level, clock.nowMs())).toBe(all);
      const names = marks.all().flatMap(({ name }) => (name.startsWith('rollup:') ? [name] : []));
      const stretches = names.map((name) => /^rollup:\w+:.:[-0-9]+T\d\d:\d\d/.exec(name)?.[0]);
      expect(stretches.length).toBe(new Set(stretches).size);
    }),
    { numRuns: 60 },
  );
});

test('one of the relays does the upkeep of an hour, and another goes on where it was killed', async () => {
  const marks = new MemoryMarks();
  const clock = new FakeClock(START_MS);
  const writers = NODES.map((node) => new RollupWriter({ marks, clock, node, policy: () => ({ timeZone: 'UTC' }) }));
  for (const writer of writers) await writer.write(counted(1, START_MS), { countedMs: START_MS, isOpen: true });
  await clock.advance(5 * HOUR_MS);
  const rows = () => marks.all().filter(({ name }) => name.startsWith('rollup:destination:m:')).length;
  const nowMs = clock.nowMs();
  const dying = {
    marks: (prefix: string) => marks.marks(prefix),
    unmark: (names: readonly string[]) => marks.unmark(names),
    exchange: async (exchange: MarkExchange): Promise<boolean> => {
      // The claim is made; then it is killed.
      if (exchange.gone.length > 0) throw new SpoolError('unavailable', 'killed');
      return marks.exchange(exchange);
    },
  };
  await expect(keepUp({ marks: dying, node: 'one', nowMs })).rejects.toThrow('killed');
  await keepUp({ marks, node: 'two', nowMs: nowMs + MINUTE_MS });
  expect(rows()).toBe(3);
  await keepUp({ marks, node: 'two', nowMs: nowMs + 11 * MINUTE_MS });
  expect(rows()).toBe(1);
  const { writes } = marks;
  for (const node of NODES) await keepUp({ marks, node, nowMs: nowMs + 12 * MINUTE_MS });
  expect(marks.writes).toBe(writes);
});

test('the minutes of more relays than rows can be read at once are read all the same', async () => {
  const marks = new MemoryMarks();
  const limited = { marks: async (prefix: string) => (await marks.marks(prefix)).slice(0, MARKS_AT_MOST) };
  const [[startsAtMs, rows] = [0, new Map()]] = counted(1, START_MS);
  const text = rowText(rows.get('destination') ?? new Map());
  const nodes = Array.from({ length: 200 }, (_, n) => `relay-${n}`);
  for (let minute = 0; minute < 60; minute++) {
    const stretch = {
      dimension: 'destination',
      level: 'minute',
      startsAtMs: startsAtMs + (minute - 20) * MINUTE_MS,
    } as const;
    await marks.mark(nodes.map((node) => ({ name: rowName({ ...stretch, node }), text, atMs: 0 })));
  }
  expect(await sumOf(limited, 'minute', START_MS + HOUR_MS)).toBe(12_000);
});

test('a row of names that are too long together is one that can be kept, with the sums that it had', () => {
  const row: Row = new Map();
  for (let n = 0; n < 301; n++) {
    const cell = emptyCell();
    addTo(cell, DELIVERED, 1_000 - n);
    const letters = crypto.getRandomValues(new Uint16Array(200));
    row.set(String.fromCodePoint(...letters.map((letter) => 0x4e00 + (letter % 20_000))), cell);
  }
  const text = rowText(row);
  expect(Buffer.byteLength(text)).toBeLessThan(64 * 1024);
  const kept = parseRow(text);
  expect(kept.size).toBeGreaterThan(50);
  expect([...kept.keys()].filter((name) => name !== REST)).toEqual([...row.keys()].slice(0, kept.size - 1));
  const total = (some: Row): number => [...some.values()].reduce((sum, cell) => sum + (cell[DELIVERED] ?? 0), 0);
  expect(total(kept)).toBe(total(row));
});
