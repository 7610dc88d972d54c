/** The fields of a query that say which stretch of time, and what is told of one. Pure. */
import { z } from 'zod';
import { FIGURES } from '../../report/rollups/figures.ts';
import { timeOf } from '../../policy/times.ts';
import { parseDurationMs } from '../../policy/units.ts';

const LATEST_MS = 8.64e15;

/** A moment, or how long ago it was. */
type When = { readonly atMs: number } | { readonly agoMs: number };

const when = z
  .string()
  .max(64)
  .transform((text, context): When => {
    const agoMs = parseDurationMs(text.replace(/^-/, ''));
    if (agoMs !== null) return { agoMs };
    const atMs = /^\d{1,11}$/.test(text.trim()) ? Number(text) * 1_000 : timeOf(text);
    if (atMs !== null && atMs <= LATEST_MS) return { atMs };
    context.addIssue({
      code: 'custom',
      message: 'expected how long ago (24h, 30d), a time such as 2026-01-31T08:00:00Z, or seconds since 1970',
    });
    return z.NEVER;
  });

export const stretch = { from: when.exactOptional(), to: when.exactOptional() };

const figures = z.object(Object.fromEntries(FIGURES.map((figure) => [figure, z.number()])));
/** A name and its figures. */
export const row = z.object({
  name: z.string(),
  isRest: z.boolean(),
  figures,
  success: z.number().nullable(),
  latencyMs: z.looseObject({ p50: z.number(), p95: z.number(), p99: z.number(), max: z.number() }).nullable(),
});
/** What every answer about a stretch has. */
export const summed = { fromMs: z.number(), toMs: z.number(), total: row };

/** @param of.usualMs how long it is where its beginning is not said */
export function stretchOf(
  { from, to }: { readonly from?: When; readonly to?: When },
  { nowMs, usualMs }: { readonly nowMs: number; readonly usualMs: number },
): { readonly fromMs: number; readonly toMs: number } {
  const msOf = (one: When): number => ('atMs' in one ? one.atMs : Math.max(0, nowMs - one.agoMs));
  const toMs = to === undefined ? nowMs + 1 : msOf(to);
  return { fromMs: from === undefined ? Math.max(0, toMs - usualMs) : msOf(from), toMs };
}
