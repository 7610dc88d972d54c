/** Signing in and the page Access as people use them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeAt } from '../../src/http/sign-in/totp.ts';
import { allDone } from './actions.ts';
import { type BrowserRig, type OpenedPage, openBrowserRig } from './rig.ts';

const PASSWORD = 'a password of some length';

let rig: BrowserRig;
beforeAll(async () => {
  // They give wrong words more often than one person does.
  rig = await openBrowserRig({ policy: 'limits: { loginAttempts: 100/10m }\n' });
  // Each test has one of its own: they come in any order.
  for (const name of ['ana', 'eva', 'ida'])
    await rig.api('POST', '/api/v1/users', { name, role: 'viewer', password: PASSWORD });
});
afterAll(allDone('access', () => rig));
afterAll(() => rig?.[Symbol.asyncDispose]());

const SOON = { timeout: 15_000 };

/** Says yes to what an action asks. */
async function confirm({ page }: OpenedPage, button: string): Promise<void> {
  await page.locator('dialog[open]').getByRole('button', { name: button }).click();
}

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
  await changeWithProof(at, codes);
  expect(at.troubles).toEqual([]);
});

/** New recovery codes, another password, and no second factor any more; each as eva, who has one. */
async function changeWithProof(at: OpenedPage, codes: readonly string[]): Promise<void> {
  const { page } = at;
  const form = (name: string) => page.locator(`form[data-api="POST /api/v1/account/${name}"]`);
  const give = async (name: string, fields: Readonly<Record<string, string>>) => {
    await page
      .locator('details', { has: form(name) })
      .locator('summary')
      .click();
    for (const [field, text] of Object.entries(fields)) await form(name).locator(`input[name=${field}]`).fill(text);
    await form(name).locator('button').click();
  };
  await give('recovery-codes', { password: PASSWORD, code: codes[1] ?? '' });
  await page.locator('#recovery').waitFor();
  const fresh = ((await page.locator('#recovery-codes').textContent()) ?? '').split('\n');
  expect(fresh).toHaveLength(10);
  expect(fresh).not.toContain(codes[2]);

  await page.reload();
  await give('second-factor/remove', { password: PASSWORD, code: codes[2] ?? '' });
  await confirm(at, 'Remove');
  await form('second-factor/remove').locator('.fault').waitFor();
  await form('second-factor/remove')
    .locator('input[name=code]')
    .fill(fresh[0] ?? '');
  await form('second-factor/remove').locator('button').click();
  await confirm(at, 'Remove');
  await page.getByLabel('Name').waitFor();
  expect(await statusOf('eva')).toMatchObject({ secondFactorSinceMs: null });

  await signInAs(at, 'eva', PASSWORD);
  await page.goto(`${rig.base}/access`);
  await give('password', { current: 'not the password', password: 'another one of some length' });
  await form('password').locator('.fault').waitFor();
  await form('password').locator('input[name=current]').fill(PASSWORD);
  await form('password').locator('button').click();
  await page.getByLabel('Name').waitFor();
  await signInAs(at, 'eva', 'another one of some length');
}

async function signInAs({ page }: OpenedPage, name: string, password: string): Promise<void> {
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).first().click();
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
}

async function statusOf(name: string): Promise<unknown> {
  const { value } = await rig.api('GET', '/api/v1/users');
  return (value as { readonly users: readonly { readonly name: string }[] }).users.find((user) => user.name === name);
}

test('an admin adds a user, changes all that may be, and removes the user again', async () => {
  await using at = await rig.open('/access');
  const { page } = at;
  await page.getByText('Add a user').first().click();
  const adding = page.locator('form[data-api="POST /api/v1/users"]');
  await adding.locator('input[name=name]').fill('ben');
  await adding.locator('button').click();
  await expect.poll(() => adding.locator('[data-reply=password]').textContent(), SOON).toMatch(/^\S{24}$/);
  const manage = async () => {
    await page.getByRole('link', { name: 'Manage ben' }).click();
    // Its scripts are there only then.
    await page.waitForLoadState('load');
    return page.locator('#user');
  };
  const user = await manage();
  await user.getByLabel('Role').selectOption('operator');
  await Promise.all([page.waitForURL(/\/access$/), user.getByRole('button', { name: 'Set role' }).click()]);
  expect(await statusOf('ben')).toMatchObject({ role: 'operator', isDisabled: false });
  await manage();
  await Promise.all([page.waitForURL(/\/access$/), user.getByRole('button', { name: 'Disable' }).click()]);
  expect(await statusOf('ben')).toMatchObject({ isDisabled: true });
  await page.getByRole('row', { name: /^ben/ }).getByText('disabled').waitFor();
  await manage();
  await Promise.all([page.waitForURL(/\/access$/), user.getByRole('button', { name: 'Enable' }).click()]);
  expect(await statusOf('ben')).toMatchObject({ isDisabled: false });
  await manage();
  await user.getByRole('button', { name: 'New password' }).click();
  await confirm(at, 'New password');
  await expect.poll(() => user.locator('[data-reply=password]').textContent(), SOON).toMatch(/^\S{24}$/);
  const password = (await user.locator('[data-reply=password]').textContent()) ?? '';
  const asked = { method: 'POST', headers: { 'content-type': 'application/json' } };
  const signedIn = await fetch(`${rig.base}/api/v1/sign-in`, {
    ...asked,
    body: JSON.stringify({ name: 'ben', password }),
  });
  expect(signedIn.status).toBe(200);

  await page.reload();
  const session = page.getByRole('button', { name: /^End ben / });
  await session.click();
  await confirm(at, 'End');
  await expect.poll(() => session.count(), SOON).toBe(0);
  await manage();
  await user.getByRole('button', { name: 'Remove', exact: true }).click();
  await confirm(at, 'Remove');
  await expect.poll(() => page.getByRole('link', { name: 'Manage ben' }).count(), SOON).toBe(0);
  expect(await statusOf('ben')).toBeUndefined();
  await page.getByText('this one', { exact: true }).waitFor();
  expect(at.troubles).toEqual([]);
});

