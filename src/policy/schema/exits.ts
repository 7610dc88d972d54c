/** Where mail leaves: `egress`. */
import { z } from 'zod';
import { mailgunWebhook, sendgridWebhook, sesWebhook } from './provider-webhooks.ts';
import { billing, budget } from './costs.ts';
import { cost, domainName, duration, ipAddress, LATER, name, port, positive, rate, SECRET, share } from './values.ts';

const timeouts = z
  .strictObject({
    connect: duration.prefault('30s').meta({ description: 'Until the TCP connection to one address stands.' }),
    reply: duration.prefault('5m').meta({ description: 'Greeting, EHLO, MAIL, RCPT (RFC 5321 §4.5.3.2).' }),
    data: duration.prefault('10m').meta({ description: 'The reply to the final dot.' }),
  })
  .prefault({})
  .transform(({ connect, reply, data }) => ({ connectMs: connect, replyMs: reply, dataMs: data }))
  .meta({ description: 'How long to wait for the other server.' });

const DAY_MS = 86_400_000;

const regress = z
  .strictObject({
    deferred: share.prefault('20%').meta({ description: 'Recipients that were deferred, of all that were tried.' }),
    bounced: share.prefault('5%').meta({
      description: 'Recipients that bounced, or were refused because of the address, of all that were tried.',
    }),
    complained: share.prefault('0.3%').meta({
      description: 'Complaints, of what was delivered; one complaint alone is none.',
    }),
  })
  .prefault({})
  .meta({
    description:
      'Above one of these shares on a day, with more than a few of at least 20 recipients, the warm-up goes one step back, and that day is not counted.',
  });

const schedule = z
  .array(positive)
  .min(1, 'expected at least one step')
  .superRefine((steps, context) => {
    for (const [place, step] of steps.entries()) {
      const before = steps[place - 1] ?? 0;
      if (step >= before) continue;
      const message = `step ${place + 1} is less than step ${place} (${before}): a warm-up never falls`;
      context.addIssue({ code: 'custom', message, path: [place] });
    }
  });

const warmup = z.strictObject({
  start: z
    .string('expected a date such as 2026-11-20')
    .refine(isDate, 'expected a date such as 2026-11-20')
    .optional()
    .meta({
      description:
        'First day: nothing is sent before it, and days before it do not count. Default: from the first message.',
      value: 'date',
    }),
  schedule: schedule.optional().meta({
    description:
      'Messages on each day on which it sends; then the dailyLimit alone. Default: 10, 20, 40, 60, 80, 100 % of the dailyLimit, or of 500.',
    value: 'list of numbers',
  }),
  perProvider: z
    .boolean()
    .prefault(false)
    .meta({ description: 'Whether each mailbox provider has a warm-up, and a cap, of its own.' }),
  regress,
});

/** Whether a day of that name is on the calendar. */
function isDate(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && new Date(`${text}T00:00:00Z`).toJSON()?.startsWith(text) === true;
}

