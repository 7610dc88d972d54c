/** Figures, times and sums as pages show them, in each language. Pure. */
import { html } from 'hono/html';
import type { Html, Language } from '../page.ts';

/** `12,345`; `12.345` in Spanish, which groups from five digits on. */
export function count(value: number, language: Language): string {
  const whole = String(Math.round(value));
  if (language === 'es' && whole.replace('-', '').length < 5) return whole;
  return whole.replace(/\B(?=(?:\d{3})+$)/g, language === 'es' ? '.' : ',');
}

/** With as many places as asked for: `0.5`, `0,5`. */
export function decimal(value: number, places: number, language: Language): string {
  const text = value.toFixed(places);
  const [whole = '', part = ''] = text.split('.');
  const grouped = count(Number(whole), language);
  const signed = text.startsWith('-') && !grouped.startsWith('-') ? `-${grouped}` : grouped;
  return part === '' ? signed : `${signed}${language === 'es' ? ',' : '.'}${part}`;
}

/** @param share 0 to 1; all but all is never shown as all. */
export function percent(share: number, language: Language): string {
  const cut = share < 1 ? Math.min(share, 0.9999) : share;
  const tenths = Math.floor(cut * 1_000) / 10;
  return `${decimal(tenths, Number.isInteger(tenths) ? 0 : 1, language)} %`;
}

/** `0.12 USD`. @param amount in units of the currency */
export function money(
  { amount, currency }: { readonly amount: number; readonly currency: string },
  language: Language,
): string {
  return `${decimal(amount, amount !== 0 && Math.abs(amount) < 0.01 ? 4 : 2, language)} ${currency}`;
}

/** `4.2 MB`, in powers of 1,000. */
export function bytes(sizeBytes: number, language: Language): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let [value, at] = [sizeBytes, 0];
  while (value >= 999.5 && at < units.length - 1) [value, at] = [value / 1_000, at + 1];
  return `${decimal(value, at === 0 || value >= 99.5 ? 0 : 1, language)} ${units[at]}`;
}

/** `45 s`, `12 min`, `3 h 5 min`, `2 d`: the same in both languages. */
export function duration(lengthMs: number): string {
  const seconds = Math.max(0, Math.round(lengthMs / 1_000));
  if (seconds < 100) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 10 && minutes % 60 > 0) return `${hours} h ${minutes % 60} min`;
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`;
}

/** A moment as those who read it live by it. @param zone of the policy @returns `2026-11-22 17:05:09` */
export function moment(atMs: number, zone: string): string {
  return formatOf(zone).format(new Date(atMs)).replace(', ', ' ');
}

/** How long ago, or until when, with the moment itself for machines and on hovering. */
export function ago(
  atMs: number,
  of: { readonly nowMs: number; readonly zone: string; readonly language: Language },
): Html {
  const { nowMs, zone, language } = of;
  const words = WORDS[language];
  const far = duration(Math.abs(nowMs - atMs));
  const text = atMs > nowMs ? words.until(far) : words.since(far);
  return html`<time datetime="${new Date(atMs).toISOString()}" title="${moment(atMs, zone)} ${zone}">${text}</time>`;
}

const WORDS = {
  en: { since: (far: string) => `${far} ago`, until: (far: string) => `in ${far}` },
  es: { since: (far: string) => `hace ${far}`, until: (far: string) => `dentro de ${far}` },
};

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  // The one of Sweden writes as ISO 8601 has it.
  const made = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' });
  formats.set(zone, made);
  return made;
}
