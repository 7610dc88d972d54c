/** What can be done about an exit: pause it, let it go on, try it. */
import { html } from 'hono/html';
import type { Html, Language } from '../page.ts';
import type { Scope } from '../token.ts';
import type { ExitStatus } from './exit-cells.ts';
import { EXITS_WORDS } from './exits-words.ts';

/** Calls of the API for one exit. */
function api(egress: string, what: 'pause' | 'resume' | 'test'): string {
  return `POST /api/v1/egress/${encodeURIComponent(egress)}/${what}`;
}

export function isPaused({ closures }: Pick<ExitStatus, 'closures'>): boolean {
  return closures.some(({ gate }) => gate === 'paused');
}

/** Buttons of one exit; those who may not use them get none. @param of.at its place, for ids */
export function actionButtons(
  status: ExitStatus,
  of: { readonly at: number; readonly language: Language; readonly scopes: readonly Scope[] },
): Html {
  const { at, language, scopes } = of;
  if (!scopes.includes('operate')) return html``;
  const words = EXITS_WORDS[language];
  const { egress } = status;
  const resume = html`<form
    data-api="${api(egress, 'resume')}"
    data-confirm="${words.resumeAsk(egress)}"
    data-done="${words.resumed}"
  >
    <button id="resume-${at}" aria-label="${words.resume} ${egress}">${words.resume}</button>
  </form>`;
  const pause = html`<button
    type="button"
    id="pause-${at}"
    data-dialog="pausing-${at}"
    aria-label="${words.pauseTitle(egress)}"
  >
    ${words.pause}
  </button>`;
  const said = html`data-good="${words.works}" data-bad="${words.fails}" data-close="${words.close}"`;
  const test = html`<form data-api="${api(egress, 'test')}" data-done="${words.testing}" data-then="stay" ${said}>
    <button id="test-${at}" aria-label="${words.test} ${egress}">${words.test}</button>
  </form>`;
  return html`<div class="buttons">${isPaused(status) ? resume : pause} ${test}</div>`;
}

/** What the button to pause opens; outside of what is live, so that nothing takes it away. */
export function pauseDialog({ egress }: ExitStatus, of: { readonly at: number; readonly language: Language }): Html {
  const words = EXITS_WORDS[of.language];
  const id = `pausing-${of.at}`;
  return html`<dialog id="${id}" aria-labelledby="${id}-title">
    <form class="stack" data-api="${api(egress, 'pause')}" data-done="${words.paused}">
      <h2 id="${id}-title">${words.pauseTitle(egress)}</h2>
      <p class="hint">${words.pauseHint}</p>
      <label>${words.reason} <input name="reason" required maxlength="500" autocomplete="off" /></label>
      <div class="buttons">
        <button type="button" data-close>${words.cancel}</button> <button class="main">${words.pause}</button>
      </div>
    </form>
  </dialog>`;
}
