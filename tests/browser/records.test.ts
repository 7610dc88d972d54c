/** Queue, Messages and Suppression as those use them who look for somebody's mail. */
import { readFileSync } from 'node:fs';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allDone } from './actions.ts';
import { type BrowserRig, openBrowserRig } from './rig.ts';
import { HOSTILE, SEEDED } from './seed.ts';
import { daysAhead, ended, putOff, sendLater, states } from './waiting-mail.ts';

/** What is live is shown anew within seconds, on a machine that is busy too. */
const SOON = { timeout: 15_000 };

let rig: BrowserRig;
beforeAll(async () => {
  rig = await openBrowserRig();
});
afterAll(allDone('records', () => rig));
afterAll(() => rig?.[Symbol.asyncDispose]());

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
  await expect.poll(() => heat.textContent(), SOON).toContain(HOSTILE.reply);
  expect(await heat.locator('td.heat-5').count()).toBeGreaterThan(0);
  await heat.getByRole('link', { name: 'held.test' }).click();
  await page.waitForURL(/domain=held\.test/);
  const row = page.getByRole('row', { name: /held\.test/ }).last();
  await expect.poll(() => page.locator('[data-live=why]').textContent(), SOON).toMatch(/held: .*operator/s);
  await row.getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Release' }).first().click();
  await say(page, 'Release', /^Deliveries: 1; under way and left alone: 0/);
  await expect.poll(() => page.locator('#outcome').textContent(), SOON).toMatch(/^Deliveries changed: 1;/);
  await expect.poll(() => page.locator('[data-live=deliveries]').textContent(), SOON).toMatch(/queued|under way/);
  await rig.relay.waitFor(({ event, domain }) => event === 'attempted' && domain === 'held.test');
  await page.locator('form[data-keep]').getByRole('button', { name: 'Hold' }).click();
  await say(page, 'Hold', /^Deliveries: \d/);
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
  await expect.poll(() => found.count(), SOON).toBe(1);
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
  await importing.locator('textarea').fill('jan@z.test\n');
  await importing.getByLabel('Reason').selectOption('complaint');
  await importing.getByRole('button').click();
  await page.getByRole('row', { name: /jan@z\.test.*complain/i }).waitFor();

  await page.locator('form[data-filter] input[name=domain]').fill('x.test');
  await page.locator('form[data-filter]').getByRole('button').click();
  await page.waitForURL(/domain=x\.test/);
  await expect.poll(() => page.locator('[data-live=entries] tbody tr').count(), SOON).toBe(2);
  const exported = await page.getByRole('link', { name: 'Export as CSV' }).getAttribute('href');
  expect(exported).toBe('/api/v1/suppressions/export?domain=x.test&format=csv');
  await row.getByRole('button', { name: /Remove/ }).click();
  expect(await page.locator('dialog[open]').textContent()).toContain('gus@x.test');
  await say(page, 'Remove');
  await expect.poll(() => row.count(), SOON).toBe(0);

  // The page is looked at again while its search takes long: what is there stays.
  const still = '<section data-live="entries" aria-busy="true"><p>Looking</p></section>';
  let asked = 0;
  await page.route(/suppression\?/, async (route) => {
    asked += 1;
    await route.fulfill({ contentType: 'text/html', body: still });
  });
  await page.evaluate('window.relevo.refresh()');
  expect(asked).toBe(1);
  expect(await page.locator('[data-live=entries]').getAttribute('aria-busy')).toBeNull();
  expect(at.troubles).toEqual([]);
});

test.each(['selected.later.test', 'all.later.test'])(
  'all that can be done to waiting mail is done to %s',
  async (domain) => {
    await putOff(rig, { domain, count: 2 });
    await using at = await rig.open('/queue', { as: 'operator' });
    const { page } = at;
    const isAll = domain.startsWith('all');
    const search = page.locator('form[role=search]');
    const find = async (fields: (form: Locator) => Promise<unknown>) => {
      await search.getByLabel('Destination').fill(domain);
      await fields(search);
      // Not by the address, which was searched before: the page of then must be gone.
      await Promise.all([page.waitForEvent('load'), search.getByRole('button').click()]);
      await page.waitForURL(/domain=/);
    };
    const act = async (button: string, many: number) => {
      const boxes = page.getByRole('checkbox');
      // What was done before may come to the page a moment later.
      await expect.poll(async () => (await boxes.count()) - (await states(rig, domain)).length, SOON).toBe(0);
      if (!isAll) for (let one = 0; one < many; one++) await boxes.nth(one).check();
      const form = page.locator(isAll ? 'form[data-keep]' : 'form', { has: isAll ? page.locator('button') : boxes });
      await form.getByRole('button', { name: button, exact: true }).click();
      await say(page, button, new RegExp(`^Deliveries: ${many};`));
      await expect.poll(() => page.locator('#outcome').textContent(), SOON).toMatch(new RegExp(`: ${many};`));
    };
    await find((form) => form.getByLabel('State').selectOption(''));
    await act('Try now', 2);
    await expect.poll(() => states(rig, domain, 'attempts'), SOON).toEqual([2, 2]);
    await act('Hold', 2);
    await expect.poll(() => states(rig, domain)).toEqual(['held', 'held']);
    await act('Release', 2);
    await expect.poll(() => states(rig, domain)).toEqual(['queued', 'queued']);
    await expect.poll(() => states(rig, domain, 'attempts'), SOON).toEqual([3, 3]);
    await act('Bounce', isAll ? 2 : 1);
    await expect.poll(() => ended(rig, domain, 'bounced'), SOON).toBe(isAll ? 2 : 1);
    if (isAll) {
      await putOff(rig, { domain, count: 1 });
      await page.reload();
    }
    await act('Discard', 1);
    await expect.poll(() => ended(rig, domain, 'discarded'), SOON).toBe(1);
    expect(await states(rig, domain)).toEqual([]);

    const id = await sendLater(rig, domain);
    await find((form) => form.getByLabel('Scheduled').selectOption('true'));
    if (!isAll) {
      await page.getByRole('checkbox').check();
      await page.getByLabel(/New time/).fill(`${daysAhead(2)}T10:00`);
      await page.getByRole('button', { name: 'Reschedule those selected' }).click();
      await page
        .locator('[data-live=deliveries]')
        .getByText(`${daysAhead(2)} 10:00`)
        .waitFor();
    }
    await act('Do not send scheduled', 1);
    await expect
      .poll(async () => JSON.stringify(await rig.api('GET', `/api/v1/messages/${id}`)), SOON)
      .toContain('discarded');
    expect(at.troubles).toEqual([]);
  },
);

