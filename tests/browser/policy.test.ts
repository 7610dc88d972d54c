/** The policy as an administrator edits it in a browser. */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BrowserRig, openBrowserRig } from './rig.ts';

let rig: BrowserRig;
beforeAll(async () => {
  rig = await openBrowserRig();
});
afterAll(() => rig?.[Symbol.asyncDispose]());

const inFile = (): string => readFileSync(rig.relay.policyFile, 'utf8');

test('a fault is marked in its line, mended with what is offered, compared, saved, and taken back', async () => {
  const before = inFile();
  await using at = await rig.open('/policy');
  const { page } = at;
  const editor = page.locator('#policy-text');
  const checked = (state: string) => page.locator(`#policy[data-checked=${state}]`).waitFor();
  await checked('good');
  expect(await editor.inputValue()).toBe(before);

  await editor.focus();
  await page.keyboard.press('Control+End');
  await page.keyboard.type('limits:\nrecipients: many');
  await checked('bad');
  const line = before.split('\n').length + 1;
  expect(await page.locator('#policy-gutter .bad').textContent()).toBe(String(line));
  expect(await page.locator('#policy-faults').textContent()).toContain('limits.recipients: expected a positive number');
  await page.keyboard.press('Control+Home');
  await page.getByRole('button', { name: `Line ${line}` }).click();
  const caret = await page.evaluate('document.getElementById("policy-text").selectionStart');
  expect(await page.evaluate('document.activeElement.id')).toBe('policy-text');
  expect(before.length).toBeLessThan(Number(caret));

  // The keyboard alone: what is there goes, what may be there is offered.
  for (let step = 0; step < 'many'.length; step++) await page.keyboard.press('Delete');
  for (let step = 0; step < 'recipients: '.length; step++) await page.keyboard.press('Backspace');
  await page.keyboard.type('recip');
  const offers = page.getByRole('listbox');
  await offers.waitFor();
  await page.keyboard.press('ArrowDown');
  expect(await page.locator('[role=option][aria-selected=true]').textContent()).toMatch(/^recipients/);
  expect(await editor.getAttribute('aria-activedescendant')).toBe('policy-offer-0');
  await page.keyboard.press('Enter');
  await page.keyboard.type('50');
  await checked('good');

  await page.keyboard.press('Control+s');
  const dialog = page.locator('dialog[open]');
  await dialog.waitFor();
  expect(await dialog.locator('pre').textContent()).toContain('+  recipients: 50');
  await page.getByLabel('Comment').fill('<b>fewer</b>');
  await page.keyboard.press('Enter');
  const rows = page.locator('#policy-versions tbody tr');
  await rows.filter({ hasText: '<b>fewer</b>' }).waitFor();
  expect(inFile()).toBe(`${before}limits:\n  recipients: 50`);

  await page.getByRole('button', { name: 'Roll back 1' }).click();
  await dialog.waitFor();
  expect(await dialog.locator('pre').textContent()).toContain('-  recipients: 50');
  await dialog.getByRole('button', { name: 'Put it in force' }).click();
  await rows.filter({ hasText: 'rollback to 1' }).waitFor();
  expect(inFile()).toBe(before);
  await checked('good');
  expect(await editor.inputValue()).toBe(before);
  expect(at.troubles).toEqual([]);
});

test('an edit of a policy that somebody else changed meanwhile is not saved before both are seen; then it may be', async () => {
  const before = inFile();
  await using at = await rig.open('/policy');
  const { page } = at;
  await page.locator('#policy-text').focus();
  await page.keyboard.press('Control+End');
  await page.keyboard.type('# mine\n');
  writeFileSync(rig.relay.policyFile, `${before}# theirs\n`);
  await page.getByRole('button', { name: 'Compare and save' }).click();
  const dialog = page.locator('dialog[open]');
  await dialog.getByRole('button', { name: 'Put it in force' }).click();
  await dialog.getByText('Somebody else changed the policy meanwhile').waitFor();
  expect(await dialog.textContent()).toMatch(/\+# theirs[^]*-# theirs/);
  expect(inFile()).toBe(`${before}# theirs\n`);
  await dialog.getByRole('button', { name: 'Put it in force' }).click();
  await expect.poll(inFile).toBe(`${before}# mine\n`);
  writeFileSync(rig.relay.policyFile, before);
});

test('a policy is tried on the mail that came', async () => {
  await using at = await rig.open('/policy', { language: 'es' });
  await at.page.getByRole('button', { name: 'Simular' }).click();
  const table = at.page.locator('#policy-simulation table');
  await table.waitFor();
  expect(await table.locator('tbody th').first().textContent()).toBe('one');
  expect(at.troubles).toEqual([]);
});

test('whoever may not change the policy does not see it', async () => {
  await using at = await rig.open('/', { as: 'operator' });
  expect(await at.page.getByRole('link', { name: 'Policy' }).count()).toBe(0);
  const response = await at.page.goto(`${rig.base}/policy`);
  expect(response?.status()).toBe(403);
});