test('an admin takes the second factor of somebody whose phone is gone', async () => {
  const seed = await secondFactorOf('ida');
  expect(seed).toMatch(/^[A-Z2-7]+$/);
  await using at = await rig.open('/access?user=ida', { language: 'es' });
  await at.page.locator('#user form[data-api$="/second-factor"] button').click();
  await at.page.locator('dialog[open] button.main, dialog[open] button.danger').click();
  await expect.poll(() => statusOf('ida'), SOON).toMatchObject({ secondFactorSinceMs: null });
  expect(at.troubles).toEqual([]);
});

/** Set up by calls, as a page does. */
async function secondFactorOf(name: string): Promise<string> {
  const post = (path: string, body: object, headers: Readonly<Record<string, string>> = {}) =>
    fetch(rig.base + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  const signedIn = await post('/api/v1/sign-in', { name, password: PASSWORD });
  const cookie = signedIn.headers.getSetCookie()[0]?.split(';', 1)[0] ?? '';
  const page = await (await fetch(`${rig.base}/access`, { headers: { cookie } })).text();
  const headers = { cookie, 'x-relevo-csrf': /name="relevo-csrf" content="([^"]+)"/.exec(page)?.[1] ?? '' };
  const begun = await post('/api/v1/account/second-factor', { password: PASSWORD }, headers);
  const { seed } = (await begun.json()) as { readonly seed: string };
  const code = await codeAt(seed, Date.now());
  const done = await post('/api/v1/account/second-factor/confirm', { code }, headers);
  expect(done.status).toBe(200);
  return seed;
}

test('a token is made with an access key, shown once, rotated and revoked, and all of it is in the audit log', async () => {
  await using at = await rig.open('/access');
  const { page } = at;
  await page.getByText('Make a token').first().click();
  const making = page.locator('form[data-api="POST /api/v1/tokens"]');
  await making.locator('input[name=name]').fill('grafana');
  await making.getByLabel('read').check();
  await making.getByLabel(/access key/).check();
  await making.locator('button').click();
  await expect.poll(() => making.locator('[data-reply=token]').textContent(), SOON).toMatch(/^rlv_/);
  expect(await making.locator('[data-reply=secretAccessKey]').isVisible()).toBe(true);
  const first = (await making.locator('[data-reply=token]').textContent()) ?? '';
  const isGood = async (token: string) => {
    const { status } = await fetch(`${rig.base}/api/v1/status`, { headers: { authorization: `Bearer ${token}` } });
    return status === 200;
  };
  expect(await isGood(first)).toBe(true);

  await page.reload();
  await page.locator('details > summary', { hasText: 'Rotate' }).click();
  const rotating = page.locator('form[data-api$="/rotate"]');
  await rotating.getByLabel('Name').selectOption('grafana');
  await rotating.locator('button').click();
  await confirm(at, 'Rotate');
  await expect.poll(() => rotating.locator('[data-reply=token]').textContent(), SOON).toMatch(/^rlv_/);
  const second = (await rotating.locator('[data-reply=token]').textContent()) ?? '';
  expect([second === first, await isGood(second), await isGood(first)]).toEqual([false, true, true]);

  await page.getByRole('button', { name: 'Revoke grafana' }).click();
  await confirm(at, 'Revoke');
  await expect.poll(() => page.getByRole('button', { name: 'Revoke grafana' }).count(), SOON).toBe(0);
  await expect.poll(() => Promise.all([isGood(first), isGood(second)]), SOON).toEqual([false, false]);

  const search = page.locator('form[role=search]');
  await search.getByLabel('Who').fill('admin');
  await search.getByLabel('What').fill('token');
  await Promise.all([page.waitForURL(/who=admin&what=token/), search.getByRole('button').click()]);
  const audit = page.locator('[data-live=audit]');
  // A search that takes longer than a moment comes to the page later.
  for (const what of ['token.create', 'token.rotate', 'token.revoke'])
    await expect.poll(() => audit.textContent(), SOON).toMatch(new RegExp(`${what}.*grafana`, 's'));
  expect(await audit.textContent()).not.toContain('user.add');
  expect(await page.content()).not.toContain('rlv_');
  expect(at.troubles).toEqual([]);
});

test('who has a token and no name signs in with it', async () => {
  const { value } = await rig.api('POST', '/api/v1/tokens', { name: 'first', scopes: ['read'] });
  await using at = await rig.open('/sign-in', { as: null });
  const { page } = at;
  await page.locator('#token > summary').click();
  await page.getByLabel('Token').fill('rlv_unknown');
  await page.keyboard.press('Enter');
  await page.locator('#by-token .fault').waitFor();
  expect(await page.locator('#by-token .fault').textContent()).toMatch(/^The token is not known/);
  await page.getByLabel('Token').fill((value as { readonly token: string }).token);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  expect(await page.getByRole('link', { name: 'Policy' }).count()).toBe(0);
  expect(at.troubles).toEqual([]);
});
