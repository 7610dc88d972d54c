/** A table that a phone shows as a card for each row. */
import { html } from 'hono/html';
import type { Html } from '../page.ts';

/** @param rows each a `tr` whose cells have `data-label`, as the cards show it */
export function cardsTable(columns: readonly string[], rows: readonly Html[]): Html {
  return html`<table class="cards">
    <thead>
      <tr>
        ${columns.map((name) => html`<th scope="col">${name}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows}
    </tbody>
  </table>`;
}
