/** How questions about figures are checked, wherever they come from. Pure. */
import { z } from 'zod';
import { parseMailbox } from '../../message/address.ts';
import { FIGURES } from '../../report/rollups/figures.ts';
import { DIMENSIONS } from '../../report/rollups/stretch.ts';
import { REPORT_PERIODS, REPORT_TO_MOST } from './report-operations.ts';
import { OTHER_FIGURES, SERIES_AT_MOST, type SeriesFigure, STEPS_MS } from './figure-operations.ts';

/** The last time that a date can be. */
const LATEST_MS = 8.64e15;
const timeMs = z.number().min(0).max(LATEST_MS);
const address = z
  .string()
  .refine((text) => parseMailbox(text) !== null, 'expected an address such as boss@example.com');
const month = z.string().regex(/^20\d{2}-(?:0[1-9]|1[0-2])$/, 'expected a month such as 2026-11');

export const SERIES_FIGURES: readonly SeriesFigure[] = [...FIGURES, ...OTHER_FIGURES];

export const seriesAsk = z.strictObject({
  what: z.array(z.enum(SERIES_FIGURES)).min(1).max(8),
  by: z.enum(DIMENSIONS),
  names: z.array(z.string().max(1_000)).max(SERIES_AT_MOST).nullable(),
  fromMs: timeMs,
  toMs: timeMs,
  stepMs: z.union(STEPS_MS.map((step) => z.literal(step))).nullable(),
});

export const tableAsk = z.strictObject({
  by: z.enum(DIMENSIONS),
  fromMs: timeMs,
  toMs: timeMs,
  limit: z.int().min(1).max(1_000),
});

export const sendReportAsk = z.strictObject({
  every: z.enum(REPORT_PERIODS).nullable(),
  to: z.array(address).max(REPORT_TO_MOST).nullable(),
});

export const costsAsk = z.strictObject({ month: month.nullable() });
