/** What a month cost, by exit, stream, client and tag, and what own servers saved. */
import { html } from 'hono/html';
import { dayOf } from '../../policy/day.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Operations } from '../../operations/operations.ts';
import type { ExitCosts, MonthCosts, ShareCosts } from '../../routing/cost-figures.ts';
import type { Html, Language, Page } from '../page.ts';
import { count, money } from './format.ts';
import { figureTable, reportForm, reportTabs } from './report-parts.ts';
import { REPORT_WORDS } from './report-words.ts';

export type CostsNeeds = {
  readonly operations: Pick<Operations, 'costs'>;
  readonly policy: () => Pick<Policy, 'timeZone'>;
};

const MONTHS_BACK = 13;

export function costsPage({ operations, policy }: CostsNeeds): Page {
  return {
    path: '/reports/costs',
    scope: 'read',
    nav: null,
    render: async ({ query, language, nowMs }) => {
      const words = REPORT_WORDS[language];
      const months = lastMonths(dayOf(nowMs, policy().timeZone).name.slice(0, 7));
      const [current = ''] = months;
      const chosen = months.find((month) => month === query.get('month')) ?? current;
      const costs = await operations.costs({ month: chosen === current ? null : chosen });
      const form = reportForm({
        report: 'costs',
        field: { name: 'month', label: words.month },
        choices: months.map((month) => ({ value: month, text: month })),
        chosen,
        query: { month: chosen },
        language,
      });
      const body = costs.exits.length === 0 ? html`<p>${words.noCosts}</p>` : bodyOf(costs, language);
      return { title: words.costs, main: html`${reportTabs('costs', language)} ${form} ${body}` };
    },
  };
}

/** `2026-11`, `2026-10`, … */
function lastMonths(current: string): readonly string[] {
  const [year = 0, month = 1] = current.split('-').map(Number);
  return Array.from({ length: MONTHS_BACK }, (_, back) =>
    new Date(Date.UTC(year, month - 1 - back)).toISOString().slice(0, 7),
  );
}

function bodyOf(costs: MonthCosts, language: Language): Html {
  const words = REPORT_WORDS[language];
  const shares = { stream: costs.streams, client: costs.clients, tag: costs.tags } as const;
  return html`<div class="tiles">
      ${costs.totals.map((total) => totalTile(total, language))} ${savings(costs, language)}
    </div>
    ${figureTable({
      title: words.by.exit,
      columns: [words.by.exit, words.count, words.toDate, words.forecast, words.budget],
      rows: costs.exits.map((exit) => exitRow(exit, language)),
    })}
    <div class="grid">
      ${(['stream', 'client', 'tag'] as const)
        .filter((by) => shares[by].length > 0)
        .map((by) =>
          figureTable({
            title: words.by[by],
            columns: [words.by[by], words.count, words.toDate],
            rows: shares[by].map((share) => shareRow(share, language)),
          }),
        )}
    </div>`;
}

function totalTile({ currency, monthToDate, forecast }: MonthCosts['totals'][number], language: Language): Html {
  const words = REPORT_WORDS[language];
  return html`<dl class="tile">
    <dt>${words.toDate}</dt>
    <dd class="figure">${money({ amount: monthToDate, currency }, language)}</dd>
    <dd class="soft">
      ${forecast === null ? '' : html`${words.forecast}: ${money({ amount: forecast, currency }, language)}`}
    </dd>
  </dl>`;
}

function savings({ savings: all }: MonthCosts, language: Language): readonly Html[] {
  const words = REPORT_WORDS[language];
  return all.map(
    ({ saved, currency, count: carried, cloud }) =>
      html`<dl class="tile">
        <dt>${saved < 0 ? words.dearer : words.saved}</dt>
        <dd class="figure">${money({ amount: Math.abs(saved), currency }, language)}</dd>
        <dd class="soft">${words.savedBy(count(carried, language), cloud)}</dd>
      </dl>`,
  );
}

function exitRow({ egress, currency, monthToDate, forecast, budget, count: amount }: ExitCosts, language: Language) {
  const sum = (of: number): string => money({ amount: of, currency }, language);
  const used = budget === null ? '–' : `${sum(budget.used)} / ${sum(budget.amount)}`;
  return {
    name: html`<a href="/exits/${encodeURIComponent(egress)}">${egress}</a>`,
    cells: [count(amount, language), sum(monthToDate), forecast === null ? '–' : sum(forecast), used],
  };
}

function shareRow({ name, count: amount, currency, monthToDate }: ShareCosts, language: Language) {
  return { name, cells: [count(amount, language), money({ amount: monthToDate, currency }, language)] };
}