const common = {
  enabled: z.boolean().prefault(true).meta({ description: 'false: never used, and its variables need not be set.' }),
  node: name.nullable().prefault(null).meta({
    description: 'Name of the only node that may use it, where nodes share a spool; null: any that has `bind`.',
  }),
  region: z
    .string()
    .nullable()
    .prefault(null)
    .meta({ description: 'Where it stands, for reports and choice.', ...LATER }),
  streams: z.array(name).nullable().prefault(null).meta({ description: 'Streams it may carry; null: all.' }),
  dailyLimit: positive.nullable().prefault(null).meta({
    description:
      'Messages a day (of timeZone), by all processes and nodes together; then the route’s next exit, or the next day. A message to several domains counts once for each.',
  }),
  hourlyLimit: positive.nullable().prefault(null).meta({
    description: 'Messages an hour (of UTC), counted like dailyLimit; then the route’s next exit, or the next hour.',
  }),
  rate: rate
    .refine(({ count }) => count > 0, 'expected a rate above 0')
    .nullable()
    .prefault(null)
    .meta({
      description:
        'Messages in a window, evenly spread and never more in any window of that length: 1000/h is one every 3.6 s. By all processes and nodes together.',
    }),
  delay: duration
    .refine((delayMs) => delayMs <= DAY_MS, 'expected at most 1d')
    .prefault('0s')
    .meta({
      description: 'Least time between two messages, from the start of one to that of the next; at most 1d.',
    }),
  warmup: warmup.nullable().prefault(null).meta({
    description: 'A daily limit that grows with each day on which it sends, for a new address; `{}`: the standard one.',
  }),
  cost: cost
    .nullable()
    .prefault(null)
    .meta({ description: 'What it costs: a month, or so many messages (docs/costs.md); `relevo stats` adds it up.' }),
  billing: billing.prefault('recipient').meta({
    value: 'recipient | message, or a mapping',
    description:
      'What a price for messages counts, as its provider bills: each recipient, or each message for the recipients of one domain. `{ per: recipient, blocks: true }`: each begun block costs as a whole.',
  }),
  budget: budget.nullable().prefault(null).meta({
    value: 'budget, or a mapping',
    description:
      'What it may cost in a calendar month of timeZone, such as `90 USD/month`; then the route’s next exit, or the next month. `{ amount: 90 USD/month, exempt: [alerts] }`: these streams go on. Default: those with priority high.',
  }),
  address: ipAddress
    .nullable()
    .prefault(null)
    .meta({ description: 'The address it sends from: for the log and blocklist checks.' }),
};

const helo = z.string().nullable().prefault(null).meta({ description: 'EHLO name; null: hostname.' });
const bind = ipAddress
  .nullable()
  .prefault(null)
  .meta({ description: 'Local address to leave from; null: whatever the system picks.' });

const mx = z.strictObject({
  type: z.literal('mx').meta({ description: 'From an own address straight to the recipients’ servers.' }),
  ...common,
  bind,
  port: port.prefault(25).meta({ description: 'Of the recipients’ servers; other values only for tests.' }),
  helo,
  connections: positive.prefault(100).meta({ description: 'At once, over all destinations.' }),
  privateAddresses: z
    .boolean()
    .prefault(false)
    .meta({ description: 'Whether an MX may have a private or loopback address; otherwise such a host is not used.' }),
  timeouts,
});

const smtp = z.strictObject({
  type: z.literal('smtp').meta({ description: 'Through an own SMTP server.' }),
  ...common,
  host: z.string().min(1, 'expected a host name or address').meta({ description: 'Host name or address.' }),
  port: port.prefault(587).meta({ description: 'TCP port of that server.' }),
  tls: z
    .enum(['starttls', 'implicit', 'opportunistic', 'none'])
    .prefault('starttls')
    .meta({ description: 'The certificate is checked for starttls and implicit.' }),
  ca: z
    .string()
    .nullable()
    .prefault(null)
    .meta({ description: 'PEM file of further trusted authorities, for a server with a private one.' }),
  username: z.string().nullable().prefault(null).meta({ description: 'For AUTH; null: none.' }),
  password: z
    .string()
    .nullable()
    .prefault(null)
    .meta({ description: 'For AUTH.', ...SECRET }),
  bind,
  helo,
  connections: positive.prefault(10).meta({ description: 'At once.' }),
  timeouts,
});

const sandbox = z.strictObject({
  type: z.literal('sandbox').meta({ description: 'Keeps each message as an .eml file and sends nothing.' }),
  ...common,
  path: z.string().min(1).prefault('../data/sandbox').meta({ description: 'Folder.' }),
});

const provider = {
  ...common,
  apiKeys: z
    .array(z.string().regex(/^[!-~]{1,1000}$/, 'expected a key: letters, digits and signs without spaces'))
    .min(1)
    .optional()
    .meta({ description: 'Used in turn; one that is refused is left out.', ...SECRET }),
  endpoint: z
    .string()
    .optional()
    .meta({ description: 'URL of its service. Default: the provider’s own.', value: 'URL' }),
  connections: positive.prefault(20).meta({ description: 'Requests at once.' }),
  timeout: duration
    .refine((timeoutMs) => timeoutMs >= 1_000, 'expected at least 1s')
    .prefault('30s')
    .meta({ description: 'Of one request: an answer that takes longer leaves it in doubt.' }),
};

