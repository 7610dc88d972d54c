/** What holds for every page, as functions of one that is open. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds serious or critical, a line each; contrast and labels among it. */
export async function seriousFaults(page: Page): Promise<readonly string[]> {
  // Evaluated by the browser's own way for tools, which the page's policy has no say in.
  await page.evaluate(AXE);
  return page.evaluate<string[]>('rig.serious()');
}

/** What is to be reached by scrolling sideways only; empty: nothing is. */
export async function tooWide(page: Page): Promise<readonly string[]> {
  if (await page.evaluate<boolean>('rig.isNarrowEnough()')) return [];
  return ['the page is too wide', ...(await page.evaluate<string[]>('rig.wide()'))];
}

/** Hostile words that were run, or became elements; empty: none did. */
export function harm(page: Page): Promise<readonly string[]> {
  return page.evaluate<string[]>('rig.harm()');
}

/** Links, buttons and fields that the Tab key passes over. */
export function passedOver(page: Page): Promise<readonly string[]> {
  return page.evaluate<string[]>('rig.passedOver()');
}

/** What gets the focus with Tab, from where it is, by name; ends where nothing has it. */
export async function tabOrder(page: Page, most: number): Promise<readonly string[]> {
  const order: string[] = [];
  for (let step = 0; step < most; step++) {
    await page.keyboard.press('Tab');
    const name = await page.evaluate<string>('rig.focused()');
    if (name === '') break;
    order.push(name);
  }
  return order;
}
