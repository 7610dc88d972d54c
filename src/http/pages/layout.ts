import { html } from 'hono/html';
import type { Layout } from './render.ts';

/** What all pages have: the list of pages, the heading, and the token that changes show. */
export const layout: Layout = ({ ask, page, body, nav }) =>
  html`<!doctype html>
    <html lang="${ask.language}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${body.title} · relevo</title>
        ${ask.csrf === null ? '' : html`<meta name="relevo-csrf" content="${ask.csrf}" />`}
        ${(body.scripts ?? []).map((name) => html`<script type="module" src="/assets/${name}"></script>`)}
      </head>
      <body>
        <nav>
          ${nav.map(
            (one) =>
              html`<a href="${one.path}" ${one === page ? html`aria-current="page"` : ''}
                >${one.nav?.name[ask.language]}</a
              > `,
          )}
        </nav>
        <main>
          <h1>${body.title}</h1>
          ${body.main}
        </main>
      </body>
    </html>`;
