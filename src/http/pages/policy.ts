/** The policy: its text in an editor, what is wrong with it, and its versions. */
import { html, raw } from 'hono/html';
import type { PolicyFile } from '../../operations/policy/put.ts';
import type { PolicyVersion } from '../../operations/policy/versions.ts';
import type { RouteNeeds } from '../needs.ts';
import type { Html, Language, Page } from '../page.ts';
import { moment } from './format.ts';
import { EDITOR_WORDS, POLICY_WORDS } from './policy-words.ts';

type PolicyPageNeeds = Pick<RouteNeeds, 'policy' | 'policies'>;
type View = {
  readonly file: PolicyFile;
  readonly versions: readonly PolicyVersion[];
  readonly language: Language;
  readonly words: (typeof POLICY_WORDS)[Language];
  readonly zone: string;
};

const HOURS = [1, 24, 24 * 7];

export function policyPage({ policy, policies }: PolicyPageNeeds): Page {
  return {
    path: '/policy',
    scope: 'admin',
    nav: { order: 60, name: { en: POLICY_WORDS.en.title, es: POLICY_WORDS.es.title } },
    render: async ({ language }) => {
      const [file, versions] = await Promise.all([policies.operations.file(), policies.operations.versions()]);
      const words = POLICY_WORDS[language];
      const view: View = { file, versions, language, words, zone: policy().timeZone };
      const main = html`<link rel="stylesheet" href="/assets/policy.css" />
        <p class="lead">${words.lead}</p>
        <p><a href="/policy/settings">${words.settings}</a> · <a href="/policy/wizard">${words.wizard}</a></p>
        ${stateOf(view)}
        <div
          id="policy"
          data-words="${JSON.stringify(EDITOR_WORDS[language])}"
          data-etag="${file.etag}"
          data-newline="${/\r\n/.test(file.text) && !/[^\r]\n/.test(file.text) ? 'crlf' : 'lf'}"
        >
          ${editorOf(view)} ${actionsOf(view)} ${versionsOf(view)} ${dialogOf(view)}
        </div>`;
      return { title: words.title, main, scripts: ['policy.js', 'policy-save.js'] };
    },
  };
}

function stateOf({ file, words }: View): Html {
  const isInForce = file.version !== null && file.version === file.inForce;
  return html`<div data-live="policy-state">
    ${isInForce ? '' : html`<p class="notice bad">${words.notInForce}</p>`}
    ${
      file.notWritable === null
        ? ''
        : html`<p class="notice warn"><strong>${words.notWritable}</strong> ${file.notWritable}</p>`
    }
    <p class="soft">${words.inForce(file.inForce ?? '–')}</p>
  </div>`;
}

function editorOf({ file, words }: View): Html {
  // A browser leaves out the line feed that a textarea begins with.
  return html`<p><label for="policy-text">${words.text}</label></p>
    <div class="editor">
      <div class="gutter" id="policy-gutter" aria-hidden="true"></div>
      <div class="layer">
        <div class="clip" aria-hidden="true"><div class="marks" id="policy-marks"></div></div>
        <textarea
          id="policy-text"
          spellcheck="false"
          autocomplete="off"
          autocapitalize="off"
          wrap="off"
          aria-autocomplete="list"
          aria-haspopup="listbox"
          aria-controls="policy-completions"
          aria-describedby="policy-keys policy-verdict"
        >
${file.text}</textarea>
        <ul id="policy-completions" role="listbox" aria-label="${words.completions}" hidden></ul>
      </div>
    </div>
    <p class="hint" id="policy-keys">${words.keys}</p>
    <p><span class="tag" id="policy-verdict" role="status"></span> <span class="soft" id="policy-state"></span></p>
    <p class="hidden" id="policy-told" role="status"></p>
    <ul id="policy-faults"></ul>`;
}

function actionsOf({ file, words }: View): Html {
  return html`<div class="buttons" role="group" aria-label="${words.actions}">
      <button type="button" class="main" data-policy="review" ${file.notWritable === null ? '' : raw('disabled')}>
        ${words.save}
      </button>
      <button type="button" data-policy="simulate">${words.simulate}</button>
      <label
        >${words.hours}
        <select id="policy-hours">
          ${HOURS.map((hours) => html`<option value="${hours}" ${hours === 24 ? raw('selected') : ''}>${hours} h</option>`)}
        </select></label
      >
    </div>
    <div id="policy-simulation" aria-live="polite"></div>`;
}

function versionsOf(view: View): Html {
  const { versions, words } = view;
  const heads = [words.version, words.from, words.who, words.what, words.comment, words.actions];
  return html`<section class="card" data-live="policy-versions" id="policy-versions">
    <h2>${words.versions}</h2>
    <p class="soft">${words.versionsLead}</p>
    ${
      versions.length === 0
        ? html`<p>${words.none}</p>`
        : html`<table class="cards">
            <thead>
              <tr>
                ${heads.map((head) => html`<th scope="col">${head}</th>`)}
              </tr>
            </thead>
            <tbody>
              ${versions.map((version) => rowOf(version, view))}
            </tbody>
          </table>`
    }
  </section>`;
}

function rowOf({ id, atMs, by, what, comment }: PolicyVersion, { file, versions, words, zone }: View): Html {
  const who = by.kind === 'file' ? words.byHand : `${words[by.kind]} ${by.name}`;
  const isCurrent = id === versions.find((one) => one.etag === file.etag)?.id;
  const button = (action: string, name: string): Html =>
    html`<button type="button" data-policy="${action}" data-version="${id}" aria-label="${name} ${id}">
      ${name}
    </button> `;
  return html`<tr>
    <th scope="row">${id} ${isCurrent ? html`<span class="tag good">${words.current}</span>` : ''}</th>
    <td data-label="${words.from}">${moment(atMs, zone)}</td>
    <td data-label="${words.who}">${who}</td>
    <td data-label="${words.what}">${words.done(what)}</td>
    <td data-label="${words.comment}">${comment}</td>
    <td data-label="${words.actions}">
      ${button('compare', words.compare)}
      ${isCurrent || file.notWritable !== null ? '' : button('rollback', words.rollback)}
    </td>
  </tr>`;
}

function dialogOf({ words }: View): Html {
  return html`<dialog id="policy-dialog" aria-labelledby="policy-dialog-title">
    <form id="policy-dialog-form">
      <h2 id="policy-dialog-title">${words.dialog}</h2>
      <div id="policy-dialog-diff"></div>
      <p data-run>
        <label for="policy-comment">${words.commentHint}</label>
        <input id="policy-comment" maxlength="500" autocomplete="off" />
      </p>
      <p class="fault" id="policy-dialog-fault" role="alert"></p>
      <div class="buttons">
        <button type="button" data-close>${words.cancel}</button>
        <button class="main" data-run>${words.confirm}</button>
      </div>
    </form>
  </dialog>`;
}
