/** Where people sign in: name and password, a code where there is a second factor, or a token. */
import { html, raw } from 'hono/html';
import type { Html, Language, Page, Words } from '../page.ts';
import { ownPlace } from './language.ts';

type SignInWords = {
  readonly title: string;
  readonly name: string;
  readonly password: string;
  readonly signIn: string;
  readonly code: string;
  readonly codeHint: string;
  readonly goOn: string;
  readonly byToken: string;
  readonly token: string;
  readonly tokenHint: string;
  readonly noScript: string;
  readonly wrong: string;
  readonly wrongCode: string;
  readonly wrongToken: string;
  readonly tooLate: string;
  readonly barred: string;
  readonly busy: string;
};

const WORDS: Words<SignInWords> = {
  en: {
    title: 'Sign in',
    name: 'Name',
    password: 'Password',
    signIn: 'Sign in',
    code: 'Code',
    codeHint: 'The six digits that the program on your phone shows now, or one of your recovery codes.',
    goOn: 'Go on',
    byToken: 'With a token instead',
    token: 'Token',
    tokenHint: 'As relevo token create prints it. What the token may do, you may do.',
    noScript: 'These pages need JavaScript. The command line can do all that they can: relevo --help.',
    wrong: 'Name or password is wrong.',
    wrongCode: 'That code is not good now. Each is good once, and not for long: wait for the next one.',
    wrongToken: 'The token is not known, or has expired.',
    tooLate: 'That took too long: give name and password again.',
    barred: 'Too many failed attempts from here or for this name. Wait, then try again.',
    busy: 'Too many people sign in at this moment. Try again.',
  },
  es: {
    title: 'Iniciar sesión',
    name: 'Nombre',
    password: 'Contraseña',
    signIn: 'Entrar',
    code: 'Código',
    codeHint: 'Los seis dígitos que muestra ahora la aplicación de su teléfono, o uno de sus códigos de recuperación.',
    goOn: 'Continuar',
    byToken: 'Con un token',
    token: 'Token',
    tokenHint: 'Tal como lo imprime relevo token create. Podrá hacer lo mismo que el token.',
    noScript:
      'Estas páginas necesitan JavaScript. La línea de comandos puede hacer todo lo que hacen ellas: relevo --help.',
    wrong: 'El nombre o la contraseña no son correctos.',
    wrongCode: 'Ese código no vale ahora. Cada uno vale una sola vez y por poco tiempo: espere al siguiente.',
    wrongToken: 'El token no se conoce o ha caducado.',
    tooLate: 'Ha pasado demasiado tiempo: indique de nuevo nombre y contraseña.',
    barred: 'Demasiados intentos fallidos desde aquí o con este nombre. Espere y vuelva a intentarlo.',
    busy: 'Hay demasiados inicios de sesión en este momento. Vuelva a intentarlo.',
  },
};

export function signInPage(): Page {
  return {
    path: '/sign-in',
    scope: null,
    isOpen: true,
    nav: null,
    render: async ({ language, query }) => ({
      title: WORDS[language].title,
      main: mainOf(language, ownPlace(query.get('next'))),
      scripts: ['sign-in.js'],
    }),
  };
}

function mainOf(language: Language, next: string): Html {
  const words = WORDS[language];
  const byPassword: SignInForm = { id: 'by-password', wrong: words.wrong, api: 'POST /api/v1/sign-in' };
  const byCode: SignInForm = { id: 'by-code', wrong: words.wrongCode, api: 'POST /api/v1/sign-in/code', isLater: true };
  const byToken: SignInForm = { id: 'by-token', wrong: words.wrongToken, api: 'POST /api/v1/sign-in' };
  return html`<noscript><p class="notice bad">${words.noScript}</p></noscript>
    ${formOf(byPassword, { words, next, fields: nameAndPassword(words) })}
    ${formOf(byCode, { words, next, fields: codeField(words) })}
    <details id="token">
      <summary>${words.byToken}</summary>
      ${formOf(byToken, { words, next, fields: tokenField(words) })}
    </details>`;
}

type SignInForm = {
  readonly id: string;
  /** What is said where the relay refuses what was typed. */
  readonly wrong: string;
  readonly api: string;
  /** Shown once it is asked for. */
  readonly isLater?: boolean;
};

type Filled = { readonly words: SignInWords; readonly next: string; readonly fields: Html };

/** `sign-in.js` says what came of it: `data-said-…`, by the status of the answer. */
function formOf({ id, wrong, api, isLater = false }: SignInForm, { words, next, fields }: Filled): Html {
  return html`<form
    class="stack"
    id="${id}"
    ${isLater ? raw('hidden') : ''}
    data-said-401="${wrong}"
    data-said-410="${words.tooLate}"
    data-said-429="${words.barred}"
    data-said-503="${words.busy}"
    method="post"
    data-api="${api}"
    data-then="stay"
    data-done=""
  >
    <input type="hidden" name="next" value="${next}" />
    ${fields}
  </form>`;
}

function nameAndPassword(words: SignInWords): Html {
  return html`<label
      >${words.name}
      <input
        name="name"
        required
        maxlength="64"
        autocomplete="username"
        autocapitalize="none"
        spellcheck="false"
        autofocus
    /></label>
    <label
      >${words.password}
      <input type="password" name="password" required maxlength="200" autocomplete="current-password"
    /></label>
    <div class="buttons"><button class="main">${words.signIn}</button></div>`;
}

function codeField(words: SignInWords): Html {
  return html`<input type="hidden" name="ticket" value="" />
    <label
      >${words.code}
      <input
        name="code"
        required
        maxlength="40"
        autocomplete="one-time-code"
        autocapitalize="none"
        spellcheck="false"
        aria-describedby="code-hint"
    /></label>
    <p class="hint" id="code-hint">${words.codeHint}</p>
    <div class="buttons"><button class="main">${words.goOn}</button></div>`;
}

function tokenField(words: SignInWords): Html {
  return html`<label
      >${words.token}
      <input type="password" name="token" required maxlength="100" autocomplete="off" aria-describedby="token-hint"
    /></label>
    <p class="hint" id="token-hint">${words.tokenHint}</p>
    <div class="buttons"><button>${words.signIn}</button></div>`;
}
