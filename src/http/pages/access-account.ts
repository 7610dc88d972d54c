/** One's own account, and the sign-ins in force. */
import { html } from 'hono/html';
import type { SessionStatus } from '../sign-in/sessions.ts';
import type { UserStatus } from '../../operations/user-operations.ts';
import type { Html } from '../page.ts';
import { browserName } from '../sign-in/browser-name.ts';
import type { Principal } from '../principal.ts';
import type { AccessTold } from './access.ts';
import { ACCESS_WORDS } from './access-words.ts';
import { ago } from './format.ts';
import { cardsTable } from './cards-table.ts';

type Account = {
  readonly principal: Principal;
  /** null: it is a token, or nobody in particular. */
  readonly user: UserStatus | null;
  readonly told: AccessTold;
};

/** What everybody may do: another password, a second factor. */
export function accountSection({ principal, user, told }: Account): Html {
  const words = ACCESS_WORDS[told.language];
  const isDue = user !== null && user.role === 'admin' && !principal.scopes.includes('admin');
  const facts = html`<dl class="facts">
    ${
      user === null
        ? html`<dt>${words.scopes}</dt>
            <dd>${principal.scopes.join(', ')}</dd>`
        : html`<dt>${words.role}</dt>
            <dd>${words.roles[user.role]}</dd>
            <dt>${words.passwordSince}</dt>
            <dd>${ago(user.passwordAtMs, told)}</dd>
            <dt>${words.secondFactor}</dt>
            <dd>${factorOf(user, told)}</dd>`
    }
  </dl>`;
  return html`<section class="card" aria-labelledby="account">
    <h2 id="account">${words.account}</h2>
    <p>${principal.kind === 'token' ? words.byToken(principal.name) : words.youAre(principal.name)}</p>
    ${isDue ? html`<p class="notice warn">${words.factorDue}</p>` : ''} ${facts}
    ${
      user === null
        ? ''
        : html`${passwordForm(told)} ${user.secondFactorSinceMs === null ? setUp(told, isDue) : without(told)}
          ${recoveryCodes(told)}`
    }
  </section>`;
}

function factorOf({ secondFactorSinceMs, recoveryCodesLeft }: UserStatus, told: AccessTold): Html {
  const words = ACCESS_WORDS[told.language];
  if (secondFactorSinceMs === null) return html`<span class="tag warn">${words.factorOff}</span>`;
  return html`<span class="tag good">${words.factorOn}</span> ${ago(secondFactorSinceMs, told)},
    ${words.recoveryLeft(recoveryCodesLeft)}`;
}

function passwordForm({ language }: AccessTold): Html {
  const words = ACCESS_WORDS[language];
  return html`<details>
    <summary>${words.changePassword}</summary>
    <form class="stack" method="post" data-api="POST /api/v1/account/password" data-then="/sign-in">
      ${passwordField('current', words.current)}
      <label
        >${words.newPassword}
        <input type="password" name="password" required minlength="10" maxlength="200" autocomplete="new-password"
      /></label>
      <p class="hint">${words.passwordHint}</p>
      <button class="main">${words.change}</button>
    </form>
  </details>`;
}

/** Asked for again: whoever finds a browser open must not take the account. */
function passwordField(name: string, label: string): Html {
  return html`<label
    >${label} <input type="password" name="${name}" required maxlength="200" autocomplete="current-password"
  /></label>`;
}

function setUp({ language }: AccessTold, isDue: boolean): Html {
  const words = ACCESS_WORDS[language];
  const begin = html`<form
    class="stack"
    id="factor-begin"
    method="post"
    data-api="POST /api/v1/account/second-factor"
    data-then="stay"
    data-done=""
  >
    <p class="hint">${words.setUpHint}</p>
    ${passwordField('password', words.current)}
    <button class="main">${words.setUp}</button>
  </form>`;
  const confirm = html`<div id="factor-confirm" hidden>
    <p>${words.scan}</p>
    <p id="factor-image"></p>
    <p>${words.seed}: <code id="factor-seed"></code></p>
    <form
      class="stack"
      method="post"
      data-api="POST /api/v1/account/second-factor/confirm"
      data-then="stay"
      data-done=""
    >
      <label
        >${words.codeNow} <input name="code" required maxlength="20" inputmode="numeric" autocomplete="one-time-code"
      /></label>
      <button class="main">${words.confirm}</button>
    </form>
  </div>`;
  if (isDue)
    return html`<h3>${words.setUp}</h3>
      ${begin} ${confirm}`;
  return html`<details id="factor">
    <summary>${words.setUp}</summary>
    ${begin} ${confirm}
  </details>`;
}

function without({ language }: AccessTold): Html {
  const words = ACCESS_WORDS[language];
  const proof = html`${passwordField('password', words.current)}
    <label>${words.code} <input name="code" required maxlength="40" autocomplete="one-time-code" /></label>`;
  return html`<details>
      <summary>${words.renew}</summary>
      <form class="stack" method="post" data-api="POST /api/v1/account/recovery-codes" data-then="stay" data-done="">
        ${proof}<button class="main">${words.renew}</button>
      </form>
    </details>
    <details>
      <summary>${words.remove}</summary>
      <form
        class="stack"
        method="post"
        data-api="POST /api/v1/account/second-factor/remove"
        data-then="/sign-in"
        data-confirm="${words.removeFactorAsk}"
      >
        ${proof}<button class="danger">${words.remove}</button>
      </form>
    </details>`;
}

/** Filled by the script, once there are some. */
function recoveryCodes({ language }: AccessTold): Html {
  const words = ACCESS_WORDS[language];
  return html`<div id="recovery" class="notice warn" hidden tabindex="-1">
    <h3>${words.recovery}</h3>
    <p>${words.recoveryHint}</p>
    <pre id="recovery-codes"></pre>
    <a class="button" href="/access">${words.kept}</a>
  </div>`;
}

/** Each with a button that ends it. */
export function sessionsSection(sessions: readonly SessionStatus[], told: AccessTold): Html {
  const words = ACCESS_WORDS[told.language];
  const columns = [words.who, words.from, words.since, words.used, words.browser, words.actions];
  return html`<section class="card" aria-labelledby="sessions">
    <h2 id="sessions">${words.sessions}</h2>
    <p class="hint">${words.sessionsHint}</p>
    ${cardsTable(
      columns,
      sessions.map((session) => sessionRow(session, told)),
    )}
  </section>`;
}

function sessionRow({ id, by, name, peer, createdAtMs, seenAtMs, agent }: SessionStatus, told: AccessTold): Html {
  const words = ACCESS_WORDS[told.language];
  const end = html`<form data-api="DELETE /api/v1/sessions/${id}" data-confirm="${words.endAsk}" data-then="/access">
    <button aria-label="${words.end} ${name} ${peer}">${words.end}</button>
  </form>`;
  return html`<tr>
    <th scope="row">
      <div data-session="${id}" data-this="${words.thisOne}">
        ${name}${by === 'token' ? html` <span class="tag">token</span>` : ''}
      </div>
    </th>
    <td data-label="${words.from}">${peer}</td>
    <td data-label="${words.since}">${ago(createdAtMs, told)}</td>
    <td data-label="${words.used}">${ago(seenAtMs, told)}</td>
    <td data-label="${words.browser}"><span title="${agent}">${browserName(agent)}</span></td>
    <td data-label="${words.actions}">${end}</td>
  </tr>`;
}
