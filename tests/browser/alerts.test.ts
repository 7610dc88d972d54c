/** Alerts and clients as those use them who are on call: a real receiver of posts, and mail at a real server. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type HookListener, startHookListener } from '../fakes/hook-listener.ts';
import { allDone } from './actions.ts';
import { seriousFaults, tooWide } from './checks.ts';
import { type BrowserRig, openBrowserRig, type OpenedPage } from './rig.ts';
import { HOSTILE, SEEDED } from './seed.ts';

const ONCALL = 'oncall@dest.test';

let listener: HookListener;
let rig: BrowserRig;
beforeAll(async () => {
  listener = await startHookListener();
  // The guard knows nobody for long here, and takes any mail for unlike all before.
  const policy = `alerts: { to: [${ONCALL}, "${listener.url}"], gather: 1s }\nguard: { learn: 0s, least: 1, volume: 1 }\n`;
  rig = await openBrowserRig({ policy, publicUrl: 'https://out.test' });
});
afterAll(allDone('alerts', () => rig));
afterAll(async () => {
  await rig?.[Symbol.asyncDispose]();
  await listener?.[Symbol.asyncDispose]();
});

/** Posts with these words, of those that were sent until now. */
const posted = (...words: readonly string[]): number =>
  listener.posts.filter(({ body }) => words.every((word) => body.includes(word))).length;
const mailed = (word: string): number =>
  rig.taken().filter(({ to, content }) => {
    const text = Buffer.from(content.split('\r\n\r\n')[1] ?? '', 'base64').toString();
    return to.includes(ONCALL) && (content.includes(word) || text.includes(word));
  }).length;

test('an alert shows on the open page, is told to mail and webhook, is acknowledged, and is over', async () => {
  await using at = await rig.open('/alerts', { as: 'operator' });
  const { page } = at;
  await rig.api('POST', '/api/v1/egress/two/pause', { reason: HOSTILE.reply });
  const row = page.locator('[data-live=in-force] tbody tr', { hasText: 'egress-paused:two' });
  await row.waitFor();
  expect(await row.textContent()).toContain(HOSTILE.reply);
  await expect.poll(() => [posted('egress-paused:two', '"raised"'), mailed('egress-paused:two')]).toEqual([1, 1]);
  await row.getByRole('button', { name: 'Acknowledge' }).click();
  await row.getByText('seen by operator').waitFor();
  const { value } = await rig.api('GET', '/api/v1/alerts');
  expect(value).toMatchObject({
    alerts: expect.arrayContaining([
      expect.objectContaining({
        name: 'egress-paused:two',
        acknowledged: { by: 'operator', atMs: expect.any(Number) },
      }),
    ]),
  });
  await rig.api('POST', '/api/v1/egress/two/resume');
  await expect.poll(() => row.count()).toBe(0);
  expect(at.troubles).toEqual([]);
});

test('a test of alerts reaches everybody, and says whom it does not reach', async () => {
  await using at = await rig.open('/alerts', { as: 'operator' });
  const { page } = at;
  const [posts, mails] = [posted('"test":true'), mailed('test: this is how alerts arrive')];
  await page.getByRole('button', { name: 'Send a test' }).click();
  await expect
    .poll(() => page.locator('#outcome').textContent())
    .toBe('Sent to 2; not reached: 0. See whether it arrived.');
  await expect
    .poll(() => [posted('"test":true'), mailed('test: this is how alerts arrive')])
    .toEqual([posts + 1, mails + 1]);
  listener.answer = 500;
  await page.getByRole('button', { name: 'Send a test' }).click();
  await expect
    .poll(() => page.locator('#outcome').textContent())
    .toBe('Sent to 1; not reached: 1. See whether it arrived.');
  expect(await page.locator('[data-reply=failures]').textContent()).toContain('127.0.0.1');
  listener.answer = 204;
  expect(at.troubles).toEqual([]);
});

test('a client that is held shows with the reason, in Spanish too, and is let go at a click', async () => {
  await rig.send({ to: SEEDED.delivered });
  await using at = await rig.open('/alerts', { as: 'operator', language: 'es', width: 380 });
  const { page } = at;
  const row = page.locator('[data-live=clients] tbody tr', { hasText: 'shop' });
  await row.getByRole('button', { name: 'Liberar shop' }).waitFor({ timeout: 40_000 });
  const alert = page.locator('[data-live=in-force] tbody tr', { hasText: 'client-anomaly:shop' });
  await alert.waitFor();
  expect(await alert.textContent()).toContain('Su correo masivo está retenido');
  expect(await alert.locator('[lang=en]').count()).toBe(0);
  // What its software does, as sessions showed it: counted every 20 s.
  await row.getByText('sin cifrar').waitFor({ timeout: 40_000 });
  expect(await tooWide(page)).toEqual([]);
  await using linked = await openLink();
  await row.getByRole('button', { name: 'Liberar shop' }).click();
  await page.locator('dialog[open]').getByRole('button', { name: 'Liberar' }).click();
  await expect.poll(() => row.getByRole('button').count()).toBe(0);
  const { value } = await rig.api('GET', '/api/v1/clients');
  expect(value).toMatchObject({ clients: [{ client: 'shop', held: null }] });
  await linked.page.getByRole('button', { name: 'Let it go' }).click();
  await linked.page.getByText('this link did its work').waitFor();
  expect([...at.troubles, ...linked.troubles]).toEqual([]);
});

/** The page that the link of the alert leads to, as who has not signed in sees it on a phone. */
async function openLink(): Promise<OpenedPage> {
  const link = (): string =>
    /https:\/\/out\.test(\/release\/[\w.-]+)/.exec(listener.posts.map(({ body }) => body).join())?.[1] ?? '';
  await expect.poll(link, { timeout: 15_000 }).not.toBe('');
  const linked = await rig.open(link(), { as: null, width: 380 });
  expect(await linked.page.locator('body').textContent()).toContain('The bulk mail of the client shop is held');
  expect([...(await seriousFaults(linked.page)), ...(await tooWide(linked.page))]).toEqual([]);
  return linked;
}
