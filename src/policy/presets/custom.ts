/** `custom`: a preset in the operator's own figures. */
import { z } from 'zod';
import { REGIONS, SERVER_DAILY_LIMIT, SERVER_USD_PER_MONTH, type PresetContents } from './presets.ts';
import { positive } from '../schema/values.ts';

/** More than any machine's environment names. */
const MOST_SERVERS = 100;

export const custom = z.strictObject({
  servers: positive
    .max(MOST_SERVERS, `expected at most ${MOST_SERVERS} servers`)
    .meta({ description: 'Own servers: SMTP_HOST_1 and so on.' }),
  dailyLimit: positive.prefault(SERVER_DAILY_LIMIT).meta({ description: 'Messages a day of each server.' }),
  sendgrid: positive.nullable().prefault(null).meta({
    description:
      'Messages a day through SendGrid (SENDGRID_API_KEY), once the servers’ limits are used up; null: none.',
  }),
  warmup: z.boolean().prefault(true).meta({ description: 'Whether new servers are warmed up.' }),
  regions: z
    .array(z.enum(REGIONS))
    .refine((regions) => new Set(regions).size === regions.length, 'expected each region once')
    .prefault([])
    .meta({ description: 'Where the servers stand, evenly; mail leaves by those near its recipient’s TLD.' }),
});

/** What the figures of `custom` ask for, in the form of the presets. */
export function customContents({ warmup, sendgrid, ...figures }: z.output<typeof custom>): PresetContents {
  return {
    ...figures,
    serverUsdPerMonth: SERVER_USD_PER_MONTH,
    sendgrid: sendgrid === null ? null : { dailyLimit: sendgrid, usdPerMonth: null },
    isWarmedUp: warmup,
  };
}
