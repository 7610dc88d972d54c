/** The state of an exit as pages show it: a word, a colour, and why. */
import { html } from 'hono/html';
import type { ExitClosure } from '../../operations/exits/exit-status.ts';
import type { Html, Language, Words } from '../page.ts';
import { ago } from './format.ts';
import { said } from './spanish.ts';

export type Shown = {
  readonly closures: readonly ExitClosure[];
  /** Part of its limits that it may use, above 0 and at most 1. */
  readonly part: number;
  readonly isRunning: boolean;
};

type Told = { readonly nowMs: number; readonly zone: string; readonly language: Language };

type StateWords = {
  readonly open: string;
  readonly notRunning: string;
  readonly slowed: (percent: number) => string;
  readonly gates: Readonly<Record<string, string>>;
  readonly opens: string;
  readonly looked: string;
};

const WORDS: Words<StateWords> = {
  en: {
    open: 'open',
    notRunning: 'not running',
    slowed: (percent) => `slowed to ${percent} %`,
    gates: {
      disabled: 'disabled',
      paused: 'paused',
      down: 'down',
      listed: 'listed',
      reputation: 'reputation',
      resting: 'resting',
      limited: 'limit used up',
      budget: 'budget used up',
      elsewhere: 'on another node',
      nowhere: 'on no node',
    },
    opens: 'opens',
    looked: 'looked at again',
  },
  es: {
    open: 'abierta',
    notRunning: 'parada',
    slowed: (percent) => `reducida al ${percent} %`,
    gates: {
      disabled: 'desactivada',
      paused: 'en pausa',
      down: 'caída',
      listed: 'en lista negra',
      reputation: 'reputación',
      resting: 'en reposo',
      limited: 'límite agotado',
      budget: 'presupuesto agotado',
      elsewhere: 'en otro nodo',
      nowhere: 'en ningún nodo',
    },
    opens: 'se abre',
    looked: 'se vuelve a comprobar',
  },
};

const BAD: ReadonlySet<string> = new Set(['down', 'listed', 'reputation', 'nowhere']);

/** One mark for each kind of thing that closes it, or that it is open. */
export function stateTags({ closures, part, isRunning }: Shown, language: Language): Html {
  const words = WORDS[language];
  if (closures.length > 0) {
    const gates = [...new Set(closures.map(({ gate }) => gate))];
    return html`${gates.map((gate) => html`<span class="tag ${BAD.has(gate) ? 'bad' : 'warn'}">${gateName(gate, language)}</span> `)}`;
  }
  if (!isRunning) return html`<span class="tag">${words.notRunning}</span>`;
  if (part < 1) return html`<span class="tag warn">${words.slowed(Math.round(100 * part))}</span>`;
  return html`<span class="tag good">${words.open}</span>`;
}

/** Why, and when that changes; the decisive one first. */
export function causesOf(closures: readonly ExitClosure[], told: Told): readonly Html[] {
  const words = WORDS[told.language];
  return closures.map(({ gate, cause, untilMs }) => {
    const then = gate === 'limited' || gate === 'budget' ? words.opens : words.looked;
    return html`${said(cause, told.language)}${untilMs === null ? '' : html` (${then} ${ago(untilMs, told)})`}`;
  });
}

export function gateName(gate: string, language: Language): string {
  return WORDS[language].gates[gate] ?? gate;
}
