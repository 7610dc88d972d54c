/** Queue, Messages and Suppression as those use them who look for somebody's mail. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BrowserRig, openBrowserRig } from './rig.ts';
import { HOSTILE, SEEDED } from './seed.ts';

/** What is live is shown anew within seconds, on a machine that is busy too. */
const SOON = { timeout: 15_000 };

let rig: BrowserRig;
beforeAll(async () => {
  rig = await openBrowserRig();
});
afterAll(() => rig?.[Symbol.asyncDispose]());

function daysAhead(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
}

/** Answers the question that an action asks. */
async function say(page: Page, button: string, preview?: RegExp): Promise<void> {
  const dialog = page.locator('dialog[open]');
  await dialog.waitFor();
  if (preview !== undefined) await expect.poll(() => dialog.locator('.preview').textContent(), SOON).toMatch(preview);
  await dialog.getByRole('button', { name: button }).click();
}

test('the queue is released, held and tried by selection, and each time it is said how many before', async () => {
  await using at = await rig.open('/queue', { as: 'operator' });
  const { page } = at;
  const heat = page.locator('table.heat');
  expect(await heat.textContent()).toContain(HOSTILE.reply);
  expect(await heat.locator('td.heat-5').count()).toBeGreaterThan(0);
  await heat.getByRole('link', { name: 'held.test' }).click();
  await page.waitForURL(/domain=held\.test/);
  const row = page.getByRole('row', { name: /held\.test/ }).last();
  expect(await page.locator('[data-live=why]').textContent()).toMatch(/held: .*operator/s);
  await row.getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Release' }).first().click();
  await say(page, 'Release', /^1 deliveries; 0 are under way/);
  await expect.poll(() => page.locator('#outcome').textContent(), SOON).toMatch(/^Deliveries changed: 1;/);
  await expect.poll(() => page.locator('[data-live=deliveries]').textContent(), SOON).toMatch(/queued|under way/);
  await rig.relay.waitFor(({ event, domain }) => event === 'attempted' && domain === 'held.test');
  await page.locator('form[data-keep]').getByRole('button', { name: 'Hold' }).click();
  await say(page, 'Hold', /deliveries/);
  await expect.poll(() => page.locator('[data-live=deliveries] .tag').first().textContent(), SOON).toBe('held');
  expect(at.troubles).toEqual([]);
});

test('who is signed out meanwhile is led to sign in before anything is asked, and back', async () => {
  await using at = await rig.open('/queue?domain=later.test', { as: 'operator' });
  await at.page.getByRole('checkbox').first().check();
  await at.page.context().clearCookies();
  await at.page.getByRole('button', { name: 'Hold' }).first().click();
  await expect.poll(() => at.page.url(), SOON).toMatch(/\/sign-in\?next=%2Fqueue%3Fdomain%3Dlater\.test$/);
});

test('what is asked for by a filter and cannot be there is said; who may only look changes nothing', async () => {
  await using at = await rig.open('/queue?sender=no%20address', { as: 'viewer' });
  expect(await at.page.getByRole('alert').textContent()).toContain('sender');
  await at.page.goto(`${rig.base}/queue`);
  expect(await at.page.getByRole('checkbox').count()).toBe(0);
  expect(await at.page.getByRole('button', { name: /Hold|Bounce/ }).count()).toBe(0);
  expect(at.troubles).toEqual([]);
});

