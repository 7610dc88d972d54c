/** Figures of the mail over time. */
import { z } from 'zod';
import { DIMENSIONS } from '../../report/rollups/stretch.ts';
import { SERIES_FIGURES } from '../../operations/figures/asks.ts';
import { SERIES_AT_MOST } from '../../operations/figures/figure-operations.ts';
import type { Operations } from '../../operations/operations.ts';
import type { Clock } from '../../ports.ts';
import { type ApiRoute, defineRoute } from '../route.ts';
import { row, stretch, stretchOf, summed } from './stretch-query.ts';

export type FigureRoutesNeeds = {
  readonly operations: Pick<Operations, 'series' | 'table' | 'costs'>;
  readonly clock: Pick<Clock, 'nowMs'>;
};

const STEPS = { '1m': 60_000, '10m': 600_000, '1h': 3_600_000, '1d': 86_400_000 } as const;
const HOUR_MS = 3_600_000;

const list = (most: number) =>
  z
    .string()
    .max(8_000)
    .transform((text) => text.split(',').map((part) => part.trim()))
    .pipe(z.array(z.string().max(400)).max(most));

const seriesQuery = z.strictObject({
  what: z
    .string()
    .max(400)
    .transform((text) => text.split(',').map((part) => part.trim()))
    .pipe(z.array(z.enum(SERIES_FIGURES)).min(1).max(8)),
  by: z.enum(DIMENSIONS).prefault('all'),
  names: list(SERIES_AT_MOST).exactOptional(),
  ...stretch,
  step: z.enum(['1m', '10m', '1h', '1d']).exactOptional(),
});

const tableQuery = z.strictObject({
  by: z.enum(DIMENSIONS).prefault('all'),
  ...stretch,
  limit: z.coerce.number().int().min(1).max(1_000).prefault(100),
});

export function figureRoutes({ operations, clock }: FigureRoutesNeeds): readonly ApiRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/api/v1/stats/series',
      scope: 'read',
      part: 'stats',
      summary:
        'Figures over time: `what` (delivered,bounced,success,p95,queue …) `by` (all, exit, stream, client, destination, tag, reason), of `names` or of the greatest, in steps of 1m (kept for 48 hours), 10m, 1h (90 days) or 1d (400 days)',
      query: seriesQuery,
      answer: z.object({
        stepMs: z.number(),
        times: z.array(z.number()).describe('Starts of the stretches, seconds since 1970'),
        series: z.array(
          z.object({
            name: z.string(),
            isRest: z.boolean(),
            figure: z.enum(SERIES_FIGURES),
            values: z.array(z.number().nullable()),
          }),
        ),
      }),
      run: async ({ query }) => {
        const { what, by, names = null, step } = query;
        const stepMs = step === undefined ? null : STEPS[step];
        const of = stretchOf(query, { nowMs: clock.nowMs(), usualMs: HOUR_MS });
        return { kind: 'json', value: await operations.series({ what, by, names, stepMs, ...of }) };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/api/v1/stats/table',
      scope: 'read',
      part: 'stats',
      summary: 'Figures of a stretch of time, a row for each name: the greatest first, and what all others come to',
      query: tableQuery,
      answer: z.object({ ...summed, rows: z.array(row) }),
      run: async ({ query }) => {
        const { by, limit } = query;
        const of = stretchOf(query, { nowMs: clock.nowMs(), usualMs: 24 * HOUR_MS });
        return { kind: 'json', value: await operations.table({ by, limit, ...of }) };
      },
    }),
  ];
}
