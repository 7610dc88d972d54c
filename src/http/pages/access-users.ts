/** The users, for admins. */
import { html, raw } from 'hono/html';
import type { UserStatus } from '../../operations/user-operations.ts';
import type { Html } from '../page.ts';
import { ROLES } from '../sign-in/user.ts';
import type { AccessTold } from './access.ts';
import { MOST_SHOWN, moreThanShown, newNameField, onceShown } from './access-fields.ts';
import { ACCESS_WORDS } from './access-words.ts';
import { ago } from './format.ts';
import { cardsTable } from './cards-table.ts';

type Users = {
  readonly users: readonly UserStatus[];
  /** Whose account is to be changed; null: nobody's. */
  readonly chosen: string | null;
  readonly told: AccessTold;
};

export function usersSection({ users, chosen, told }: Users): Html {
  const words = ACCESS_WORDS[told.language];
  const columns = [words.name, words.role, words.state, words.secondFactor, words.lastSignIn, words.actions];
  const table = html`${cardsTable(
    columns,
    users.slice(0, MOST_SHOWN).map((user) => rowOf(user, told)),
  )}`;
  const user = users.find(({ name }) => name === chosen);
  return html`<section class="card" aria-labelledby="users">
    <h2 id="users">${words.users}</h2>
    <div data-live="users">
      ${users.length === 0 ? html`<p>${words.noUsers}</p>` : table} ${moreThanShown(users.length, 'relevo user list')}
    </div>
    ${user === undefined ? '' : changeOf(user, told)} ${addForm(told)}
  </section>`;
}

function rowOf(user: UserStatus, told: AccessTold): Html {
  const words = ACCESS_WORDS[told.language];
  const { name, role, isDisabled, secondFactorSinceMs, lastSignIn } = user;
  const factor = secondFactorSinceMs !== null;
  const last =
    lastSignIn === null
      ? words.never
      : html`<div>${ago(lastSignIn.atMs, told)} <span class="soft">${lastSignIn.peer}</span></div>`;
  return html`<tr>
    <th scope="row">${name}</th>
    <td data-label="${words.role}">${role}</td>
    <td data-label="${words.state}">
      <span class="tag ${isDisabled ? 'bad' : 'good'}">${isDisabled ? words.disabled : words.active}</span>
    </td>
    <td data-label="${words.secondFactor}">
      <span class="tag ${factor ? 'good' : 'warn'}">${factor ? words.yes : words.no}</span>
    </td>
    <td data-label="${words.lastSignIn}">${last}</td>
    <td data-label="${words.actions}">
      <a class="button" href="/access?user=${encodeURIComponent(name)}#user">${words.manage(name)}</a>
    </td>
  </tr>`;
}

/** What can be done about one: each a form of its own. */
function changeOf({ name, role, isDisabled, secondFactorSinceMs }: UserStatus, { language }: AccessTold): Html {
  const words = ACCESS_WORDS[language];
  const api = `/api/v1/users/${encodeURIComponent(name)}`;
  const factor = html`<form
    data-api="DELETE ${api}/second-factor"
    data-confirm="${words.removeFactorOfAsk(name)}"
    data-then="/access"
  >
    <button>${words.removeFactor}</button>
  </form>`;
  return html`<fieldset id="user">
    <legend>${words.manage(name)}</legend>
    <form class="filters" data-api="PATCH ${api}" data-then="/access">
      <label
        >${words.role}
        <select name="role">
          ${rolesOf(role)}
        </select></label
      >
      <button>${words.setRole}</button>
    </form>
    <form data-api="POST ${api}/password" data-confirm="${words.resetAsk(name)}">
      ${onceShown([{ field: 'password', label: words.passwordIs }], language)}
      <button>${words.resetPassword}</button>
    </form>
    <div class="buttons">
      <form data-api="PATCH ${api}" data-then="/access">
        <input type="hidden" name="isDisabled" value="${String(!isDisabled)}" data-as="boolean" />
        <button>${isDisabled ? words.enable : words.disable}</button>
      </form>
      ${secondFactorSinceMs === null ? '' : factor}
      <form data-api="DELETE ${api}" data-confirm="${words.removeUserAsk(name)}" data-then="/access">
        <button class="danger">${words.removeUser}</button>
      </form>
      <a class="button" href="/access">${words.close}</a>
    </div>
  </fieldset>`;
}

function rolesOf(chosen: string): Html[] {
  return ROLES.map((role) => html`<option value="${role}" ${role === chosen ? raw('selected') : ''}>${role}</option>`);
}

function addForm({ language }: AccessTold): Html {
  const words = ACCESS_WORDS[language];
  return html`<details>
    <summary>${words.addUser}</summary>
    <form class="stack" data-api="POST /api/v1/users">
      ${newNameField('._@\\-', language)}
      <label
        >${words.role}
        <select name="role">
          ${rolesOf('viewer')}
        </select></label
      >
      <p class="hint">${words.passwordMade}</p>
      ${onceShown([{ field: 'password', label: words.passwordIs }], language)}
      <button class="main">${words.addUser}</button>
    </form>
  </details>`;
}
