/**
 * What the relay says of itself, in Spanish where a page is. Its alerts, reasons and advice are made in one language, in which logs, mails
 * and the API have them too; here each of their sentences stands with its translation. Pure.
 */
import { html } from 'hono/html';
import { kindOfAlert } from '../../message/alert-kind.ts';
import type { Html, Language } from '../page.ts';
import { ALERT_SENTENCES } from './spanish-alerts.ts';
import { REASON_SENTENCES } from './spanish-reasons.ts';
import { TODO_SENTENCES } from './spanish-todo.ts';

/** `{name}`: what differs; `{n}`: a figure; `{name*}`: something that is itself such a sentence, or several. */
export type Sentence = readonly [english: string, spanish: string];

type Frame = { readonly pattern: RegExp; readonly names: readonly string[]; readonly spanish: string };

/** Whoever translates what is in a translation, no deeper. */
const DEEPEST = 3;

const PLACE = /\{(\w+\*?)\}/g;

function frameOf([english, spanish]: Sentence): Frame {
  const names = [...english.matchAll(PLACE)].map(([, name = '']) => name);
  const fixed = english.split(/\{\w+\*?\}/).map((text) => text.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&'));
  const places = names.map((name) => (name === 'n' ? '(\\d[\\d.,]*)' : '(.+?)'));
  const pattern = fixed.map((text, at) => text + (places[at] ?? '')).join('');
  return { pattern: new RegExp(`^${pattern}$`, 's'), names, spanish };
}

let frames: readonly Frame[] | undefined;

/** null: no such sentence is known. */
export function spanish(text: string, depth = 0): string | null {
  // Those with the most words of their own first: what differs may be anything.
  frames ??= [...ALERT_SENTENCES, ...REASON_SENTENCES]
    .toSorted(([one], [other]) => fixedLength(other) - fixedLength(one))
    .map(frameOf);
  for (const { pattern, names, spanish: words } of frames) {
    const found = pattern.exec(text);
    if (found === null) continue;
    return words.replaceAll(PLACE, (_, name: string) => {
      const part = found[names.indexOf(name) + 1] ?? '';
      return name.endsWith('*') && depth < DEEPEST ? (spanish(part, depth + 1) ?? part) : part;
    });
  }
  const parts = text.split('; ');
  if (parts.length === 1 || depth >= DEEPEST) return null;
  const each = parts.map((part) => spanish(part, depth + 1));
  return each.every((part) => part === null) ? null : each.map((part, at) => part ?? parts[at]).join('; ');
}

function fixedLength(english: string): number {
  return english.replaceAll(PLACE, '').length;
}

/** In the language of the page; what has no translation is marked as English. */
export function said(text: string, language: Language): Html {
  const words = language === 'es' ? spanish(text) : text;
  return words === null ? html`<span lang="en">${withCode(text)}</span>` : withCode(words);
}

/** What is to be done about an alert. @param todo as it is in English */
export function saidTodo({ name, todo }: { readonly name: string; readonly todo: string }, language: Language): Html {
  const kind = kindOfAlert(name);
  if (language === 'en') return withCode(todo);
  const words = Object.hasOwn(TODO_SENTENCES, kind) ? TODO_SENTENCES[kind] : undefined;
  return words === undefined ? html`<span lang="en">${withCode(todo)}</span>` : withCode(words);
}

/** What stands between backticks is a command, or a key. */
function withCode(text: string): Html {
  return html`${text.split('`').map((part, at) => (at % 2 === 1 ? html`<code>${part}</code>` : part))}`;
}
