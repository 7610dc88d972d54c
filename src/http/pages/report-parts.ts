/** What the pages of reports have in common. */
import { html, raw } from 'hono/html';
import type { Html, Language } from '../page.ts';
import { REPORT_WORDS } from './report-words.ts';

const PATHS = { bounces: '/reports', costs: '/reports/costs' } as const;
type Report = keyof typeof PATHS;

/** The way between the reports. */
export function reportTabs(current: Report, language: Language): Html {
  const words = REPORT_WORDS[language];
  return html`<nav class="buttons" aria-label="${words.reports}">
    ${(['bounces', 'costs'] as const).map(
      (report) =>
        html`<a class="button" href="${PATHS[report]}" ${report === current ? raw('aria-current="page"') : ''}
          >${words[report]}</a
        > `,
    )}
  </nav>`;
}

export type Choice = { readonly value: string; readonly text: string };

/** Which stretch of time, and the report for other programs. */
export function reportForm(of: {
  readonly report: Report;
  readonly field: { readonly name: string; readonly label: string };
  readonly choices: readonly Choice[];
  readonly chosen: string;
  /** What the API is asked for the same. */
  readonly query: Readonly<Record<string, string>>;
  readonly language: Language;
}): Html {
  const words = REPORT_WORDS[of.language];
  const { name, label } = of.field;
  const api = (format: string): string =>
    `/api/v1/reports/${of.report}?${new URLSearchParams({ ...of.query, format }).toString()}`;
  return html`<form class="filters" method="get" action="${PATHS[of.report]}">
    <label
      >${label}
      <select name="${name}">
        ${of.choices.map(
          ({ value, text }) =>
            html`<option value="${value}" ${value === of.chosen ? raw('selected') : ''}>${text}</option>`,
        )}
      </select></label
    >
    <button class="main">${words.show}</button>
    ${['csv', 'json'].map(
      (format) =>
        html`<a class="button" href="${api(format)}" download="relevo-${of.report}.${format}"
          >${words.exportAs(format.toUpperCase())}</a
        > `,
    )}
  </form>`;
}

/** A table with names first and figures after them. */
export function figureTable(of: {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly { readonly name: Html | string; readonly cells: readonly (Html | string)[] }[];
}): Html {
  const [first = '', ...columns] = of.columns;
  return html`<section class="card" aria-label="${of.title}">
    <h2>${of.title}</h2>
    <div class="scroll" tabindex="0" role="region" aria-label="${of.title}">
      <table>
        <thead>
          <tr>
            <th scope="col">${first}</th>
            ${columns.map((column) => html`<th scope="col" class="num">${column}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${of.rows.map(
            ({ name, cells }) =>
              html`<tr>
                <th scope="row">${name}</th>
                ${cells.map((cell) => html`<td class="num">${cell}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}
