import { expect, test } from 'vitest';
import { readAhead } from './read-ahead.ts';

/** `asked`: how many were asked for when each was used. */
async function used(count: number, upTo: number): Promise<{ found: number[]; asked: number[] }> {
  let begun = 0;
  const [found, asked]: [number[], number[]] = [[], []];
  const all = Array.from({ length: count }, (_, place) => place);
  for await (const one of readAhead(all, async (place) => ((begun += 1), place * 10), [1, 2, 4])) {
    found.push(one);
    asked.push(begun);
    if (found.length === upTo) break;
  }
  return { found, asked };
}

test('all come in their order, more and more of them asked for together', async () => {
  expect(await used(9, 100)).toEqual({
    found: [0, 10, 20, 30, 40, 50, 60, 70, 80],
    asked: [1, 3, 3, 7, 7, 7, 7, 9, 9],
  });
});

test('whoever needs the first only has asked for no other', async () => {
  expect(await used(9, 1)).toEqual({ found: [0], asked: [1] });
});

test('nothing comes of nothing', async () => {
  expect(await used(0, 1)).toEqual({ found: [], asked: [] });
});

test('what cannot be read is told where its turn comes, and what was asked for beside it disturbs nobody', async () => {
  const found: number[] = [];
  const all = async (): Promise<void> => {
    const read = (place: number): Promise<number> =>
      place < 2 ? Promise.resolve(place) : Promise.reject(new Error(`no ${place}`));
    for await (const one of readAhead([0, 1, 2, 3, 4, 5, 6], read, [1, 2, 4])) found.push(one);
  };
  await expect(all()).rejects.toThrow('no 2');
  expect(found).toEqual([0, 1]);
});
