import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deliveryIdOf, newMessageId } from '../message/ids.ts';
import { readVerpLocal, verpLocal, type VerpToken } from './verp.ts';

const KEYS = [Buffer.alloc(32, 1)];
const DOMAIN = 'bounces.example.com';

function aToken(ordinal = 1): VerpToken {
  return { deliveryId: deliveryIdOf(newMessageId(Date.UTC(2026, 10, 20), randomBytes(10)), ordinal), day: 20_779 };
}

test('what is made is read again, whatever became of its case, and fits into a local part', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 999_999 }), fc.integer({ min: 0, max: 46_655 }), (ordinal, day) => {
      const token = { ...aToken(ordinal), day };
      const local = verpLocal(token, DOMAIN, KEYS);
      expect(local).toMatch(/^b\+[0-9a-z-]+$/);
      expect(local.length).toBeLessThanOrEqual(64);
      expect(readVerpLocal(local, DOMAIN, KEYS)).toEqual(token);
      expect(readVerpLocal(local.toUpperCase(), DOMAIN, KEYS)).toEqual(token);
    }),
  );
});

describe('a return path is not believed', () => {
  const token = aToken();
  const local = verpLocal(token, DOMAIN, KEYS);

  test('where any one character of it is another', () => {
    for (let at = 0; at < local.length; at++) {
      const other = local[at] === '2' ? '3' : '2';
      expect(readVerpLocal(local.slice(0, at) + other + local.slice(at + 1), DOMAIN, KEYS), `${at}`).toBeNull();
    }
  });

  test('at another domain, with another key, without one, or with more around it', () => {
    expect(readVerpLocal(local, 'bounces.example.net', KEYS)).toBeNull();
    expect(readVerpLocal(local, DOMAIN, [Buffer.alloc(32, 2)])).toBeNull();
    expect(readVerpLocal(local, DOMAIN, [])).toBeNull();
    for (const text of [`x${local}`, `${local}0`, `${local}\n`, local.slice(0, -1), '', 'b+', `"${local}"`])
      expect(readVerpLocal(text, DOMAIN, KEYS), text).toBeNull();
  });
});

test('a new key before the old one signs, and mail that went out under the old one still finds back', () => {
  const token = aToken();
  const rotated = [Buffer.alloc(32, 9), ...KEYS];
  const old = verpLocal(token, DOMAIN, KEYS);
  const fresh = verpLocal(token, DOMAIN, rotated);
  expect(fresh).not.toBe(old);
  expect([old, fresh].map((local) => readVerpLocal(local, DOMAIN, rotated))).toEqual([token, token]);
});

test('every attempt of a delivery goes out under the same return path', () => {
  const token = aToken();
  expect(verpLocal(token, DOMAIN, KEYS)).toBe(verpLocal({ ...token }, DOMAIN, KEYS));
});
