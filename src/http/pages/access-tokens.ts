/** The tokens, for admins. */
import { html } from 'hono/html';
import type { TokenStatus } from '../../operations/token-operations.ts';
import type { Html, Language } from '../page.ts';
import { SCOPES } from '../token.ts';
import type { AccessTold } from './access.ts';
import { MOST_SHOWN, moreThanShown, newNameField, onceShown } from './access-fields.ts';
import { ACCESS_WORDS } from './access-words.ts';
import { ago } from './format.ts';
import { cardsTable } from './cards-table.ts';

/** What each may do, until when, and when it was used last. */
export function tokensSection(tokens: readonly TokenStatus[], told: AccessTold): Html {
  const words = ACCESS_WORDS[told.language];
  const columns = [words.name, words.scopes, words.created, words.used, words.expires, words.actions];
  const table = html`${cardsTable(
    columns,
    tokens.slice(0, MOST_SHOWN).map((token) => rowOf(token, told)),
  )}`;
  return html`<section class="card" aria-labelledby="tokens">
    <h2 id="tokens">${words.tokens}</h2>
    <p class="hint">${words.tokensHint}</p>
    <div data-live="tokens">
      ${tokens.length === 0 ? html`<p>${words.noTokens}</p>` : table}
      ${moreThanShown(tokens.length, 'relevo token list')}
    </div>
    ${addForm(told)} ${tokens.length === 0 ? '' : rotateForm(tokens, told)}
  </section>`;
}

function rowOf(token: TokenStatus, told: AccessTold): Html {
  const words = ACCESS_WORDS[told.language];
  const { name, scopes, createdAtMs, expiresAtMs, isExpired, previousUntilMs } = token;
  const api = `/api/v1/tokens/${encodeURIComponent(name)}`;
  const ends =
    expiresAtMs === null
      ? words.never
      : isExpired
        ? html`<span class="tag bad">${words.expired}</span> ${ago(expiresAtMs, told)}`
        : ago(expiresAtMs, told);
  const before =
    previousUntilMs === null ? '' : html`<div class="soft">${words.beforeEnds} ${ago(previousUntilMs, told)}</div>`;
  return html`<tr>
    <th scope="row">${name}</th>
    <td data-label="${words.scopes}"><div>${scopes.join(', ')} ${boundsOf(token)}</div></td>
    <td data-label="${words.created}">${ago(createdAtMs, told)}</td>
    <td data-label="${words.used}">${usedAt(token, told)}</td>
    <td data-label="${words.expires}"><div>${ends} ${before}</div></td>
    <td data-label="${words.actions}">
      <form data-api="DELETE ${api}" data-confirm="${words.revokeAsk(name)}">
        <button class="danger" aria-label="${words.revoke} ${name}">${words.revoke}</button>
      </form>
    </td>
  </tr>`;
}

function usedAt({ lastUsedAtMs, lastUsedFrom }: TokenStatus, told: AccessTold): Html | string {
  if (lastUsedAtMs === null) return ACCESS_WORDS[told.language].never;
  return html`<div>${ago(lastUsedAtMs, told)} <span class="soft">${lastUsedFrom}</span></div>`;
}

/** What it is held to beside its scopes. */
function boundsOf({ client, networks, rate }: TokenStatus): Html {
  const bounds = [
    ...(client === undefined ? [] : [client]),
    ...(networks ?? []),
    ...(rate === undefined ? [] : [`${rate.count}/${rate.windowMs / 1_000}s`]),
  ];
  return html`${bounds.length === 0 ? '' : html`<div class="soft">${bounds.join(', ')}</div>`}`;
}

/** What is told of a token once, as the answer names it. */
function secretsOf(words: (typeof ACCESS_WORDS)[Language]) {
  return [
    { field: 'token', label: words.tokenIs },
    { field: 'accessKeyId', label: words.accessKeyId },
    { field: 'secretAccessKey', label: words.secretAccessKey },
  ];
}

function addForm({ language }: AccessTold): Html {
  const words = ACCESS_WORDS[language];
  return html`<details>
    <summary>${words.addToken}</summary>
    <form class="stack" data-api="POST /api/v1/tokens">
      ${newNameField('._\\-', language)}
      <fieldset>
        <legend>${words.scopes}</legend>
        ${SCOPES.map(
          (scope) =>
            html`<label><input type="checkbox" name="scopes" value="${scope}" data-as="list" />${scope}</label> `,
        )}
      </fieldset>
      <label>${words.days} <input type="number" name="days" min="1" max="3650" /></label>
      <p class="hint">${words.daysHint}</p>
      <label>${words.networks} <textarea name="networks" rows="2" data-as="lines"></textarea></label>
      <p class="hint">${words.networksHint}</p>
      <label>${words.rate} <input name="rate" maxlength="32" placeholder="100/m" autocomplete="off" /></label>
      <label>${words.client} <input name="client" maxlength="64" autocomplete="off" /></label>
      <p class="hint">${words.clientHint}</p>
      <label><input type="checkbox" name="withAccessKey" data-as="boolean" /> ${words.withAccessKey}</label>
      ${onceShown(secretsOf(words), language)}
      <button class="main">${words.addToken}</button>
    </form>
  </details>`;
}

/** Beside the list, which is live: what is shown once must stay. */
function rotateForm(tokens: readonly TokenStatus[], { language }: AccessTold): Html {
  const words = ACCESS_WORDS[language];
  return html`<details>
    <summary>${words.rotate}</summary>
    <form class="stack" data-api="POST /api/v1/tokens/{name}/rotate" data-confirm="${words.rotateAsk('{name}')}">
      <label
        >${words.name}
        <select name="name">
          ${tokens.map(({ name }) => html`<option>${name}</option>`)}
        </select></label
      >
      ${onceShown(secretsOf(words), language)}
      <button class="main">${words.rotate}</button>
    </form>
  </details>`;
}
