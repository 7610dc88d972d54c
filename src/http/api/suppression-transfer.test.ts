import { expect, test } from 'vitest';
import { rowsOf } from '../../operations/suppress/rows.ts';
import { inPieces } from './suppression-transfer.ts';

test('a long list is read whole, and others have their turn meanwhile', async () => {
  const lines = Array.from({ length: 20_000 }, (_, at) => `ann${at}@domain-${at % 7}.test`);
  let [turns, isOver] = [0, false];
  const turn = (): void => {
    turns += 1;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  let rows = 0;
  for await (const _ of rowsOf(inPieces(lines.join('\r\n')))) rows += 1;
  isOver = true;
  expect(rows).toBe(lines.length);
  expect(turns).toBeGreaterThan(10);
});
