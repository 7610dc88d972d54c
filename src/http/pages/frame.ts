/** The frame that all pages stand in: head, navigation, what is amiss with the relay, and where outcomes are told. */
import { html, raw } from 'hono/html';
import { type Html, type Language, LANGUAGES, type Page, type PageAsk, type Words } from '../page.ts';
import { FRAME_WORDS, SCRIPT_WORDS } from './frame-words.ts';
import type { Layout } from './render.ts';
import { said } from './spanish.ts';

/** What every page tells, whatever it is about. */
export type Notices = {
  /** The alerts in force, oldest first. */
  readonly alerts: readonly { readonly name: string; readonly text: string }[];
  /** Why the policy file as it is now is not in force. */
  readonly policyProblems: readonly string[];
  /** Why no mail can be taken. */
  readonly notReady: readonly string[];
};

const NO_NOTICES: Notices = { alerts: [], policyProblems: [], notReady: [] };

export type FrameNeeds = {
  /** Where an asset is, by its name. */
  readonly asset: (name: string) => string;
  readonly notices: () => Promise<Notices>;
};

type Around = Parameters<Layout>[0];
type Frame = Around & Pick<FrameNeeds, 'asset'> & { readonly notices: Notices };

/** Whole documents. Somebody who has not signed in sees neither which pages there are nor what is amiss. */
export function createFrame({ asset, notices }: FrameNeeds): Layout {
  return async (around) => {
    const isKnown = around.ask.principal.name !== '';
    return await documentOf({ ...around, asset, notices: isKnown ? await notices() : NO_NOTICES }, isKnown);
  };
}

/** Of every page, in the order in which they need each other. */
const SCRIPTS = ['page.js', 'forms.js', 'live.js'] as const;

function documentOf(frame: Frame, isKnown: boolean): Html {
  const { ask, body, asset, notices } = frame;
  const { language, csrf } = ask;
  const scripts = body.scripts ?? [];
  const styles = ['relevo.css', ...(scripts.includes('charts.js') ? ['uplot.css'] : [])];
  return html`<!doctype html>
    <html lang="${language}">
      <head>
        <meta charset="utf-8" />
        <title>${body.title} · relevo</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="relevo-words" content="${JSON.stringify(SCRIPT_WORDS[language])}" />
        ${csrf === null ? '' : html`<meta name="relevo-csrf" content="${csrf}" />`}
        <link rel="icon" href="${asset('relevo.svg')}" type="image/svg+xml" />
        ${styles.map((name) => html`<link rel="stylesheet" href="${asset(name)}" />`)}
        ${[...SCRIPTS, ...scripts].map((name) => html`<script src="${asset(name)}" defer></script>`)}
      </head>
      <body${isKnown ? '' : raw(' class="bare"')}>
        <a class="skip" href="#main">${FRAME_WORDS[language].skip}</a>
        ${isKnown ? header(frame) : html`<header class="brand">${sign(asset)}relevo</header>`}
        <main id="main" tabindex="-1">
          ${isKnown ? noticesOf(language, notices) : ''}
          <h1>${body.title}</h1>
          ${body.main}
        </main>
        <footer>${languages(frame)}<span>relevo</span></footer>
        <div id="outcome" role="status" aria-live="polite"></div>
      </body>
    </html>`;
}

function sign(asset: Frame['asset']): Html {
  return html`<img src="${asset('relevo.svg')}" alt="" width="20" height="20" />`;
}

function header({ ask, page: current, nav, asset }: Frame): Html {
  const { language, principal, csrf } = ask;
  const words = FRAME_WORDS[language];
  const links = nav.map((page) => {
    const here = isWithin(current, page) ? raw(' aria-current="page"') : '';
    return html`<li><a href="${page.path}" ${here}>${page.nav?.name[language]}</a></li>`;
  });
  const out = html`<form data-api="POST /api/v1/sign-out" data-then="/sign-in">
    <button>${words.signOut}</button>
  </form>`;
  return html`<header>
    <a class="brand" href="/">${sign(asset)}relevo</a>
    <nav aria-label="${words.pages}">
      <ul>
        ${links}
      </ul>
    </nav>
    <div class="account"><span title="${words.signedIn}">${principal.name}</span> ${csrf === null ? '' : out}</div>
  </header>`;
}

/** A page below another, such as that of one exit, is marked as that one. */
function isWithin(current: Page, page: Page): boolean {
  return current === page || (page.path !== '/' && current.path.startsWith(`${page.path}/`));
}

/** Live on every page. */
export function noticesOf(language: Language, { alerts, policyProblems, notReady }: Notices): Html {
  const words = FRAME_WORDS[language];
  const texts = alerts.map(({ text }) => text);
  return html`<div id="notices" data-live="notices">
    ${notReady.length === 0 ? '' : notice('bad', words.notReady, saidAll(notReady, language))}
    ${policyProblems.length === 0 ? '' : notice('bad', words.policyRefused, saidAll(policyProblems, language))}
    ${texts.length === 0 ? '' : notice('warn', words.alerts(texts.length), saidAll(texts, language))}
  </div>`;
}

/** Unfolded, so many. */
const SHOWN = 20;

function saidAll(texts: readonly string[], language: Language): readonly Html[] {
  return texts.map((text) => said(text, language));
}

function notice(kind: 'bad' | 'warn', title: string, lines: readonly Html[]): Html {
  const [first = html``, ...more] = lines.slice(0, SHOWN);
  const left = lines.length - SHOWN;
  if (more.length === 0) return html`<p class="notice ${kind}"><strong>${title}</strong> ${first}</p>`;
  return html`<details class="notice ${kind}" id="notice-${kind}-${title.length}">
    <summary><strong>${title}</strong> ${first}</summary>
    <ul>
      ${more.map((line) => html`<li>${line}</li>`)} ${left > 0 ? html`<li>+ ${left}</li>` : ''}
    </ul>
  </details>`;
}

const NAMES: Words<string> = { en: 'English', es: 'Español' };

function languages({ ask, page }: Frame): Html {
  const next = encodeURIComponent(urlOf(page, ask));
  return html`<nav aria-label="${FRAME_WORDS[ask.language].languages}">
    ${LANGUAGES.map((one) =>
      one === ask.language
        ? html`<span aria-current="true">${NAMES[one]}</span> `
        : html`<a href="/language/${one}?next=${next}" lang="${one}" hreflang="${one}">${NAMES[one]}</a> `,
    )}
  </nav>`;
}

/** As the browser asked for it. */
export function urlOf({ path }: Pick<Page, 'path'>, { params, query }: Pick<PageAsk, 'params' | 'query'>): string {
  const place = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  const fields = query.toString();
  return fields === '' ? place : `${place}?${fields}`;
}
