/** What the users and the tokens of the page Access have in common. */
import { html } from 'hono/html';
import type { Html, Language } from '../page.ts';
import { ACCESS_WORDS } from './access-words.ts';

/** Of more a page would be long: the command line lists all. */
export const MOST_SHOWN = 100;

/** How many are not shown, and what lists them. */
export function moreThanShown(count: number, command: string): Html | string {
  return count > MOST_SHOWN ? html`<p class="hint">+ ${count - MOST_SHOWN}: <code>${command}</code></p>` : '';
}

/** The name of one that is to be made. @param marks characters that it may have beside letters and digits, as in a pattern */
export function newNameField(marks: string, language: Language): Html {
  return html`<label
    >${ACCESS_WORDS[language].name}
    <input
      name="name"
      required
      maxlength="64"
      pattern="[A-Za-z0-9][A-Za-z0-9${marks}]*"
      autocomplete="off"
      autocapitalize="none"
      spellcheck="false"
  /></label>`;
}

type Once = { readonly field: string; readonly label: string };

/** Shown once it is there, those of the answer that it has. */
export function onceShown(fields: readonly Once[], language: Language): Html {
  return html`<div class="notice good" data-shown hidden>
    ${fields.map(({ field, label }) => html`<p data-optional hidden>${label}: <code data-reply="${field}"></code></p>`)}
    <p>${ACCESS_WORDS[language].onceOnly}</p>
  </div>`;
}