const headerNames = z
  .array(z.string().regex(/^[!-9;-~]{1,76}$/, 'expected the name of a header field, or a pattern such as x-ses-*'))
  .prefault([]);

const headerRules = (dkim: 'keep' | 'strip' | 'sign', orders: string) => ({
  dkim: z.enum(['keep', 'strip', 'sign']).prefault(dkim).meta({
    description:
      'What becomes of DKIM signatures on this way. keep: they stay. strip: they go. sign: they go, and one is made with the RSA key of the From domain, for what this provider leaves as it is. docs/providers.md says why.',
  }),
  stripHeaders: headerNames.meta({
    description: `Header fields that are taken off on this way, beside ${orders}, which always are: they would be orders to the provider. \`*\` stands for anything.`,
  }),
});

/** For those whose orders to the provider stand in fields that its user may mean. */
const keepHeaders = headerNames.meta({
  description:
    'Of the fields that would be orders to the provider, those that may stay, from every client that may use this exit, such as `[x-ses-configuration-set]`.',
});

const sendgrid = z.strictObject({
  type: z.literal('sendgrid').meta({ description: 'Through SendGrid.' }),
  ...provider,
  endpoint: z.string().optional().meta({
    description:
      'URL of its service: smtp:// (STARTTLS; clear text on loopback) or smtps:// for transport smtp, https:// for api. Default: smtp://smtp.sendgrid.net:587, or https://api.sendgrid.com.',
    value: 'URL',
  }),
  ...headerRules('keep', '`X-SMTPAPI`'),
  dkim: z.enum(['keep', 'strip', 'sign']).nullable().prefault(null).meta({
    description:
      'What becomes of DKIM signatures on this way. keep: they stay; by the api none can, and mail that has one takes the route’s next exit. strip: they go. sign: they go, and one is made with the RSA key of the From domain (transport smtp). null: keep by smtp, strip by the api.',
  }),
  transport: z.enum(['smtp', 'api']).prefault('smtp').meta({
    description:
      'smtp: carries the message unchanged. api: JSON, for messages that survive it; others take the route’s next exit (docs/providers.md).',
  }),
  webhook: sendgridWebhook,
});

const mailgun = z.strictObject({
  type: z.literal('mailgun').meta({ description: 'Through Mailgun.' }),
  ...provider,
  ...headerRules('keep', '`X-Mailgun-*`'),
  keepHeaders,
  domain: domainName.meta({ description: 'The sending domain there.' }),
  webhook: mailgunWebhook,
});

const ses = z.strictObject({
  type: z.literal('ses').meta({ description: 'Through Amazon SES.' }),
  ...provider,
  ...headerRules('sign', '`X-SES-*` and `Return-Path`'),
  keepHeaders,
  apiKeys: z
    .array(z.string().regex(/^[^\s:]+:[^\s:]+$/, 'expected ACCESS_KEY_ID:SECRET_ACCESS_KEY'))
    .min(1)
    .optional()
    .meta({
      description: 'Several keys, each ACCESS_KEY_ID:SECRET_ACCESS_KEY; used in turn; one that is refused is left out.',
      ...SECRET,
    }),
  region: z.string().meta({ description: 'AWS region.' }),
  accessKeyId: z
    .string()
    .min(1)
    .optional()
    .meta({
      description: 'Access key. Without one, and without apiKeys, those of the environment, as AWS tools find them.',
      ...SECRET,
    }),
  secretAccessKey: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'Its secret.', ...SECRET }),
  configurationSet: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected the name of a configuration set')
    .nullable()
    .prefault(null)
    .meta({ description: 'Its configuration set, by which it reports what becomes of mail; null: none.' }),
  webhook: sesWebhook,
});

export const egress = z
  .record(name, z.discriminatedUnion('type', [mx, smtp, sandbox, sendgrid, mailgun, ses]))
  .prefault({ direct: { type: 'mx' } })
  .meta({ description: 'The exits by name, each of one type.' });
