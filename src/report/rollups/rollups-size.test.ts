/** What the figures of a year take, of one relay and of several. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { startRedis } from '../../../tests/fakes/redis.ts';
import { openEmbeddedSpool } from '../../spool/embedded/spool.ts';
import type { Mark, MarkStore } from '../../spool/marks.ts';
import { openRedisLink } from '../../spool/redis/open-link.ts';
import { openRedisSpool } from '../../spool/redis/spool.ts';
import { systemClock } from '../../system.ts';
import { addLatency, addTo, emptyCell, type Figure, placeOf } from './figures.ts';
import { oneRow, ownRow } from './fold.ts';
import { REST, type Row } from './row.ts';
import { rowName, type Stretch } from './row-names.ts';
import { DAY_MS, type Dimension, DIMENSIONS, HOUR_MS, type Level, MINUTE_MS } from './stretch.ts';

const START_MS = Date.UTC(2026, 4, 5, 10, 0, 30);
const NAMES = { all: 1, exit: 20, stream: 5, client: 50, destination: 5_000, tag: 100, reason: 1_000 } as const;
const SHARES: readonly (readonly [Figure, number])[] = [
  ['accepted', 1],
  ['recipients', 1.1],
  ['acceptedBytes', 52_347],
  ['delivered', 1.04],
  ['sentBytes', 50_123],
  ['attempts', 1.2],
  ['deferred', 0.1],
  ['bounced', 0.03],
  ['unknownUser', 0.02],
  ['policy', 0.01],
  ['opened', 0.2],
  ['clicked', 0.03],
  ['confirmed', 0.9],
];

/** The same at each run; from 0 to 1. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
const random = randomOf(7);

/** Letters that compress as badly as those of real names. */
const word = (length: number): string =>
  Array.from({ length }, () => 'etaoinshrdlcumwfgypbvk'[Math.floor(random() ** 1.5 * 22)]).join('');
const WORDS = Array.from({ length: 400 }, () => word(3 + Math.floor(random() * 8)));
const said = (): string => Array.from({ length: 12 }, () => WORDS[Math.floor(random() * WORDS.length)]).join(' ');
const nameOf = (dimension: Dimension): string =>
  dimension === 'reason' ? `550 5.7.1 ${said()}` : `${word(6 + Math.floor(random() * 9))}.${word(3)}`;
const ALL_NAMES = Object.fromEntries(
  DIMENSIONS.map((dimension) => [dimension, Array.from({ length: NAMES[dimension] }, () => nameOf(dimension))]),
);

/** So many messages, spread over the names as mail is: the second has half of the first. Three of a hundred bounce. */
function aRow(dimension: Dimension, all: number): Row {
  const messages = dimension === 'reason' ? all * 0.03 : all;
  const names = ALL_NAMES[dimension] ?? [];
  const row: Row = new Map();
  const sum = names.reduce((before, _, n) => before + 1 / (n + 1), 0);
  const around = (amount: number): number => Math.round(amount * (0.9 + 0.2 * random()));
  for (const [n, name] of names.entries()) {
    const amount = Math.round((messages / sum / (n + 1)) * (0.8 + 0.4 * random()));
    // What is far behind is in the rest anyway.
    const cell = n < 600 ? emptyCell() : (row.get(REST) ?? emptyCell());
    if (amount === 0) continue;
    row.set(n < 600 ? name : REST, cell);
    if (dimension === 'reason') {
      for (const figure of ['bounced', n % 3 === 0 ? 'policy' : 'unknownUser'] as const)
        addTo(cell, placeOf(figure), amount);
      continue;
    }
    for (const [figure, share] of SHARES) addTo(cell, placeOf(figure), around(amount * share));
    // The time that it took: most within seconds, the rest by a second or third try.
    addLatency(cell, 380, around(amount * 0.4));
    for (const waitedMs of [800, 2_000, 4_000, 200_000, 700_000])
      addLatency(cell, waitedMs, Math.round(amount * 0.1 * random()));
  }
  return row;
}

/** What the relays have of one stretch, as it is kept while it goes on and once it is over. */
function marksOf(stretch: Stretch, of: { messages: number; nodes: number; isOver: boolean }): readonly Mark[] {
  const own = Array.from({ length: of.nodes }, (_, n) => {
    const row = aRow(stretch.dimension, of.messages / of.nodes);
    return ownRow(undefined, rowName({ ...stretch, node: `relay-${n}` }), { stretch, row, nowMs: START_MS }).made;
  }).flat();
  if (!of.isOver) return own;
  return oneRow(own, { stretch, row: new Map(), nowMs: START_MS })?.made ?? own;
}

/** Of a million messages a day: how many stretches there are, how long they are, and of how many what they take is looked at. */
const STRETCHES: readonly (readonly [Level, number, number, number, boolean])[] = [
  // An hour after its end, and up to an hour until somebody looks.
  ['minute', 180, MINUTE_MS, 3, false],
  ['hour', 3, HOUR_MS, 1, false],
  ['day', 2, DAY_MS, 1, false],
  ['minute', 48 * 60, MINUTE_MS, 24, true],
  ['hour', 90 * 24, HOUR_MS, 18, true],
  ['day', 430, DAY_MS, 4, true],
];

type Store = { readonly marks: () => MarkStore; readonly bytes: () => Promise<number> };

/** Bytes of each of the lines above for itself: what is looked at stands for all. */
async function bytesOfYear(nodes: number, { marks, bytes }: Store): Promise<number> {
  let sum = 0;
  let before = await bytes();
  for (const [level, count, lengthMs, looked, isOver] of STRETCHES) {
    for (let n = 0; n < looked; n++) {
      const startsAtMs = START_MS - n * lengthMs - (isOver ? 100 * DAY_MS : 0);
      const messages = (1_000_000 * lengthMs) / DAY_MS;
      const made = DIMENSIONS.flatMap((dimension) =>
        marksOf({ dimension, level, startsAtMs }, { messages, nodes, isOver }),
      );
      await marks().mark(made);
    }
    const after = await bytes();
    sum += (after - before) * (count / looked);
    before = after;
  }
  return sum;
}

test('a million messages a day for a year take less than 200 MB', { timeout: 30_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'relevo-figures-'));
  try {
    let spool = await openEmbeddedSpool({ path: folder, durability: 'relaxed', clock: new FakeClock() });
    // Closed, a database is one file.
    const bytes = async (): Promise<number> => {
      await spool[Symbol.asyncDispose]();
      const { size } = statSync(join(folder, 'spool.db'));
      spool = await openEmbeddedSpool({ path: folder, durability: 'relaxed', clock: new FakeClock() });
      return size;
    };
    const year = await bytesOfYear(1, { bytes, marks: () => spool.marks });
    await spool[Symbol.asyncDispose]();
    expect(year / 1e6).toBeLessThan(200);
    expect(year / 1e6).toBeGreaterThan(20);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('four relays on one Redis take no more than 200 MB either', { timeout: 30_000 }, async () => {
  await using server = await startRedis({ settings: ['appendonly no'] });
  const link = await openRedisLink({
    target: { kind: 'single', url: server.url },
    clock: systemClock,
    durability: 'relaxed',
  });
  await using spool = await openRedisSpool({ link, clock: new FakeClock(), node: 'one', prefix: 'relevo:' });
  const bytes = async (): Promise<number> =>
    Number(/^used_memory_dataset:(\d+)/m.exec(await server.cli('INFO', 'memory'))?.[1]);
  const year = await bytesOfYear(4, { marks: () => spool.marks, bytes });
  expect(year / 1e6).toBeLessThan(200);
  expect(year / 1e6).toBeGreaterThan(20);
});
