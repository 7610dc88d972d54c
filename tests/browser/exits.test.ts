/** Overview and Exits as those use them who are on call. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allDone } from './actions.ts';
import { tabOrder } from './checks.ts';
import { type BrowserRig, openBrowserRig } from './rig.ts';
import { HOSTILE, SEEDED } from './seed.ts';
import { daysAhead, states } from './waiting-mail.ts';

let rig: BrowserRig;
beforeAll(async () => {
  rig = await openBrowserRig();
});
afterAll(allDone('exits', () => rig));
afterAll(() => rig?.[Symbol.asyncDispose]());

test('the overview says whether mail flows, what waits and why, and follows while it is open', async () => {
  await using at = await rig.open('/');
  const { page } = at;
  // The policy of the other tests may just have been refused.
  const verdict = page.locator('[data-verdict]');
  await expect.poll(() => verdict.getAttribute('data-verdict')).toBe('flows');
  const waits = page.locator('[data-live=waits]');
  await expect.poll(() => waits.locator('tbody tr').count()).toBe(2);
  expect(await waits.textContent()).toContain(HOSTILE.reply);
  const delivered = page.locator('.tile').first().locator('.figure');
  const before = Number(await delivered.textContent());
  await page.evaluate('document.body.dataset.kept = "yes"');
  await rig.send({ to: SEEDED.delivered });
  await expect.poll(() => delivered.textContent()).toBe(String(before + 1));
  expect(await page.locator('body').getAttribute('data-kept')).toBe('yes');
  expect(at.troubles).toEqual([]);
});

test('figures over time are drawn for the stretch that is chosen, and are a table for those who do not see them', async () => {
  await using at = await rig.open('/');
  const { page } = at;
  await page.locator('[data-drawn="1h"]').waitFor();
  const rate = page.getByRole('figure').filter({ hasText: 'Recipients a minute' });
  await expect.poll(() => rate.locator('canvas').count()).toBe(1);
  await page.getByRole('button', { name: '24 hours' }).click();
  await page.locator('[data-drawn="24h"]').waitFor();
  expect(await page.getByRole('button', { name: '24 hours' }).getAttribute('aria-pressed')).toBe('true');
  await rate.locator('summary').click();
  const table = rate.getByRole('region').locator('table');
  expect(await table.locator('thead').textContent()).toBe('Timeaccepteddeliveredbouncedput off');
  // The latest stretch has what was sent just now.
  expect(await table.locator('tbody tr').first().textContent()).toMatch(/[1-9]/);
  await page.getByRole('button', { name: '30 days' }).click();
  await page.locator('[data-drawn="30d"]').waitFor();
  await page.getByRole('button', { name: '1 hour' }).click();
  await page.locator('[data-drawn="1h"]').waitFor();
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect.poll(() => rate.locator('canvas').count()).toBe(1);
  expect(at.troubles).toEqual([]);
});

test('a policy that is refused stands on every open page, and goes when it is mended', async () => {
  await using at = await rig.open('/exits', { as: 'viewer' });
  const policy = readFileSync(rig.relay.policyFile, 'utf8');
  try {
    rig.relay.writePolicy(`${policy}\nno-such-key: <b>x</b>\n`);
    const notice = at.page.locator('#notices .bad');
    await notice.waitFor({ timeout: 20_000 });
    expect(await notice.textContent()).toMatch(/The policy file is refused.*no-such-key/s);
  } finally {
    rig.relay.writePolicy(policy);
  }
  await expect.poll(() => at.page.locator('#notices > *').count()).toBe(0);
  expect(at.troubles).toEqual([]);
});

test('an exit is paused with a reason by keyboard, which others see at once, and goes on after a question', async () => {
  await using other = await rig.open('/exits', { as: 'viewer' });
  await using at = await rig.open('/exits', { as: 'operator' });
  const { page } = at;
  await page.getByRole('button', { name: 'Pause one' }).focus();
  await page.keyboard.press('Enter');
  const dialog = page.locator('dialog[open]');
  await dialog.waitFor();
  // What is behind the dialog was replaced meanwhile.
  await page.evaluate('window.relevo.refresh()');
  await page.keyboard.press('Escape');
  expect(await dialog.count()).toBe(0);
  await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('pause-0');

  await page.keyboard.press('Enter');
  await page.keyboard.type('<b>complaints</b> of Monday');
  await page.keyboard.press('Enter');
  const row = page.getByRole('row', { name: /^one / });
  await row.getByText('paused', { exact: true }).waitFor();
  // Who works by keyboard stands before what takes it back.
  await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('resume-0');
  expect(await row.textContent()).toContain('<b>complaints</b> of Monday');
  expect(await page.locator('#outcome').textContent()).toBe('Paused: no new mail goes out by it.');
  expect(await dialog.count()).toBe(0);
  await other.page.getByRole('row', { name: /^one / }).getByText('paused', { exact: true }).waitFor();
  expect(await other.page.getByRole('button', { name: /Pause|Resume|Test/ }).count()).toBe(0);

  await row.getByRole('button', { name: 'Resume one' }).click();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await row.getByRole('button', { name: 'Resume one' }).click();
  await dialog.getByRole('button', { name: 'Resume' }).click();
  await row.getByText('open', { exact: true }).waitFor();
  expect([...at.troubles, ...other.troubles]).toEqual([]);
});

test.each(['/exits/two', '/exits'])(
  'an exit is tried at %s, step by step, and closed and opened again',
  async (path) => {
    await using at = await rig.open(path, { as: 'operator' });
    const { page } = at;
    const closures = async () => {
      const { value } = await rig.api('GET', '/api/v1/egress/two');
      return (value as { readonly closures: readonly { readonly gate: string }[] }).closures.map(({ gate }) => gate);
    };
    await page.getByRole('button', { name: 'Test two' }).click();
    const dialog = page.locator('dialog[open]');
    await dialog.waitFor();
    expect(await dialog.getAttribute('data-tried')).toBe('well');
    expect(await dialog.textContent()).toMatch(/two: works/);
    await page.keyboard.press('Escape');
    expect(await dialog.count()).toBe(0);

    await page.getByRole('button', { name: 'Pause two' }).click();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Pause two' }).click();
    await dialog.getByLabel('Reason').fill('for a look');
    await dialog.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Resume two' }).waitFor();
    expect(await closures()).toContain('paused');
    await page.getByRole('button', { name: 'Resume two' }).click();
    await dialog.getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('button', { name: 'Pause two' }).waitFor();
    expect(await closures()).not.toContain('paused');
    expect(at.troubles).toEqual([]);
  },
);

test('what a field lacks is told beside it', async () => {
  await using at = await rig.open('/exits');
  await at.page.getByRole('button', { name: 'Pause two' }).click();
  const field = at.page.locator('dialog[open] input[name=reason]');
  await at.page.evaluate('document.querySelector("dialog[open] input").maxLength = 5000');
  await field.fill('x'.repeat(501));
  await at.page.keyboard.press('Enter');
  const fault = at.page.locator('dialog[open] .fault');
  await fault.waitFor();
  expect(await field.getAttribute('aria-invalid')).toBe('true');
  expect(await field.getAttribute('aria-describedby')).toBe(await fault.getAttribute('id'));
});

test('every action is within reach of the Tab key, the way past the list of pages first', async () => {
  await using at = await rig.open('/exits');
  const order = await tabOrder(at.page, 40);
  expect(order[0]).toBe('Skip to content');
  for (const name of ['Overview', 'Exits', 'Sign out', 'one', 'Pause one', 'Test one', 'Pause two', 'Español'])
    expect(order).toContain(name);
});

test('what a page has no room for is a link away, and so is its beginning', async () => {
  const some = Array.from({ length: 60 }, (_, n) => `n${n}@long.test`);
  for (const address of some) await rig.api('POST', '/api/v1/suppressions', { address, reason: 'manual' });
  const mail = { from: SEEDED.sender, text: 'x', client: 'shop', sendAt: `${daysAhead(1)}T08:00:00Z` };
  const messages = some.map((_, n) => ({ ...mail, to: [`n${n}@paged.test`], subject: `${n}` }));
  expect((await rig.api('POST', '/api/v1/messages/batch', { messages })).status).toBe(207);
  for (const [path, older, newest] of [
    ['/queue', 'Older ones', 'Back to the newest'],
    ['/messages?domain=paged.test', 'Older ones', 'Back to the newest'],
    ['/suppression?domain=long.test', 'Next page', 'First page'],
    ['/access', 'Older', 'Newest'],
  ] as const) {
    await using at = await rig.open(path);
    const { page } = at;
    const top = async () => (await page.locator('[data-live] tbody').last().innerText()).replaceAll(/\d+ \w+ ago/g, '');
    const first = await top();
    await Promise.all([page.waitForURL(/after=|cursor=|before=/), page.getByRole('link', { name: older }).click()]);
    const second = await top();
    expect(second).not.toBe(first);
    // What came meanwhile may stand above what stood there first: only the place is the same.
    await Promise.all([
      page.waitForURL((url) => url.pathname + url.search === path),
      page.getByRole('link', { name: newest }).click(),
    ]);
    await expect.poll(top).not.toBe(second);
    expect(at.troubles).toEqual([]);
  }
  await rig.api('POST', '/api/v1/queue/cancel', { domain: 'paged.test', scheduled: true });
  expect(await states(rig, 'paged.test')).toEqual([]);
});

test('another language is chosen, and kept', async () => {
  await using at = await rig.open('/exits?x=1');
  await at.page.getByRole('link', { name: 'Español' }).click();
  await at.page.getByRole('heading', { level: 1, name: 'Salidas' }).waitFor();
  expect(at.page.url()).toBe(`${rig.base}/exits?x=1`);
  await at.page.goto(`${rig.base}/`);
  await at.page.getByRole('heading', { level: 1, name: 'Resumen' }).waitFor();
});

test('what is not there is said to be so, and whoever is not known has to sign in', async () => {
  await using at = await rig.open('/exits/nobody');
  expect(await at.page.locator('h1').textContent()).toBe('No such exit');
  const gone = await at.page.goto(`${rig.base}/nowhere`);
  expect([gone?.status(), await at.page.locator('h1').textContent()]).toEqual([404, 'Nothing is here']);
  const asked = await fetch(`${rig.base}/nowhere`);
  expect([asked.status, asked.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
  const unknown = await fetch(`${rig.base}/exits?x=1`, { redirect: 'manual' });
  expect([unknown.status, unknown.headers.get('location')]).toEqual([303, '/sign-in?next=%2Fexits%3Fx%3D1']);
});
