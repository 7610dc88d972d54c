import { expect, test } from 'vitest';
import { systemRandom } from '../system.ts';
import { isAccessKeyId, madeWith, newAccessKeyId, secretAccessKey, secretOf } from './access-key.ts';

const [OLD, NEW, OTHER] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2), Buffer.alloc(32, 3)];

test('a secret is made again of its id and the key it was made with, which may have others before it', () => {
  const id = newAccessKeyId(systemRandom);
  expect(isAccessKeyId(id)).toBe(true);
  const secret = secretAccessKey(OLD, id);
  expect(secret).toMatch(/^[A-Za-z0-9+/]{40}$/);
  const accessKey = { id, madeWith: madeWith(OLD) };
  expect(secretOf(accessKey, [NEW, OLD])).toBe(secret);
  expect(secretOf(accessKey, [NEW, OTHER])).toBeNull();
  expect(secretAccessKey(NEW, id)).not.toBe(secret);
  expect(JSON.stringify(accessKey)).not.toContain(OLD.toString('hex').slice(0, 16));
});

test('ids are others each time, and ids of others are none of ours', () => {
  const ids = Array.from({ length: 200 }, () => newAccessKeyId(systemRandom));
  expect(new Set(ids).size).toBe(200);
  for (const text of ['AKIDEXAMPLE', `${ids[0]}A`, ids[0]?.toLowerCase() ?? '', ''])
    expect(isAccessKeyId(text)).toBe(false);
});
