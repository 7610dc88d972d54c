import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import type { Hold } from '../clients/holds.ts';
import { readReleaseToken, releaseToken } from '../clients/release.ts';
import { releasePlace } from './release.ts';

const DAY = 86_400_000;
const KEY = randomBytes(32);

function world() {
  const clock = new FakeClock();
  const state: { hold: Hold | null; released: number; fails: boolean } = {
    hold: { client: 'crm', id: 'h1', sinceMs: clock.nowMs(), reason: '<script>9000</script> recipients' },
    released: 0,
    fails: false,
  };
  const place = releasePlace({
    keys: async () => [randomBytes(32), KEY],
    holdOf: async () => {
      if (state.fails) throw new Error('away');
      return state.hold;
    },
    release: async ({ id }) => {
      if (state.hold?.id !== id) return false;
      state.hold = null;
      state.released += 1;
      return true;
    },
    clock,
    emit: () => {},
  });
  const token = releaseToken(state.hold as Hold, [KEY]) ?? '';
  const ask = (rest: string) => ({ rest, query: '', headers: {}, peer: '192.0.2.1' });
  const get = async (rest = token) => (await place.get?.(ask(rest))) ?? null;
  const post = (rest = token) => place.post(ask(rest), Buffer.alloc(0));
  return { clock, state, token, get, post };
}

test('a link shows a button and changes nothing; the button lets the mail go, once', async () => {
  const { state, get, post } = world();
  const page = await get();
  expect(page?.text).toContain('<form method="post">');
  expect(page?.text).not.toContain('<script>');
  expect(page?.headers?.['content-security-policy']).toContain("default-src 'none'");
  expect(state.released).toBe(0);
  expect((await post()).text).toContain('goes out now');
  expect((await post()).text).toContain('not held any more');
  expect((await get())?.text).not.toContain('<form');
  expect(state.released).toBe(1);
});

test('a link is of one hold, signed, and good for a week', async () => {
  const { clock, state, token, post } = world();
  const forged = `${Buffer.from(['crm', 'h1', String(clock.nowMs() + DAY)].join('\0')).toString('base64url')}.${'A'.repeat(22)}`;
  for (const wrong of ['', 'x', forged, `${token}x`, token.slice(1), 'x'.repeat(5_000)])
    expect((await post(wrong)).status, wrong.slice(0, 20)).toBe(404);
  state.hold = { client: 'crm', id: 'h2', sinceMs: clock.nowMs(), reason: 'another' };
  expect((await post()).text).toContain('not held any more');
  clock.jumpMs(8 * DAY);
  expect((await post()).status).toBe(404);
  expect(readReleaseToken(token, [randomBytes(32)], 0)).toBeNull();
  expect(state.released).toBe(0);
});

test('a store that is away is asked again later', async () => {
  const { state, get } = world();
  state.fails = true;
  expect((await get())?.status).toBe(503);
});
