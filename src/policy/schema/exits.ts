/** Where mail leaves: `egress`, `pools`, `routes`. */
import { z } from 'zod';
import {
  cost,
  domainGlobs,
  duration,
  globs,
  ipAddress,
  LATER,
  name,
  oneOrMore,
  port,
  positive,
  priority,
  rate,
  SECRET,
  size,
  tldGlobs,
} from './values.ts';

const timeouts = z
  .strictObject({
    connect: duration.prefault('30s').meta({ description: 'Until the TCP connection to one address stands.' }),
    reply: duration.prefault('5m').meta({ description: 'Greeting, EHLO, MAIL, RCPT (RFC 5321 §4.5.3.2).' }),
    data: duration.prefault('10m').meta({ description: 'The reply to the final dot.' }),
  })
  .prefault({})
  .transform(({ connect, reply, data }) => ({ connectMs: connect, replyMs: reply, dataMs: data }))
  .meta({ description: 'How long to wait for the other server.' });

const warmup = z.strictObject({
  start: z
    .string('expected a date such as 2026-11-20')
    .regex(/^\d{4}-\d{2}-\d{2}$/, 'expected a date such as 2026-11-20')
    .optional()
    .meta({ description: 'First day.' }),
  schedule: z
    .array(positive)
    .min(1)
    .optional()
    .meta({ description: 'Messages on each day of sending. Default: the standard schedule.' }),
});

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
      'Messages a day (UTC), by all processes and nodes together; then the route’s next exit, or the next day. A message to several domains counts once for each.',
  }),
  hourlyLimit: positive
    .nullable()
    .prefault(null)
    .meta({ description: 'Messages an hour.', ...LATER }),
  rate: rate
    .refine(({ count }) => count > 0, 'expected a rate above 0')
    .nullable()
    .prefault(null)
    .meta({
      description:
        'Messages in a window, evenly spread and never more in any window of that length: 1000/h is one every 3.6 s. By all processes and nodes together.',
    }),
  delay: duration.prefault('0s').meta({ description: 'Least time between two messages.', ...LATER }),
  warmup: warmup
    .nullable()
    .prefault(null)
    .meta({ description: 'A growing daily limit for a new address.', ...LATER }),
  cost: cost
    .nullable()
    .prefault(null)
    .meta({ description: 'What it costs: a month, or so many messages.', ...LATER }),
  budget: cost
    .nullable()
    .prefault(null)
    .meta({ description: 'What it may cost.', ...LATER }),
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
    .array(z.string().min(1))
    .min(1)
    .optional()
    .meta({ description: 'Used in turn; one that is refused is left out.', ...SECRET }),
  endpoint: z.string().optional().meta({ description: 'Where its service is. Default: the provider’s own.' }),
  timeout: duration.prefault('30s').meta({ description: 'Of one request.' }),
};

const sendgrid = z
  .strictObject({
    type: z.literal('sendgrid').meta({ description: 'Through SendGrid.' }),
    ...provider,
    transport: z
      .enum(['smtp', 'api'])
      .prefault('smtp')
      .meta({ description: 'smtp: carries the message unchanged. api: JSON, for messages that survive it.' }),
    webhook: z
      .strictObject({ publicKey: z.string().meta({ description: 'Checks its signature.', ...SECRET }) })
      .optional()
      .meta({ description: 'What it reports, at /hooks/ and this egress’s name.' }),
  })
  .meta(LATER);

const mailgun = z
  .strictObject({
    type: z.literal('mailgun').meta({ description: 'Through Mailgun.' }),
    ...provider,
    domain: z.string().meta({ description: 'The sending domain there.' }),
    webhook: z
      .strictObject({ signingKey: z.string().meta({ description: 'Checks its signature.', ...SECRET }) })
      .optional()
      .meta({ description: 'What it reports, at /hooks/ and this egress’s name.' }),
  })
  .meta(LATER);

const ses = z
  .strictObject({
    type: z.literal('ses').meta({ description: 'Through Amazon SES.' }),
    ...provider,
    region: z.string().meta({ description: 'AWS region.' }),
    accessKeyId: z
      .string()
      .optional()
      .meta({ description: 'Access key.', ...SECRET }),
    secretAccessKey: z
      .string()
      .optional()
      .meta({ description: 'Its secret.', ...SECRET }),
    webhook: z
      .strictObject({ topicArns: z.array(z.string()).min(1).meta({ description: 'SNS topics it may come from.' }) })
      .optional()
      .meta({ description: 'What it reports, at /hooks/ and this egress’s name.' }),
  })
  .meta(LATER);

export const egress = z
  .record(name, z.discriminatedUnion('type', [mx, smtp, sandbox, sendgrid, mailgun, ses]))
  .prefault({ direct: { type: 'mx' } })
  .meta({ description: 'The exits by name, each of one type.' });

export const pools = z
  .record(
    name,
    z.strictObject({
      members: z.array(name).min(1, 'expected at least one egress').meta({ description: 'Names of egresses.' }),
      strategy: z
        .enum(['round-robin', 'random', 'least-used', 'best-performance'])
        .prefault('round-robin')
        .meta({ description: 'Others than round-robin have no effect yet: they rotate like round-robin.' }),
    }),
  )
  .prefault({})
  .meta({ description: 'Egresses that share the work, by name.' });

/** What a route may ask of a message. All given must hold. */
export const match = z.strictObject({
  stream: globs.optional().meta({ description: 'Streams.' }),
  priority: oneOrMore(priority, 'high, normal or low, or a list of them')
    .optional()
    .meta({ description: 'Priorities.' }),
  client: globs.optional().meta({ description: 'Clients.' }),
  senderDomain: domainGlobs.optional().meta({ description: 'Domain of the envelope sender.' }),
  recipientDomain: domainGlobs
    .optional()
    .meta({ description: 'Domain of the recipient; `*.example.com` is every domain under it.' }),
  tld: tldGlobs.optional().meta({ description: 'Last label of the recipient’s domain: mx, .mx.' }),
  tag: globs.optional().meta({ description: 'What the message says in X-Relevo-Tag.' }),
  size: z
    .strictObject({
      min: size.optional().meta({ description: 'At least.' }),
      max: size.optional().meta({ description: 'At most.' }),
    })
    .transform(({ min, max }) => ({ minBytes: min, maxBytes: max }))
    .optional()
    .meta({ description: 'Size of the message.' }),
});

export const routes = z
  .array(
    z.strictObject({
      name: name.meta({ description: 'For tests, the log and `relevo explain`.' }),
      match: match.prefault({}).meta({ description: 'Which mail; all conditions must hold. Default: every message.' }),
      use: z
        .array(name)
        .min(1, 'expected at least one pool or egress')
        .meta({ description: 'Pools and egresses, tried left to right.' }),
    }),
  )
  .min(1, 'expected at least one route')
  .optional()
  .meta({ description: 'The first that matches. Default: one route `default` over every enabled egress.' });
