/** A report in words: plain text, and the same as simple HTML. Pure. */
import type { Period } from './period.ts';

/** What one exit did and is. */
export type ExitLine = {
  readonly egress: string;
  readonly delivered: number;
  readonly failed: number;
  /** 0 to 1; null: nothing ended. */
  readonly success: number | null;
  /** 0 to 100. */
  readonly score: number | null;
  /** Such as `12.30 EUR of 90.00 EUR`; '' where it costs nothing that is known. */
  readonly cost: string;
};

/** What a report says. */
export type ReportFigures = {
  readonly accepted: number;
  readonly delivered: number;
  readonly failed: number;
  readonly deferred: number;
  readonly success: number | null;
  readonly complained: number;
  /** Now. */
  readonly queued: number;
  readonly exits: readonly ExitLine[];
  readonly reasons: readonly { readonly text: string; readonly count: number }[];
  readonly costs: readonly string[];
  /** What the costs are of; null: of the month that goes on. */
  readonly month: string | null;
  /** Of the time, the last first. */
  readonly alerts: readonly { readonly text: string; readonly from: string; readonly until: string | null }[];
  readonly advice: readonly string[];
};

export type ReportTerms = { readonly hostname: string; readonly period: Period; readonly publicUrl: string | null };

/** A heading and what stands below it: a table, whose first row is its head, or lines. */
type Section = {
  readonly title: string;
  readonly table?: readonly (readonly string[])[];
  readonly lines?: readonly string[];
};

export function reportSubject({ hostname, period }: ReportTerms): string {
  return `[${hostname}] Mail of ${period.title}`;
}

/** Lines end with a line feed. */
export function reportText(figures: ReportFigures, terms: ReportTerms): string {
  const parts = sectionsOf(figures).map(({ title, table = [], lines = [] }) => {
    const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((row) => (row[column] ?? '').length)));
    const rows = table.map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
    return `${title}\n${[...rows, ...lines].map((line) => `  ${line}\n`).join('')}`;
  });
  const link = terms.publicUrl === null ? '' : `\n${terms.publicUrl}/\n`;
  return `Mail of ${terms.period.title} at ${terms.hostname}\n\n${parts.join('\n')}${link}`;
}

/** Whole; nothing from elsewhere. */
export function reportHtml(figures: ReportFigures, terms: ReportTerms): string {
  const parts = sectionsOf(figures).map(({ title, table = [], lines = [] }) => {
    const rows = table.map((row, place) => `<tr>${row.map((cell) => cellOf(cell, place)).join('')}</tr>`).join('');
    const list = lines.map((line) => `<li>${escaped(line)}</li>`).join('');
    const shown =
      table.length === 0 ? '' : `<table cellpadding="4" border="1" style="border-collapse:collapse">${rows}</table>`;
    return `<h2>${escaped(title)}</h2>${shown}${list === '' ? '' : `<ul>${list}</ul>`}`;
  });
  const title = escaped(`Mail of ${terms.period.title} at ${terms.hostname}`);
  const link =
    terms.publicUrl === null ? '' : `<p><a href="${escaped(terms.publicUrl)}/">${escaped(terms.publicUrl)}/</a></p>`;
  return (
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title></head>` +
    `<body style="font-family:sans-serif"><h1>${title}</h1>${parts.join('')}${link}</body></html>\n`
  );
}

function sectionsOf(figures: ReportFigures): readonly Section[] {
  const { accepted, delivered, failed, deferred, complained, queued, success, reasons, costs, alerts, advice } =
    figures;
  const sections: Section[] = [
    {
      title: 'In all',
      table: [
        ['accepted', 'delivered', 'failed', 'success', 'put off', 'complaints', 'queued now'],
        [accepted, delivered, failed, percent(success), deferred, complained, queued].map(String),
      ],
    },
    exitsOf(figures),
  ];
  const costsOf = figures.month === null ? 'this month so far' : `the month ${figures.month}`;
  if (costs.length > 0) sections.push({ title: `Costs of ${costsOf}`, lines: costs });
  if (reasons.length > 0)
    sections.push({
      title: 'Why mail bounced',
      table: [['times', 'reason'], ...reasons.map(({ text, count }) => [String(count), text])],
    });
  const told = alerts.map(({ text, from, until }) => `${from} – ${until ?? 'now'}: ${text}`);
  sections.push({ title: 'Alerts', lines: told.length === 0 ? ['none'] : told });
  if (advice.length > 0) sections.push({ title: 'What might be done', lines: advice });
  return sections;
}

function exitsOf({ exits, month }: ReportFigures): Section {
  if (exits.length === 0) return { title: 'Exits', lines: ['no mail left by any'] };
  const head = [
    'exit',
    'delivered',
    'failed',
    'success',
    'reputation now',
    month === null ? 'cost this month' : 'cost',
  ];
  const rows = exits.map((exit) => [
    exit.egress,
    String(exit.delivered),
    String(exit.failed),
    percent(exit.success),
    exit.score === null ? '–' : String(exit.score),
    exit.cost,
  ]);
  return { title: 'Exits', table: [head, ...rows] };
}

function percent(share: number | null): string {
  return share === null ? '–' : `${(Math.floor(share * 1_000) / 10).toFixed(1)} %`;
}

function cellOf(text: string, place: number): string {
  return place === 0 ? `<th align="left">${escaped(text)}</th>` : `<td>${escaped(text)}</td>`;
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
