import { z } from 'zod';
import { timeOf } from '../../policy/times.ts';

/** A wall time with its offset, as ms. */
export const wallTime = z
  .string()
  .max(64)
  .transform((text, context) => {
    const atMs = timeOf(text);
    if (atMs !== null) return atMs;
    context.addIssue({ code: 'custom', message: 'expected a time such as 2026-12-24T08:00:00+01:00' });
    return z.NEVER;
  })
  .meta({ description: 'Such as `2026-12-24T08:00:00+01:00`.' });
