/** Which language a page is in: what was chosen, or what the browser asks for. Pure. */
import type { IncomingHttpHeaders } from 'node:http';
import { type Language, LANGUAGES } from '../page.ts';

export const LANGUAGE_COOKIE = 'relevo-language';

/** English where nothing else is wanted. */
export function languageOf(headers: Pick<IncomingHttpHeaders, 'cookie' | 'accept-language'>): Language {
  const chosen = (headers.cookie ?? '')
    .split(';')
    .map((one) => one.trim().split('='))
    .find(([name]) => name === LANGUAGE_COOKIE)?.[1];
  return languageNamed(chosen) ?? wanted(headers['accept-language'] ?? '') ?? 'en';
}

/** @returns null: there is none of that name */
export function languageNamed(name: string | undefined): Language | null {
  return LANGUAGES.find((one) => one === name) ?? null;
}

/** RFC 9110 §12.5.4: the one of ours that is wanted most, whatever its region. */
function wanted(accepted: string): Language | null {
  const ranges = accepted
    .slice(0, 500)
    .split(',')
    .flatMap((one) => {
      const [range = '', ...rest] = one.split(';').map((part) => part.trim().toLowerCase());
      const weight = rest.find((part) => part.startsWith('q='))?.slice(2) ?? '1';
      const language = languageNamed(range.split('-')[0]);
      return language === null || !(Number(weight) > 0) ? [] : [{ language, weight: Number(weight) }];
    });
  return ranges.toSorted((one, other) => other.weight - one.weight)[0]?.language ?? null;
}

/** Where to go on after a language was chosen: a place of ours and nobody else's. */
export function ownPlace(next: string | null): string {
  return next !== null && /^\/(?![/\\])[\x21-\x7e]*$/.test(next) && !next.includes('\\') ? next : '/';
}
