/** What bounced: of which kind, where, by which exit, of whose mail, and what servers said. */
import { html } from 'hono/html';
import { parseDurationMs } from '../../policy/units.ts';
import type { TableRow } from '../../operations/figures/figure-operations.ts';
import type { Operations } from '../../operations/operations.ts';
import {
  bounceRateOf,
  bounceReport,
  type BounceReport,
  bouncesOf,
  REPORT_DIMENSIONS,
} from '../../operations/figures/reports.ts';
import { BOUNCE_FIGURES } from '../../report/rollups/figures.ts';
import type { Html, Language, Page } from '../page.ts';
import { CHART_SCRIPTS, chartsOf } from './charts.ts';
import { count, percent } from './format.ts';
import { figureTable, reportForm, reportTabs } from './report-parts.ts';
import { reportSendForm } from './report-send.ts';
import { REPORT_WORDS } from './report-words.ts';

export type BouncesNeeds = { readonly operations: Pick<Operations, 'series' | 'table' | 'costs'> };

const STRETCHES = ['24h', '7d', '30d', '90d'] as const;
const ROWS = 25;

export function bouncesPage({ operations }: BouncesNeeds): Page {
  return {
    path: '/reports',
    scope: 'read',
    nav: { order: 55, name: { en: REPORT_WORDS.en.title, es: REPORT_WORDS.es.title } },
    render: async ({ query, language, nowMs, principal }) => {
      const words = REPORT_WORDS[language];
      const chosen = STRETCHES.find((one) => one === query.get('since')) ?? '7d';
      const fromMs = nowMs - (parseDurationMs(chosen) ?? 0);
      const report = await bounceReport(operations, { fromMs, toMs: nowMs + 1, limit: ROWS });
      const form = reportForm({
        report: 'bounces',
        field: { name: 'since', label: words.stretch },
        choices: STRETCHES.map((value) => ({ value, text: words.stretches[value] })),
        chosen,
        query: { from: chosen },
        language,
      });
      const main = html`${reportTabs('bounces', language)} ${form} ${bodyOf(report, language)}
      ${principal.scopes.includes('operate') ? reportSendForm(language) : ''}`;
      return { title: words.bounces, main, scripts: CHART_SCRIPTS };
    },
  };
}

function bodyOf(report: BounceReport, language: Language): Html {
  const words = REPORT_WORDS[language];
  const chart = {
    title: words.trend,
    lines: [
      { what: 'bounced' as const, label: words.bounced, tone: 'bad' as const },
      { what: 'returned' as const, label: words.later, tone: 'warn' as const },
    ],
    unit: '',
  };
  const trend = chartsOf([chart], { language, egress: null });
  if (bouncesOf(report.total) === 0)
    return html`${tiles(report.total, language)}
      <p>${words.none}</p>
      ${trend}`;
  return html`${tiles(report.total, language)}
    <div class="grid">${kinds(report.total, language)} ${reasons(report, language)}</div>
    ${trend}
    <div class="grid">
      ${REPORT_DIMENSIONS.filter((by) => report.by[by].length > 0).map((by) =>
        figureTable({
          title: words.by[by],
          columns: [words.by[by], words.bounced, words.rate, words.delivered, words.complained],
          rows: report.by[by].map((row) => rowOf(row, language)),
        }),
      )}
    </div>`;
}

function tiles(total: TableRow, language: Language): Html {
  const words = REPORT_WORDS[language];
  const { bounced, returned, delivered } = total.figures;
  const rate = bounceRateOf(total);
  const tile = (name: string, text: string): Html =>
    html`<dl class="tile">
      <dt>${name}</dt>
      <dd class="figure">${text}</dd>
    </dl>`;
  return html`<div class="tiles">
    ${tile(words.bounced, count(bounced, language))} ${tile(words.later, count(returned, language))}
    ${tile(words.rate, rate === null ? '–' : percent(rate, language))}
    ${tile(words.delivered, count(delivered, language))}
  </div>`;
}

function kinds(total: TableRow, language: Language): Html {
  const words = REPORT_WORDS[language];
  const all = bouncesOf(total);
  const rows = BOUNCE_FIGURES.filter((kind) => total.figures[kind] > 0)
    .toSorted((one, other) => total.figures[other] - total.figures[one])
    .map((kind) => {
      const [name, means] = words.kinds[kind];
      const amount = total.figures[kind];
      return {
        name: html`${name}
          <div class="soft">${means}</div>`,
        cells: [count(amount, language), percent(amount / all, language)],
      };
    });
  return figureTable({ title: words.kind, columns: [words.kind, words.recipients, '%'], rows });
}

function reasons({ reasons: said }: BounceReport, language: Language): Html {
  const words = REPORT_WORDS[language];
  return figureTable({
    title: words.reasons,
    columns: [words.said, words.recipients],
    rows: said.slice(0, ROWS).map((row) => ({
      name: row.isRest ? words.others : html`<code>${row.name}</code>`,
      cells: [count(bouncesOf(row), language)],
    })),
  });
}

function rowOf(row: TableRow, language: Language) {
  const rate = bounceRateOf(row);
  const { delivered, complained } = row.figures;
  return {
    name: row.isRest ? REPORT_WORDS[language].others : row.name,
    cells: [
      count(bouncesOf(row), language),
      rate === null ? '–' : percent(rate, language),
      count(delivered, language),
      count(complained, language),
    ],
  };
}
