/** Reports of a stretch of time, as JSON or CSV. */
import { z } from 'zod';
import type { Operations } from '../../operations/operations.ts';
import {
  bounceReport,
  bouncesCsv,
  costsCsv,
  type ReportAsk,
  trafficCsv,
  trafficReport,
} from '../../operations/figures/reports.ts';
import { sendReportAsk } from '../../operations/figures/asks.ts';
import { type ApiReply, type ApiRoute, defineRoute } from '../route.ts';
import type { FigureRoutesNeeds } from './figures.ts';
import { row, stretch, stretchOf, summed } from './stretch-query.ts';

/** What a report is of where nothing is said. */
const USUAL_MS = 30 * 86_400_000;

const format = z.enum(['json', 'csv']).prefault('json');
const reportQuery = z.strictObject({
  ...stretch,
  limit: z.coerce.number().int().min(1).max(1_000).prefault(100),
  format,
});
const costsQuery = z.strictObject({
  month: z
    .string()
    .regex(/^20\d{2}-(?:0[1-9]|1[0-2])$/, 'expected a month such as 2026-11')
    .exactOptional(),
  format,
});

export type ReportRoutesNeeds = {
  readonly operations: FigureRoutesNeeds['operations'] & Pick<Operations, 'sendReport'>;
  readonly clock: FigureRoutesNeeds['clock'];
};

export function reportRoutes({ operations, clock }: ReportRoutesNeeds): readonly ApiRoute[] {
  const reportOf = (query: z.infer<typeof reportQuery>): ReportAsk => ({
    ...stretchOf(query, { nowMs: clock.nowMs(), usualMs: USUAL_MS }),
    limit: query.limit,
  });
  return [
    defineRoute({
      method: 'GET',
      path: '/api/v1/reports/bounces',
      scope: 'read',
      part: 'reports',
      summary:
        'What bounced, by kind, exit, stream, client, destination and tag, and what servers said; as JSON or CSV',
      query: reportQuery,
      answer: z.looseObject({ ...summed, reasons: z.array(row) }),
      run: async ({ query }) =>
        shown(await bounceReport(operations, reportOf(query)), { ...query, csv: bouncesCsv, name: 'bounces' }),
    }),
    defineRoute({
      method: 'GET',
      path: '/api/v1/reports/traffic',
      scope: 'read',
      part: 'reports',
      summary: 'What came and what became of it, by exit, stream, client, destination and tag; as JSON or CSV',
      query: reportQuery,
      answer: z.looseObject(summed),
      run: async ({ query }) =>
        shown(await trafficReport(operations, reportOf(query)), { ...query, csv: trafficCsv, name: 'traffic' }),
    }),
    defineRoute({
      method: 'POST',
      path: '/api/v1/reports/send',
      scope: 'operate',
      part: 'reports',
      summary:
        'Sends a report by mail now: of the last day, week or month that is over, to the addresses given or to those that the policy names',
      body: { as: 'json', schema: sendReportAsk.partial() },
      answer: z.object({
        sent: z.array(z.object({ period: z.string(), to: z.string(), messageId: z.string() })),
        count: z.int(),
      }),
      run: async ({ body: { every = null, to = null } }) => {
        const sent = await operations.sendReport({ every, to });
        const on = sent.map((one) => one.to).join(', ');
        return { kind: 'json', value: { sent: [...sent], count: sent.length }, change: { what: 'report.send', on } };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/api/v1/reports/costs',
      scope: 'read',
      part: 'reports',
      summary: 'What a month cost, by exit, stream, client and tag, and what own servers saved; as JSON or CSV',
      query: costsQuery,
      answer: z.looseObject({ month: z.string() }),
      run: async ({ query: { month = null, ...query } }) =>
        shown(await operations.costs({ month }), { ...query, csv: costsCsv, name: 'costs' }),
    }),
  ];
}

function shown<Report>(
  report: Report,
  of: { readonly format: 'json' | 'csv'; readonly csv: (report: Report) => string; readonly name: string },
): ApiReply {
  if (of.format === 'json') return { kind: 'json', value: report };
  const headers = { 'content-disposition': `attachment; filename="relevo-${of.name}.csv"` };
  return {
    kind: 'answer',
    answer: { status: 200, contentType: 'text/csv; charset=utf-8', text: of.csv(report), headers },
  };
}