test('a message is found by what is known of it, and its page has reply, transcript and a way to bounce it', async () => {
  const asked = { to: `eva@later.test`, subject: HOSTILE.subject, tag: 'june' };
  await rig.send(asked);
  await rig.relay.waitFor(({ event, recipients }) => event === 'deferred' && String(recipients).includes(asked.to));
  await using at = await rig.open('/messages');
  const { page } = at;
  await page.getByLabel('Sender or recipient').fill('EVA@later.test');
  await page.getByLabel('State').selectOption('queued');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.waitForURL(/address=/);
  expect(new URL(page.url()).search).not.toContain('tag=');
  const found = page.locator('tbody tr');
  expect(await found.count()).toBe(1);
  expect(await found.textContent()).toContain(HOSTILE.subject);
  await found.getByRole('link').first().click();
  await page.getByRole('heading', { level: 1, name: 'Message' }).waitFor();
  const timeline = await page.locator('[data-live=timeline]').textContent();
  expect(timeline).toContain('attempt 1');
  expect(timeline).toContain(HOSTILE.reply);
  const transcript = page.locator('[data-live=transcripts] details').first();
  await expect
    .poll(async () => {
      await page.reload();
      return transcript.count();
    }, SOON)
    .toBe(1);
  await transcript.locator('summary').click();
  const said = await transcript.locator('pre').textContent();
  expect(said).toMatch(/> MAIL FROM:</);
  expect(said).toContain(`< 451 `);
  expect(said).toContain(HOSTILE.reply.slice(0, 30));
  await page.locator('[data-live=waiting]').getByRole('button', { name: 'Bounce' }).click();
  await say(page, 'Bounce');
  await expect.poll(() => page.locator('[data-live=recipients]').textContent(), SOON).toContain('bounced');
  expect(await page.locator('[data-live=timeline]').textContent()).toContain('returned by the operator');
  expect(at.troubles).toEqual([]);
});

test('mail with a time to come is rescheduled, and then cancelled', async () => {
  const mail = {
    from: SEEDED.sender,
    to: ['fay@dest.test'],
    subject: 'Later',
    text: 'x',
    sendAt: `${daysAhead(1)}T08:00:00Z`,
  };
  const { status, value } = await rig.api('POST', '/api/v1/messages', { ...mail, client: 'shop' });
  expect({ status, value }).toMatchObject({ status: 202 });
  const { id } = value as { readonly id: string };
  await using at = await rig.open(`/messages/${id}`, { language: 'es' });
  const { page } = at;
  await page.getByLabel(/Nueva hora/).fill(`${daysAhead(2)}T10:00`);
  await page.getByRole('button', { name: 'Reprogramar' }).click();
  await expect.poll(() => page.locator('[data-live=waiting]').textContent(), SOON).toContain(daysAhead(2));
  await page.locator('[data-live=waiting]').getByRole('button', { name: 'No enviar' }).click();
  await say(page, 'No enviar');
  await expect.poll(() => page.locator('[data-live=recipients]').textContent(), SOON).toContain('descartado');
  expect(at.troubles).toEqual([]);
});

test('an address is suppressed, found, written to again; a list is imported, and one with a fault is not', async () => {
  await using at = await rig.open('/suppression');
  const { page } = at;
  const adding = page.locator('form[data-api="POST /api/v1/suppressions"]');
  await adding.locator('input[name=address]').fill('gus@x.test');
  await adding.locator('input[name=evidence]').fill(HOSTILE.reply);
  await adding.locator('input[name=until]').fill('2036-02-03T10:00');
  await adding.getByRole('button').click();
  const row = page.getByRole('row', { name: /gus@x\.test/ });
  await row.waitFor();
  expect(await row.textContent()).toContain(HOSTILE.reply);
  expect(await row.textContent()).toContain('2036-02-03');

  const importing = page.locator('form[data-api="POST /api/v1/suppressions/import"]');
  await importing.locator('textarea').fill('hal@x.test\nno address at all\n');
  await importing.getByRole('button').click();
  await importing.locator('.fault').waitFor();
  expect(await importing.locator('.fault').textContent()).toContain('line 2');
  await importing.locator('textarea').fill('hal@x.test\nida@y.test\n');
  await importing.getByRole('button').click();
  await expect.poll(() => page.locator('#outcome').textContent(), SOON).toBe('Imported: 2. Left out: 0.');

  await page.locator('form[data-filter] input[name=domain]').fill('x.test');
  await page.locator('form[data-filter]').getByRole('button').click();
  await page.waitForURL(/domain=x\.test/);
  expect(await page.locator('[data-live=entries] tbody tr').count()).toBe(2);
  const exported = await page.getByRole('link', { name: 'Export as CSV' }).getAttribute('href');
  expect(exported).toBe('/api/v1/suppressions/export?domain=x.test&format=csv');
  await row.getByRole('button', { name: /Remove/ }).click();
  expect(await page.locator('dialog[open]').textContent()).toContain('gus@x.test');
  await say(page, 'Remove');
  await expect.poll(() => row.count(), SOON).toBe(0);
  expect(at.troubles).toEqual([]);
});
