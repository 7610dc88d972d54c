import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packContent, unpackContent } from './content-form.ts';

const TEXT = Buffer.from('Dear customer, your order was shipped.\r\n'.repeat(200));

test('content comes back byte for byte, whatever it is and however large', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 3_000 }), fc.integer({ min: 1, max: 60 }), async (bytes, times) => {
      const content = Buffer.concat(Array.from({ length: times }, () => Buffer.from(bytes)));
      expect(await unpackContent(await packContent(content))).toEqual(content);
    }),
    { numRuns: 60 },
  );
});

test.each([
  ['text', TEXT, 0.2],
  ['a large text', Buffer.concat(Array.from({ length: 30 }, () => TEXT)), 0.1],
])('%s is kept small', async (_what, content, part) => {
  expect((await packContent(content)).length).toBeLessThan(content.length * part);
});

test('what would not get an eighth smaller is kept as it is', async () => {
  const content = Buffer.concat([randomBytes(9_000), Buffer.alloc(900)]);
  expect((await packContent(content)).subarray(5)).toEqual(content);
  const helps = Buffer.concat([randomBytes(9_000), Buffer.alloc(2_000)]);
  expect((await packContent(helps)).length).toBeLessThan(helps.length - 1_500);
});

test.each([
  ['text', TEXT],
  ['noise', randomBytes(2_000)],
])('a bit that changed anywhere in %s is noticed', async (_what, content) => {
  const stored = await packContent(content);
  for (let at = 0; at < stored.length; at += 7) {
    const bad = Buffer.from(stored);
    bad[at]! ^= 0x04;
    // A changed header of the compressor may not matter to what comes out of it.
    const found = await unpackContent(bad);
    if (found !== null) expect(found).toEqual(content);
  }
  for (const cut of [0, 4, 5, stored.length - 1]) expect(await unpackContent(stored.subarray(0, cut))).toBeNull();
});
