/** What the figures of a year take. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { openEmbeddedSpool } from '../../spool/embedded/spool.ts';
import type { Mark } from '../../spool/marks.ts';
import { addLatency, addTo, emptyCell, placeOf } from './figures.ts';
import { type Row, rowText, trimmed } from './row.ts';
import { rowName } from './row-names.ts';
import { DAY_MS, DIMENSIONS, HOUR_MS, type Level, MINUTE_MS } from './stretch.ts';

const START_MS = Date.UTC(2026, 4, 5, 10, 0, 30);

/** Of a million messages a day: 20 exits, 5 streams, 50 clients, 5,000 destinations, 100 tags. */
function aRow(dimension: (typeof DIMENSIONS)[number], level: Level, messages: number): Row {
  const counts = { all: 1, exit: 20, stream: 5, client: 50, destination: 5_000, tag: 100, reason: 150 };
  const names = counts[dimension];
  const row: Row = new Map();
  const sum = Array.from({ length: names }, (_, n) => 1 / (n + 1)).reduce((all, one) => all + one, 0);
  for (let n = 0; n < names; n++) {
    const amount = Math.round((messages / sum / (n + 1)) * (0.8 + 0.4 * Math.random()));
    if (amount === 0) continue;
    const cell = emptyCell();
    for (const [figure, share] of [
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
    ] as const)
      addTo(cell, placeOf(figure), Math.round(amount * share * (0.9 + 0.2 * Math.random())));
    // The time that it took: most within seconds, the rest by a second or third try.
    addLatency(cell, 380, Math.round(amount * 0.4 * (0.9 + 0.2 * Math.random())));
    for (const waitedMs of [800, 2_000, 4_000, 200_000, 700_000])
      addLatency(cell, waitedMs, Math.round(amount * 0.1 * Math.random()));
    const name =
      dimension === 'reason' ? `550 5.1.1 (address): no such user here, reason ${n}` : `${dimension}-${n}.example`;
    row.set(name, cell);
  }
  const isByOthers = ['destination', 'tag', 'reason'].includes(dimension);
  return trimmed(row, level === 'minute' && isByOthers ? 20 : 100);
}

test('a million messages a day for a year take less than 200 MB', { timeout: 30_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'relevo-figures-'));
  try {
    const stretches: readonly [Level, number, number, number][] = [
      ['minute', 48 * 60, MINUTE_MS, 694],
      ['hour', 90 * 24, HOUR_MS, 41_667],
      ['day', 430, DAY_MS, 1_000_000],
    ];
    const file = join(folder, 'spool.db');
    await (
      await openEmbeddedSpool({ path: folder, durability: 'relaxed', clock: new FakeClock() })
    )[Symbol.asyncDispose]();
    const emptyBytes = statSync(file).size;
    // Every eightieth stretch of each: what they take adds up.
    const part = 80;

    {
      await using spool = await openEmbeddedSpool({ path: folder, durability: 'relaxed', clock: new FakeClock() });
      for (const [level, count, lengthMs, messages] of stretches)
        for (let n = 0; n < count / part; n++) {
          const startsAtMs = START_MS - n * lengthMs;
          const made = DIMENSIONS.map((dimension): Mark => {
            const name = rowName({ dimension, level, startsAtMs, node: 'relay-1' });
            return { name, text: rowText(aRow(dimension, level, messages)), atMs: START_MS };
          });
          await spool.marks.mark(made);
        }
    }
    const bytes = part * (statSync(file).size - emptyBytes);
    expect(bytes / 1e6).toBeLessThan(200);
    expect(bytes / 1e6).toBeGreaterThan(20);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
