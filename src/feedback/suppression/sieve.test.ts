import { expect, test } from 'vitest';
import { AddressSieve } from './sieve.ts';

const address = (n: number): string => `user${n}.${(n * 2_654_435_761) % 1_000_003}@dest${n % 997}.example`;

test('a million addresses take less than 20 MB, none is missed, and hardly one is taken for another', () => {
  const sieve = new AddressSieve();
  for (let n = 0; n < 1_000_000; n++) sieve.add(address(n));
  expect(sieve.size).toBe(1_000_000);
  expect(sieve.bytes).toBeLessThan(20_000_000);
  let [missed, mistaken] = [0, 0];
  for (let n = 0; n < 100_000; n++) {
    if (!sieve.has(address(n * 10))) missed += 1;
    if (sieve.has(address(1_000_000 + n))) mistaken += 1;
  }
  expect(missed).toBe(0);
  expect(mistaken).toBeLessThan(3);
});

test('an address is the same in any case of letters, and no entry twice', () => {
  const sieve = new AddressSieve();
  expect(sieve.has('ann@dest.example')).toBe(false);
  for (const one of ['Ann@Dest.example', 'ann@dest.example', 'ANN@DEST.EXAMPLE']) sieve.add(one);
  expect(sieve.size).toBe(1);
  expect(sieve.has('aNN@dest.example')).toBe(true);
  expect(sieve.has('nna@dest.example')).toBe(false);
  sieve.add('');
  expect([sieve.has(''), sieve.has('\0')]).toEqual([true, false]);
});
