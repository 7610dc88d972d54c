import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { systemRandom } from '../system.ts';
import { createApi } from './api.ts';
import { newTokenText, type Token } from './token.ts';

const text = newTokenText(systemRandom);
const secret = { sha256: '', createdAtMs: 0, expiresAtMs: null };
const token: Token = { name: 'ci', scopes: ['read'], createdAtMs: 0, lifetimeMs: null, secrets: [secret] };

function apiOver(stats: () => Promise<unknown>) {
  const checked: Buffer[] = [];
  const api = createApi({
    clock: new FakeClock(),
    emit: () => {},
    check: async (hash) => {
      checked.push(hash);
      return { kind: 'valid', token };
    },
    attempts: { isBarred: () => false, failed: () => {}, barredSeconds: () => 60 },
    stats,
    egress: async () => ({}),
    message: async () => null,
  });
  const ask = { method: 'GET', path: '/api/v1/stats', peer: '192.0.2.1' };
  return { checked, get: (authorization: string | null = `Bearer ${text}`) => api({ ...ask, authorization }) };
}

test('many who ask at once cost one reading; who asks later has another, after a failure too', async () => {
  let readings = 0;
  let reading = Promise.withResolvers<unknown>();
  const { get } = apiOver(() => {
    readings += 1;
    return reading.promise;
  });
  const first = Promise.all(Array.from({ length: 20 }, () => get()));
  await Promise.resolve();
  reading.resolve({ is: 'first' });
  expect(new Set((await first).map((answer) => answer.text))).toEqual(new Set(['{"is":"first"}\n']));
  expect(readings).toBe(1);
  reading = Promise.withResolvers();
  const failing = get();
  reading.reject(new Error('no'));
  expect((await failing).status).toBe(500);
  reading = Promise.withResolvers();
  reading.resolve({ is: 'third' });
  expect((await get()).text).toBe('{"is":"third"}\n');
});

test('a token is read from the field as its standard has it, and what is none does not reach the store', async () => {
  const { get, checked } = apiOver(async () => ({}));
  for (const good of [`Bearer ${text}`, `bearer ${text}`, `BEARER   ${text} `])
    expect((await get(good)).status).toBe(200);
  expect(checked).toHaveLength(3);
  const wrong = [
    '',
    'Bearer',
    'Bearer ',
    text,
    `Bearer ${text},`,
    `Bearer ${text} ${text}`,
    `Basic ${text}`,
    'Bearer rlv_x',
  ];
  for (const other of wrong) expect((await get(other)).status, other).toBe(401);
  expect((await get(null)).status).toBe(401);
  expect(checked).toHaveLength(3);
});
