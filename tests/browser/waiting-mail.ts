/** Mail that waits, for tests of what can be done with it, and what became of it as the API has it. */
import { expect } from 'vitest';
import type { BrowserRig } from './rig.ts';
import { SEEDED } from './seed.ts';

/** What is put off is tried again by a time of its own. */
const SOON = { timeout: 30_000 };

/** Sends mail to so many recipients of a domain that puts it off, and waits until it was. */
export async function putOff(
  rig: BrowserRig,
  { domain, count }: { readonly domain: string; readonly count: number },
): Promise<void> {
  for (let one = 0; one < count; one++) await rig.send({ to: `u${one}@${domain}` });
  const once = Array.from({ length: count }, () => 1);
  await expect.poll(() => states(rig, domain, 'attempts'), SOON).toEqual(once);
}

/** Of the deliveries of a domain that wait. */
export async function states(
  rig: BrowserRig,
  domain: string,
  field: 'state' | 'attempts' = 'state',
): Promise<readonly unknown[]> {
  const { value } = await rig.api('GET', `/api/v1/queue?domain=${domain}`);
  const { deliveries } = value as { readonly deliveries: readonly Readonly<Record<string, unknown>>[] };
  return deliveries.map((delivery) => delivery[field]);
}

/** How many messages to a domain ended so. */
export async function ended(rig: BrowserRig, domain: string, state: string): Promise<number> {
  const { value } = await rig.api('GET', `/api/v1/messages?domain=${domain}&state=${state}`);
  return (value as { readonly messages: readonly unknown[] }).messages.length;
}

/** Sends a message whose time is tomorrow. @returns its id */
export async function sendLater(rig: BrowserRig, domain: string): Promise<string> {
  const mail = { from: SEEDED.sender, to: [`u@${domain}`], subject: 'Later', text: 'x', client: 'shop' };
  const { value } = await rig.api('POST', '/api/v1/messages', { ...mail, sendAt: `${daysAhead(1)}T08:00:00Z` });
  return (value as { readonly id: string }).id;
}

/** Such as 2026-12-24. */
export function daysAhead(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
}
