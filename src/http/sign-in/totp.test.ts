import { expect, test } from 'vitest';
import { systemRandom } from '../../system.ts';
import { codeAt, newRecoveryCodes, newSeed, recoveryHash, seedUri, squareOf, stepOfCode } from './totp.ts';

/** The vectors of RFC 6238 have 8 digits of this key; ours are the last six. */
const SEED = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';

test.each([
  [59_000, '287082'],
  [1_111_111_109_000, '081804'],
  [1_234_567_890_000, '005924'],
  [20_000_000_000_000, '353130'],
])('at %d ms the code is that of the standard', async (atMs, code) => {
  expect(await codeAt(SEED, atMs)).toBe(code);
  expect(await stepOfCode(SEED, code, atMs)).toBe(Math.floor(atMs / 30_000));
});

test('a code is good for its step and those beside it, and names its step', async () => {
  const nowMs = 1_234_567_890_000;
  const step = nowMs / 30_000;
  for (const by of [-1, 0, 1])
    expect(await stepOfCode(SEED, await codeAt(SEED, nowMs + by * 30_000), nowMs)).toBe(step + by);
  for (const by of [-2, 2]) expect(await stepOfCode(SEED, await codeAt(SEED, nowMs + by * 30_000), nowMs)).toBeNull();
  for (const text of ['', '12345', '1234567', 'abcdef', '００５９２４'])
    expect(await stepOfCode(SEED, text, nowMs)).toBeNull();
  expect(await stepOfCode(SEED, '005 924', nowMs)).toBe(step);
});

test('a seed has 160 bits, and its address says whose it is', async () => {
  const seed = await newSeed(systemRandom);
  expect(seed).toMatch(/^[A-Z2-7]{32}$/);
  expect(await newSeed(systemRandom)).not.toBe(seed);
  const uri = new URL(await seedUri({ seed, name: 'ana', issuer: 'relay.example.com' }));
  expect(decodeURIComponent(uri.pathname)).toContain('relay.example.com:ana');
  expect(uri.searchParams.get('secret')).toBe(seed);
  // The policy of the pages lets no style be in it.
  expect(await squareOf(uri.href)).not.toMatch(/style|<script/);
});

test('recovery codes are read however they are typed, and no two are alike', () => {
  const codes = newRecoveryCodes(systemRandom);
  expect(new Set(codes).size).toBe(10);
  for (const code of codes) {
    expect(code).toMatch(/^([2-9a-hjkmnp-z]{4}-){3}[2-9a-hjkmnp-z]{4}$/);
    expect(recoveryHash(` ${code.toUpperCase().replaceAll('-', ' ')} `)).toBe(recoveryHash(code));
  }
  expect(recoveryHash('123456')).toBeNull();
});
