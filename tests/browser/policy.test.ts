/** The policy as an administrator edits it in a browser. */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { allDone } from './actions.ts';
import { type BrowserRig, openBrowserRig } from './rig.ts';

let rig: BrowserRig;
beforeAll(async () => {
  // Nobody answers there, and says so at once.
  rig = await openBrowserRig({ policy: 'dns: { servers: ["127.0.0.1:9"] }\n' });
  original = inFile();
});
let original = '';
afterEach(() => writeFileSync(rig.relay.policyFile, original));
afterAll(allDone('policy', () => rig));
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

  await page.getByRole('button', { name: 'Compare 1', exact: true }).click();
  await dialog.waitFor();
  expect(await dialog.locator('pre').textContent()).toContain('+  recipients: 50');
  expect(await dialog.getByRole('button', { name: 'Put it in force' }).count()).toBe(0);
  await dialog.getByRole('button', { name: 'Close' }).click();
  await page.getByRole('button', { name: 'Roll back 1', exact: true }).click();
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

test('the simple form changes single values, adds a provider, and keeps its secret out of the policy', async () => {
  const before = inFile();
  await using at = await rig.open('/policy/settings');
  const { page } = at;
  // A preset whose servers nobody gave is not put in force, and it is said what is missing.
  await page.getByLabel('Preset').selectOption('starter');
  await page.getByRole('button', { name: 'Save and put in force' }).click();
  await page.getByText('SMTP_HOST_1 is not set').first().waitFor();
  expect(inFile()).toBe(before);
  await page.getByLabel('Preset').selectOption({ index: 0 });

  await page.getByLabel('Recipients of a message').fill('50');
  await page.getByLabel('Who is told, one address a line').fill('ops@relay.test');
  await page.getByRole('group', { name: 'one (smtp)' }).getByLabel('Messages a day').fill('4000');
  await Promise.all([page.waitForEvent('load'), page.getByRole('button', { name: 'Save and put in force' }).click()]);
  await expect.poll(inFile).toContain('recipients: 50');
  const text = before.replace('dailyLimit: 5000', 'dailyLimit: 4000');
  expect(inFile()).toBe(`${text}limits:\n  recipients: 50\nalerts:\n  to: ["ops@relay.test"]\n`);

  await page.getByText('Add SendGrid').first().click();
  await page.getByLabel('API key').first().fill('SG.kept-apart');
  await page.getByRole('button', { name: 'Add SendGrid' }).click();
  await page.getByRole('group', { name: 'sendgrid (sendgrid)' }).waitFor();
  expect(inFile()).toMatch(/sendgrid: \{ type: sendgrid, apiKeys: \["\$\{file:[^"]+\}"\] \}/);
  expect(await page.content()).not.toContain('SG.kept-apart');

  const others = [
    ['SMTP', 'smtp', { Host: 'mx.relay.test', User: 'relay', 'New password or key': 'hush' }],
    ['Mailgun', 'mailgun', { 'Sending domain there': 'mg.relay.test', 'API key': 'key-hush' }],
    ['Amazon SES', 'ses', { Region: 'eu-west-1', 'Access key id': 'AKIAHUSH', 'Secret access key': 'hush' }],
  ] as const;
  for (const [title, type, fields] of others) {
    const form = page.locator('details', { has: page.getByText(`Add ${title}`) });
    await form.locator('summary').click();
    for (const [label, text] of Object.entries(fields)) await form.getByLabel(label).fill(text);
    await form.getByRole('button', { name: `Add ${title}` }).click();
    await page.getByRole('group', { name: `${type} (${type})` }).waitFor();
  }
  expect(inFile()).toMatch(/smtp: \{ type: smtp, host: mx\.relay\.test.*\$\{file:/);
  expect(inFile()).toMatch(/mailgun: \{ type: mailgun,.*domain: mg\.relay\.test/);
  expect(inFile()).toMatch(/ses: \{ type: ses,.*region: eu-west-1/);
  expect(inFile()).not.toContain('hush');
  expect(at.troubles).toEqual([]);
});

test('the wizard asks, tests, and puts in force what was answered, by keyboard', async () => {
  const before = inFile();
  await using at = await rig.open('/policy/wizard');
  const { page } = at;
  const [, port = ''] = /port: (\d+), tls: none, dailyLimit/.exec(before) ?? [];
  const atStep = (name: string) => page.locator(`#wizard[data-at=${name}]`).waitFor();
  const next = () => page.getByRole('button', { name: 'Next' }).locator('visible=true').click();
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByLabel('Provider').selectOption('mx');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('button', { name: 'Remove' }).last().click();
  expect(await page.locator('#wizard-providers > *').count()).toBe(1);
  await next();
  await page.getByText('To be put right:').waitFor();
  expect(await page.locator('#wizard-faults').textContent()).toBe('Host: is needed');
  expect(await page.evaluate('document.activeElement.name')).toBe('host');
  await page.keyboard.type('127.0.0.1');
  await page.getByLabel('TLS').selectOption('none');
  await page.getByRole('spinbutton', { name: 'Port' }).fill(port);
  await page.keyboard.press('Enter');
  await atStep('basics');
  await page.getByLabel('Domain that mail is sent as').fill('shop.test');
  await page.getByLabel('User that the application signs in as').fill('web');
  await page.keyboard.press('Enter');
  await atStep('advanced');
  await page.getByRole('button', { name: 'Back' }).locator('visible=true').click();
  await atStep('basics');
  expect(await page.getByLabel('Domain that mail is sent as').inputValue()).toBe('shop.test');
  await next();
  await atStep('advanced');
  await next();
  await atStep('test');
  await page.getByRole('button', { name: 'Test now' }).click();
  await page.locator('#wizard[data-tested=done]').waitFor();
  const result = page.locator('#wizard-result');
  expect(await result.textContent()).toMatch(/works\s*smtp/);
  expect(await result.textContent()).toContain('TXT _dmarc.shop.test');
  expect(inFile()).toBe(before);
  await next();
  await atStep('done');
  await page.locator('#wizard[data-tested=done]').waitFor();
  expect(await page.locator('#wizard-diff').textContent()).toContain('+  smtp: { type: smtp, host: 127.0.0.1');
  await page.getByRole('button', { name: 'Put it in force' }).click();
  await page.locator('#wizard[data-applied]').waitFor();
  expect(await page.locator('#wizard-login').textContent()).toMatch(/^web \/ \w{24}$/);
  expect(await page.locator('#wizard-swaks').textContent()).toMatch(/--auth-user web --auth-password \w{24}/);
  expect(await page.locator('#wizard-records').textContent()).toContain('_domainkey.shop.test');
  expect(inFile()).toContain('use: [smtp]');
  expect(at.troubles).toEqual([]);
});
