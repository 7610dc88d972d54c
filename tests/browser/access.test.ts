/** Signing in and the page Access as people use them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeAt } from '../../src/http/sign-in/totp.ts';
import { type BrowserRig, openBrowserRig } from './rig.ts';

const PASSWORD = 'a password of some length';

let rig: BrowserRig;
beforeAll(async () => {
  rig = await openBrowserRig();
  // Each test has one of its own: they come in any order.
  for (const name of ['ana', 'eva'])
    await rig.api('POST', '/api/v1/users', { name, role: 'viewer', password: PASSWORD });
});
afterAll(() => rig?.[Symbol.asyncDispose]());

test('who signs in is where one wanted to be; wrong words are told in the language of the page', async () => {
  await using at = await rig.open('/suppression?domain=a.test', { as: null, language: 'es' });
  const { page } = at;
  expect(new URL(page.url()).pathname).toBe('/sign-in');
  const name = page.getByLabel('Nombre');
  expect(await name.evaluate('document.activeElement?.name')).toBe('name');
  await page.keyboard.type('ana');
  await page.keyboard.press('Tab');
  await page.keyboard.type('not the password');
  await page.keyboard.press('Enter');
  await page.locator('.fault').waitFor();
  expect(await page.locator('.fault').textContent()).toBe('El nombre o la contraseña no son correctos.');
  await page.getByLabel('Contraseña').fill(PASSWORD);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Supresión' }).waitFor();
  expect(page.url()).toBe(`${rig.base}/suppression?domain=a.test`);
  await page.getByRole('button', { name: 'Cerrar sesión' }).click();
  await page.getByLabel('Nombre').waitFor();
  await page.goto(`${rig.base}/suppression`);
  expect(new URL(page.url()).pathname).toBe('/sign-in');
  expect(at.troubles).toEqual([]);
});

test('a second factor is set up on the page, and asked for from then on', async () => {
  await using at = await rig.open('/sign-in?next=/access', { as: null });
  const { page } = at;
  const signIn = async () => {
    await page.getByLabel('Name').fill('eva');
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).first().click();
  };
  await signIn();
  await page.getByText('You are signed in as eva.').waitFor();
  expect(await page.locator('#users, #tokens, #audit').count()).toBe(0);
  await page.locator('#factor > summary').click();
  await page.locator('#factor-begin input[name=password]').fill(PASSWORD);
  await page.locator('#factor-begin button').click();
  await page.locator('#factor-seed').waitFor();
  await expect
    .poll(() => page.evaluate('document.querySelector("#factor-image img").naturalWidth'), { timeout: 15_000 })
    .toBeGreaterThan(0);
  const seed = (await page.locator('#factor-seed').textContent()) ?? '';
  await page.locator('#factor-confirm input[name=code]').fill(await codeAt(seed, Date.now()));
  await page.keyboard.press('Enter');
  await page.locator('#recovery').waitFor();
  const codes = ((await page.locator('#recovery-codes').textContent()) ?? '').split('\n');
  expect(codes).toHaveLength(10);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Name').waitFor();
  await signIn();
  await page.getByLabel('Code').fill(await codeAt(seed, Date.now() - 600_000));
  await page.keyboard.press('Enter');
  await page.getByText('That code is not good now.').first().waitFor();
  await page.getByLabel('Code').fill(codes[0] ?? '');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  await page.goto(`${rig.base}/access`);
  await page.getByText('9 recovery codes left').waitFor();
  expect(at.troubles).toEqual([]);
});

test('an admin adds a user and a token, shown once, and finds both in the audit log', async () => {
  await using at = await rig.open('/access');
  const { page } = at;
  await page.getByText('Add a user').first().click();
  const adding = page.locator('form[data-api="POST /api/v1/users"]');
  await adding.locator('input[name=name]').fill('ben');
  await adding.locator('button').click();
  await expect
    .poll(() => adding.locator('[data-reply=password]').textContent(), { timeout: 15_000 })
    .toMatch(/^\S{24}$/);
  await page.getByText('Make a token').first().click();
  const making = page.locator('form[data-api="POST /api/v1/tokens"]');
  await making.locator('input[name=name]').fill('grafana');
  await making.getByLabel('read').check();
  await making.locator('button').click();
  await expect.poll(() => making.locator('[data-reply=token]').textContent(), { timeout: 15_000 }).toMatch(/^rlv_/);
  await page.goto(`${rig.base}/access?what=token`);
  const audit = page.locator('[data-live=audit]');
  expect(await audit.textContent()).toMatch(/token\.create.*grafana/s);
  expect(await audit.textContent()).not.toContain('user.add');
  expect(await page.content()).not.toContain('rlv_');
  await page.getByRole('link', { name: 'Manage ben' }).click();
  // Its scripts are there only then.
  await page.waitForLoadState('load');
  await page.locator('#user').getByRole('button', { name: 'Remove', exact: true }).click();
  await page.locator('dialog[open]').getByRole('button', { name: 'Remove' }).click();
  await expect.poll(() => page.getByRole('link', { name: 'Manage ben' }).count(), { timeout: 15_000 }).toBe(0);
  await page.getByText('this one', { exact: true }).waitFor();
  expect(at.troubles).toEqual([]);
});
