import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { codingOf, openAssets } from './assets.ts';

const assets = openAssets();
const pathOf = (name: string): string => assets.url(name).replace('/assets/', '');

test('an asset is kept for ever under the address of its content, and asked for anew under its name', async () => {
  const kept = await assets.answer(pathOf('page.js'), {});
  expect(kept).toMatchObject({ status: 200, contentType: 'text/javascript; charset=utf-8' });
  expect(kept?.headers).toMatchObject({ 'cache-control': 'public, max-age=31536000, immutable' });
  const named = await assets.answer('page.js', {});
  expect(named?.headers).toMatchObject({ 'cache-control': 'no-cache' });
  const other = await assets.answer(`AAAAAAAAAAAAAAAA/page.js`, {});
  expect(other?.headers).toMatchObject({ 'cache-control': 'no-cache' });
  const etag = named?.headers?.['etag'] ?? '';
  expect(await assets.answer('page.js', { 'if-none-match': `"x", W/${etag}` })).toMatchObject({ status: 304 });
});

test.each(['relevo.css', 'uplot.js', 'uplot.css', 'relevo.svg'])(
  '%s comes compressed to those who take it',
  async (name) => {
    const plain = (await assets.answer(name, {}))?.bytes ?? Buffer.alloc(0);
    const br = await assets.answer(name, { 'accept-encoding': 'gzip, deflate, br' });
    expect(br?.headers).toMatchObject({ 'content-encoding': 'br', vary: 'accept-encoding' });
    expect(brotliDecompressSync(br?.bytes ?? Buffer.alloc(0))).toEqual(plain);
    const gzip = await assets.answer(name, { 'accept-encoding': 'gzip' });
    expect(gunzipSync(gzip?.bytes ?? Buffer.alloc(0))).toEqual(plain);
  },
);

test.each([
  '../page.js',
  '../../package.json',
  '%2e%2e/page.js',
  'a/b/page.js',
  'nothing.js',
  '',
  'constructor',
  '__proto__',
])('there is nothing at %s', async (path) => {
  expect(await assets.answer(path, {})).toBeNull();
});

test.each([
  ['gzip, deflate, br', 'br'],
  ['gzip;q=0.5, br;q=0', 'gzip'],
  ['identity', null],
  [undefined, null],
])('to whoever takes %s it is %s', (accepted, coding) => {
  expect(codingOf(accepted)).toBe(coding);
});
