/** What holds for every page, in a real browser. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { harm, passedOver, seriousFaults, tooWide } from './checks.ts';
import { type ListedPage, PAGES } from './page-list.ts';
import { type BrowserRig, type OpenedPage, openBrowserRig, type OpenOptions } from './rig.ts';

const SHOTS = resolve(import.meta.dirname, '../../docs/screenshots');
const MOST_BYTES = 100_000;
const PHONE = 380;
/** What somebody looks at away from a desk: of these there is a picture. */
const PHONES = new Set(['overview', 'exits', 'queue', 'message']);

type Shot = { readonly name: string; readonly width: number; readonly height: number };

let rig: BrowserRig | undefined;
beforeAll(async () => {
  rig = await openBrowserRig();
});
afterAll(() => rig?.[Symbol.asyncDispose]());

async function opened({ path, by, ready, isOpen }: ListedPage, options: OpenOptions = {}): Promise<OpenedPage> {
  const at = await (rig as BrowserRig).open(path, { ...(isOpen === true ? { as: null } : {}), ...options });
  if (by !== undefined) {
    await at.page.locator(by).first().click();
    await at.page.waitForURL((url) => !url.href.endsWith(path));
  }
  if (ready !== undefined) await at.page.locator(ready).first().waitFor();
  return at;
}

/** The upper part of it, which is what one sees first. */
async function shoot(at: OpenedPage, { name, width, height }: Shot): Promise<void> {
  if (process.env['RELEVO_SCREENSHOTS'] === undefined) return;
  mkdirSync(SHOTS, { recursive: true });
  await at.page.screenshot({
    path: join(SHOTS, `${name}.png`),
    animations: 'disabled',
    fullPage: true,
    clip: { x: 0, y: 0, width, height },
  });
}

describe.each(PAGES)('$name', (listed) => {
  test('is small, quiet, and for everybody, in English and light', async () => {
    await using at = await opened(listed);
    expect(await at.page.locator('h1').count()).toBe(1);
    expect(await at.page.locator('html').getAttribute('lang')).toBe('en');
    expect(await seriousFaults(at.page)).toEqual([]);
    expect(await passedOver(at.page)).toEqual([]);
    expect(await harm(at.page)).toEqual([]);
    expect(await at.transferred()).toBeLessThan(MOST_BYTES);
    await shoot(at, { name: listed.name, width: 1200, height: 1000 });
    expect(at.troubles).toEqual([]);
  });

  test('and so on a phone, in Spanish and in the dark', async () => {
    await using at = await opened(listed, { language: 'es', isDark: true, width: PHONE });
    expect(await at.page.locator('html').getAttribute('lang')).toBe('es');
    expect(await tooWide(at.page)).toEqual([]);
    expect(await seriousFaults(at.page)).toEqual([]);
    expect(await harm(at.page)).toEqual([]);
    if (PHONES.has(listed.name)) await shoot(at, { name: `${listed.name}-phone`, width: PHONE, height: 800 });
    expect(at.troubles).toEqual([]);
  });
});
