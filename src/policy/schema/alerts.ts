/** Who is told of what goes wrong, and of how it went: `alerts`, `reports`. */
import { z } from 'zod';
import { parseMailbox } from '../../message/address.ts';
import { ALERT_KIND_NAMES } from '../../message/alert-kind.ts';
import { SEVERITIES, type Severity } from '../../message/severity.ts';
import { duration, positive, SECRET, share } from './values.ts';

const kind = z.enum(ALERT_KIND_NAMES as [string, ...string[]], 'expected a kind of alert (docs/alerts.md has them)');
const severity = z.enum(SEVERITIES, 'expected info, warning or critical');

const EXPECTED = 'expected an address, an https URL, or { url: …, secret: …, form: slack }';

const url = z
  .string()
  .refine(isSafeUrl, 'expected an https URL (http is for this machine alone)')
  .meta({ description: 'Where alerts are posted.' });

/** Where alerts go. `least`: only what is at least as severe. */
export type AlertDestination =
  | { readonly kind: 'mail'; readonly address: string; readonly least: Severity }
  | {
      readonly kind: 'webhook';
      readonly url: string;
      readonly form: 'json' | 'slack';
      readonly secret: string | null;
      readonly least: Severity;
    };

const destination = z.union(
  [
    z
      .string()
      .refine((text) => isSafeUrl(text) || isAddress(text), EXPECTED)
      .transform((text) => (isAddress(text) ? mailTo(text) : postTo({ url: text }))),
    z
      .strictObject({
        mail: z.string().refine(isAddress, 'expected an address such as oncall@example.com'),
        severity: severity.optional(),
      })
      .transform(({ mail, severity: least }) => mailTo(mail, least)),
    z
      .strictObject({
        url,
        form: z.enum(['json', 'slack']).optional(),
        secret: z.string().min(1, 'expected a secret').optional().meta(SECRET),
        severity: severity.optional(),
      })
      .transform(postTo),
  ],
  { error: EXPECTED },
);

const wallTime = z
  .string('expected a time such as "22:00"')
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'expected a time such as "22:00"')
  .meta({ value: 'time' });

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

const quiet = z
  .strictObject({
    from: wallTime.meta({ description: 'In the policy’s time zone.' }),
    to: wallTime.meta({ description: 'Before `from`: on the next day.' }),
    days: z
      .array(z.enum(WEEKDAYS, `expected one of ${WEEKDAYS.join(', ')}`))
      .min(1, 'expected at least one day')
      .prefault([...WEEKDAYS])
      .meta({ description: 'On which it begins.' }),
    except: z
      .array(z.union([kind, z.literal('critical')], { error: 'expected a kind of alert, or critical' }))
      .prefault([])
      .meta({ description: 'Kinds that are told all the same; `critical`: all that are so severe.' }),
  })
  .refine(({ from, to }) => from !== to, { path: ['to'], error: 'expected another time than `from`' });

export const alerts = z
  .strictObject({
    failureRate: share.nullable().prefault('10%').meta({
      description: 'Of attempts in the last hour, for each egress: more is an alert. null: none.',
    }),
    failuresFrom: positive.prefault(20).meta({ description: 'So many attempts must there be in the hour.' }),
    queueAge: duration.nullable().prefault('30m').meta({
      description: 'Age of the oldest message that waits and is neither held nor scheduled. null: no alert.',
    }),
    queueAgeFrom: positive.prefault(1).meta({ description: 'So many deliveries must be as old.' }),
    duplicateRate: share.nullable().prefault('1%').meta({
      description: 'Of attempts in the last hour: those in doubt, which may be copies. null: no alert.',
    }),
    off: z
      .array(kind)
      .prefault([])
      .meta({ description: 'Kinds that nobody is told of; they stay in log and metrics.' }),
    severity: z
      .partialRecord(kind, severity)
      .prefault({})
      .meta({ description: 'Of kinds, where it is to be another than docs/alerts.md says.' }),
    to: z
      .array(destination)
      .nullable()
      .prefault(null)
      .meta({
        value: 'list of addresses and URLs',
        description:
          'Who is told: addresses, https URLs (of hooks.slack.com in its form), `{ mail: a@b.example, severity: critical }`, or ' +
          '`{ url: https://…, secret: …, form: slack }`. Default: the postmaster, where the policy names one.',
        ...SECRET,
      }),
    gather: duration.prefault('30s').meta({ description: 'What comes within that is told at once, in one mail.' }),
    calm: duration.prefault('5m').meta({
      description: 'What is over for so long is told to be over: what comes and goes faster is told once.',
    }),
    repeat: duration.nullable().prefault('24h').meta({
      description: 'What is still so is told again after that. null: once is enough.',
    }),
    quiet: z.array(quiet).prefault([]).meta({
      description: 'Times at which nobody is told; what is still so at their end is told then.',
    }),
  })
  .prefault({})
  .meta({ description: 'When people are told, and who. docs/alerts.md has every alert.' });

export const reports = z
  .array(
    z.strictObject({
      every: z.enum(['day', 'week', 'month']).meta({ description: 'What each is about.' }),
      at: wallTime.prefault('07:00').meta({ description: 'Of the first day after it, in the policy’s time zone.' }),
      to: z
        .array(z.string().refine(isAddress, 'expected an address such as boss@example.com'))
        .min(1, 'expected at least one address')
        .meta({ description: 'Who gets it.' }),
    }),
  )
  .prefault([])
  .meta({ description: 'Figures by mail: what was sent, what failed, what exits did and cost.' });

function isAddress(text: string): boolean {
  return parseMailbox(text) !== null;
}

/** A notice names addresses and exits: it goes in clear text to nobody else. */
function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || (protocol === 'http:' && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname));
}

function mailTo(address: string, least: Severity = 'info'): AlertDestination {
  return { kind: 'mail', address, least };
}

function postTo({
  url: at,
  form,
  secret = null,
  severity: least = 'info',
}: {
  readonly url: string;
  readonly form?: 'json' | 'slack' | undefined;
  readonly secret?: string | null | undefined;
  readonly severity?: Severity | undefined;
}): AlertDestination {
  const isSlack = new URL(at).hostname === 'hooks.slack.com';
  return { kind: 'webhook', url: at, form: form ?? (isSlack ? 'slack' : 'json'), secret, least };
}