test('a message is held, released, tried and discarded on its own page', async () => {
  await putOff(rig, { domain: 'own.later.test', count: 1 });
  await using at = await rig.open('/messages?domain=own.later.test', { as: 'operator' });
  const { page } = at;
  await page.locator('tbody').getByRole('link').first().click();
  const waiting = page.locator('[data-live=waiting]');
  await waiting.getByRole('button', { name: 'Hold' }).click();
  await waiting.getByText('held', { exact: true }).waitFor();
  expect(await states(rig, 'own.later.test')).toEqual(['held']);
  await waiting.getByRole('button', { name: 'Release' }).click();
  await waiting.getByRole('button', { name: 'Try now' }).waitFor();
  await expect.poll(() => states(rig, 'own.later.test', 'attempts'), SOON).toEqual([2]);
  await waiting.getByRole('button', { name: 'Try now' }).click();
  await expect.poll(() => states(rig, 'own.later.test', 'attempts'), SOON).toEqual([3]);
  await waiting.getByRole('button', { name: 'Discard' }).click();
  await say(page, 'Discard');
  await expect.poll(() => page.locator('[data-live=recipients]').textContent(), SOON).toContain('discarded');
  expect(await states(rig, 'own.later.test')).toEqual([]);
  expect(at.troubles).toEqual([]);
});

/** What a click on a link to a file brings. */
async function download(page: Page, name: string): Promise<{ readonly name: string; readonly text: string }> {
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name }).click()]);
  return { name: file.suggestedFilename(), text: readFileSync(await file.path(), 'utf8') };
}

test('reports and the list of suppressed addresses are files at a click, as CSV and as JSON, and a report goes by mail', async () => {
  await rig.api('POST', '/api/v1/suppressions', { address: 'jon@export.test', reason: 'manual' });
  await rig.api('POST', '/api/v1/suppressions', { address: 'kim@other.test', reason: 'manual' });
  await using at = await rig.open('/reports', { as: 'operator' });
  const { page } = at;
  await page.locator('select[name=since]').selectOption('24h');
  await Promise.all([page.waitForURL(/since=24h/), page.getByRole('button', { name: 'Show' }).click()]);
  await expect
    .poll(async () => (await download(page, 'Export as CSV')).text, SOON)
    .toMatch(/^by,name,bounced,.*\ndestination,refused\.test,/s);
  const bounces = await download(page, 'Export as JSON');
  expect(bounces.name).toBe('relevo-bounces.json');
  expect(JSON.parse(bounces.text)).toMatchObject({ total: expect.anything() });

  await page.getByLabel('Report of').selectOption('week');
  await page.getByLabel('Address').fill('boss@dest.test');
  await page.getByRole('button', { name: 'Send' }).click();
  await expect.poll(() => rig.taken().filter(({ to }) => to.includes('boss@dest.test')).length, SOON).toBe(1);

  await page.goto(`${rig.base}/reports/costs`);
  await Promise.all([page.waitForURL(/\/costs\?month=/), page.getByRole('button', { name: 'Show' }).click()]);
  const costs = await download(page, 'Export as CSV');
  expect([costs.name, costs.text.split('\n').length > 2]).toEqual(['relevo-costs.csv', true]);
  expect(costs.text).toMatch(/,one,/);
  expect(JSON.parse((await download(page, 'Export as JSON')).text)).toBeTypeOf('object');

  await page.goto(`${rig.base}/suppression?domain=export.test`);
  const list = await download(page, 'Export as CSV');
  expect(list.text).toContain('jon@export.test');
  expect(list.text).not.toContain('kim@other.test');
  expect((await download(page, 'Export as JSON')).text).toContain('"jon@export.test"');
  expect(at.troubles).toEqual([]);
});
