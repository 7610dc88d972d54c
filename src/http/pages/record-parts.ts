/** What the pages about mail have in common: states, addresses, choices. Whatever came from outside is text. */
import { html, raw } from 'hono/html';
import { SEARCH_STATES, type SearchState } from '../../spool/search.ts';
import type { Html, Language } from '../page.ts';
import { count } from './format.ts';
import { STATE_WORDS } from './messages-words.ts';

/** To whom something is shown, and when. */
export type RecordTold = {
  readonly nowMs: number;
  readonly zone: string;
  readonly language: Language;
  /** Whether what changes something is shown. */
  readonly mayChange: boolean;
};

const TONES: Readonly<Record<SearchState, string>> = {
  queued: '',
  held: 'warn',
  quarantined: 'bad',
  delivered: 'good',
  bounced: 'bad',
  expired: 'bad',
  suppressed: 'warn',
  discarded: 'warn',
  'in-doubt': 'warn',
};

/** A word in its colour. @param state of those that a recipient may be in; another is shown as it is */
export function stateTag(state: string, language: Language, suffix = ''): Html {
  const known = SEARCH_STATES.find((one) => one === state);
  const word = known === undefined ? state : STATE_WORDS[language][known];
  return html`<span class="tag ${known === undefined ? '' : TONES[known]}">${word}${suffix}</span>`;
}

/** All states of a message's recipients, with how many where there are several. */
export function stateTags(states: Readonly<Partial<Record<SearchState, number>>>, language: Language): Html {
  const those = SEARCH_STATES.filter((state) => states[state] !== undefined);
  return html`${those.map((state) => {
    const many = states[state] ?? 0;
    return html`${stateTag(state, language, many === 1 ? '' : ` ${count(many, language)}`)} `;
  })}`;
}

export type Choice = { readonly value: string; readonly text: string };

/** A field to choose from, with the one chosen that is asked for, even where it is none of them. */
export function choice(
  of: { readonly name: string; readonly label: string; readonly any: string },
  choices: readonly Choice[],
  chosen: string,
): Html {
  const isKnown = chosen === '' || choices.some(({ value }) => value === chosen);
  const all = [{ value: '', text: of.any }, ...choices, ...(isKnown ? [] : [{ value: chosen, text: chosen }])];
  return html`<label
    >${of.label}
    <select name="${of.name}">
      ${all.map(
        ({ value, text }) => html`<option value="${value}" ${value === chosen ? raw('selected') : ''}>${text}</option>`,
      )}
    </select></label
  >`;
}

/** @param more other attributes, of our own making */
export function field(
  of: { readonly name: string; readonly label: string; readonly type?: string; readonly size?: number },
  value: string,
): Html {
  return html`<label
    >${of.label}
    <input name="${of.name}" type="${of.type ?? 'text'}" value="${value}" size="${of.size ?? 18}" autocomplete="off"
  /></label>`;
}

export function names(all: Iterable<string>): Choice[] {
  return [...all].map((value) => ({ value, text: value }));
}

export function states(language: Language, some: readonly SearchState[] = SEARCH_STATES): Choice[] {
  return some.map((value) => ({ value, text: STATE_WORDS[language][value] }));
}

/** Where a page has a name in its path. */
export function messagePath(id: string): string {
  return `/messages/${encodeURIComponent(id)}`;
}

/** The same address with other fields; empty ones are left out. */
export function withFields(path: string, query: URLSearchParams, fields: Readonly<Record<string, string>>): string {
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(fields)) {
    if (value === '') next.delete(name);
    else next.set(name, value);
  }
  const text = next.toString();
  return text === '' ? path : `${path}?${text}`;
}

/** Fields of an address that are not empty, each once. */
export function givenIn(query: URLSearchParams): Record<string, string> {
  return Object.fromEntries([...query].filter(([, value]) => value.trim() !== ''));
}
