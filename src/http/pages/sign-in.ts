/** Where people sign in: name and password, a code where there is a second factor, or a token. */
import { html } from 'hono/html';
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
  const place = html`<input type="hidden" name="next" value="${next}" />`;
  return html`<noscript><p class="notice bad">${words.noScript}</p></noscript> ${passwordForm(words, place)}
    ${codeForm(words, place)} ${tokenForm(words, place)}`;
}

function passwordForm(words: SignInWords, place: Html): Html {
  return html`<form
    class="stack"
    id="by-password"
    ${wordsOf(words, words.wrong)}
    method="post"
    data-api="POST /api/v1/sign-in"
    data-then="stay"
    data-done=""
  >
    ${place}
    <label
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
    <div class="buttons"><button class="main">${words.signIn}</button></div>
  </form>`;
}

function codeForm(words: SignInWords, place: Html): Html {
  return html`<form
    class="stack"
    id="by-code"
    hidden
    ${wordsOf(words, words.wrongCode)}
    method="post"
    data-api="POST /api/v1/sign-in/code"
    data-then="stay"
    data-done=""
  >
    ${place}<input type="hidden" name="ticket" value="" />
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
    <div class="buttons"><button class="main">${words.goOn}</button></div>
  </form>`;
}

function tokenForm(words: SignInWords, place: Html): Html {
  return html`<details id="token">
    <summary>${words.byToken}</summary>
    <form
      class="stack"
      id="by-token"
      ${wordsOf(words, words.wrongToken)}
      method="post"
      data-api="POST /api/v1/sign-in"
      data-then="stay"
      data-done=""
    >
      ${place}
      <label
        >${words.token}
        <input type="password" name="token" required maxlength="100" autocomplete="off" aria-describedby="token-hint"
      /></label>
      <p class="hint" id="token-hint">${words.tokenHint}</p>
      <div class="buttons"><button>${words.signIn}</button></div>
    </form>
  </details>`;
}

/** What the script says of an answer, by its status. */
function wordsOf({ tooLate, barred, busy }: SignInWords, wrong: string): Html {
  return html`data-said-401="${wrong}" data-said-410="${tooLate}" data-said-429="${barred}" data-said-503="${busy}"`;
}
