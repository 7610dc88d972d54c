/** Places for charts of figures over time, which the script `charts.js` draws; each has its figures as a table too. */
import { html, raw } from 'hono/html';
import type { SeriesFigure } from '../../operations/figures/figure-operations.ts';
import type { Html, Language, Words } from '../page.ts';

/** `tone`: what it means, told by its colour too. */
type Line = { readonly what: SeriesFigure; readonly label: string; readonly tone: 'plain' | 'good' | 'warn' | 'bad' };

export type Chart = {
  readonly title: string;
  readonly lines: readonly Line[];
  /** What a value is multiplied by before it is shown. Default: 1. */
  readonly scale?: number;
  readonly unit: string;
  /** Sums are shown for so much time each. */
  readonly per?: 'minute';
};

/** Scripts of a page that has charts. */
export const CHART_SCRIPTS: readonly string[] = ['uplot.js', 'charts.js'];

const RANGES = ['1h', '24h', '30d'] as const;

type ChartWords = {
  readonly heading: string;
  readonly range: string;
  readonly ranges: Readonly<Record<(typeof RANGES)[number], string>>;
  readonly table: string;
};

const WORDS: Words<ChartWords> = {
  en: {
    heading: 'Over time',
    range: 'Stretch of time',
    ranges: { '1h': '1 hour', '24h': '24 hours', '30d': '30 days' },
    table: 'As a table',
  },
  es: {
    heading: 'Evolución',
    range: 'Periodo',
    ranges: { '1h': '1 hora', '24h': '24 horas', '30d': '30 días' },
    table: 'Como tabla',
  },
};

/** @param of.egress of that exit alone; null: of the whole relay */
export function chartsOf(
  charts: readonly Chart[],
  { language, egress }: { readonly language: Language; readonly egress: string | null },
): Html {
  const words = WORDS[language];
  const only = egress === null ? '' : html` data-egress="${egress}"`;
  return html`<section class="card" data-charts${only} aria-labelledby="charts">
    <div class="bar">
      <h2 id="charts">${words.heading}</h2>
      <div class="ranges" role="group" aria-label="${words.range}">
        ${RANGES.map(
          (range) =>
            html`<button type="button" data-range="${range}" aria-pressed="${String(range === '1h')}">
              ${words.ranges[range]}
            </button> `,
        )}
      </div>
    </div>
    <div class="charts">${charts.map((chart) => figureOf(chart, words.table))}</div>
  </section>`;
}

function figureOf({ title, lines, scale = 1, unit, per }: Chart, table: string): Html {
  const what = lines.map((line) => line.what).join(',');
  const tones = lines.map((line) => line.tone).join(',');
  const labels = JSON.stringify(lines.map(({ label }) => label));
  const each = per === undefined ? '' : raw(` data-per="${per}"`);
  return html`<figure
    data-what="${what}"
    data-labels="${labels}"
    data-tones="${tones}"
    data-scale="${scale}"
    data-unit="${unit}"
    ${each}
  >
    <figcaption>${title}</figcaption>
    <div class="plot"></div>
    <details>
      <summary>${table}<span class="hidden">: ${title}</span></summary>
      <div class="scroll" tabindex="0" role="region" aria-label="${title}"></div>
    </details>
  </figure>`;
}
