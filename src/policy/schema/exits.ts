/** Where mail leaves: `egress`, `pools`, `routes`. */
import { z } from 'zod';
import { cost, duration, ipAddress, LATER, name, port, positive, priority, rate, share, size } from './values.ts';

const timeouts = z
  .strictObject({
    connect: duration.prefault('30s'),
    reply: duration.prefault('5m').meta({ description: 'Greeting, EHLO, MAIL, RCPT (RFC 5321 §4.5.3.2).' }),
    data: duration.prefault('10m').meta({ description: 'The reply to the final dot.' }),
  })
  .prefault({})
  .transform(({ connect, reply, data }) => ({ connectMs: connect, replyMs: reply, dataMs: data }));

const common = {
  enabled: z.boolean().prefault(true),
  node: name
    .nullable()
    .prefault(null)
    .meta({ description: 'The relay node that has this address.', ...LATER }),
  region: z.string().nullable().prefault(null).meta(LATER),
  streams: z.array(name).nullable().prefault(null).meta({ description: 'Streams it may carry; null: all.' }),
  dailyLimit: positive.nullable().prefault(null).meta(LATER),
  hourlyLimit: positive.nullable().prefault(null).meta(LATER),
  rate: rate.nullable().prefault(null).meta(LATER),
  delay: duration.prefault('0s').meta({ description: 'Least time between two messages.', ...LATER }),
  warmup: z
    .strictObject({
      start: z
        .string()
        .regex(/^\d{4}-\d{2}-\d{2}$/, 'expected a date such as 2026-11-20')
        .optional(),
      schedule: z.array(positive).min(1).optional(),
    })
    .nullable()
    .prefault(null)
    .meta(LATER),
  cost: cost.nullable().prefault(null).meta(LATER),
  budget: cost.nullable().prefault(null).meta(LATER),
  address: ipAddress
    .nullable()
    .prefault(null)
    .meta({ description: 'The address it sends from: for the log and blocklist checks.' }),
};

const mx = z.strictObject({
  type: z.literal('mx').meta({ description: 'From an own address straight to the recipients’ servers.' }),
  ...common,
  bind: ipAddress.nullable().prefault(null).meta({ description: 'Local address; null: whatever the system picks.' }),
  port: port.prefault(25).meta({ description: 'Of the recipients’ servers; other values only for tests.' }),
  helo: z.string().nullable().prefault(null).meta({ description: 'EHLO name; null: hostname.' }),
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
  host: z.string().min(1).meta({ description: 'Host name or address.' }),
  port: port.prefault(587),
  tls: z
    .enum(['starttls', 'implicit', 'opportunistic', 'none'])
    .prefault('starttls')
    .meta({ description: 'The certificate is checked for starttls and implicit.' }),
  ca: z
    .string()
    .nullable()
    .prefault(null)
    .meta({ description: 'PEM file of further trusted authorities, for a server with a private one.' }),
  username: z.string().nullable().prefault(null),
  password: z.string().nullable().prefault(null),
  bind: ipAddress.nullable().prefault(null),
  helo: z.string().nullable().prefault(null).meta({ description: 'EHLO name; null: hostname.' }),
  connections: positive.prefault(10).meta({ description: 'At once.' }),
  timeouts,
});

const sandbox = z.strictObject({
  type: z.literal('sandbox').meta({ description: 'Keeps each message as an .eml file and sends nothing.' }),
  ...common,
  path: z.string().prefault('../data/sandbox').meta({ description: 'Folder.' }),
});

const provider = {
  ...common,
  apiKeys: z.array(z.string().min(1)).min(1).optional(),
  endpoint: z.string().optional(),
  timeout: duration.prefault('30s'),
};

const sendgrid = z
  .strictObject({
    type: z.literal('sendgrid'),
    ...provider,
    transport: z.enum(['smtp', 'api']).prefault('smtp'),
    webhook: z.strictObject({ publicKey: z.string() }).optional(),
  })
  .meta(LATER);

const mailgun = z
  .strictObject({
    type: z.literal('mailgun'),
    ...provider,
    domain: z.string(),
    webhook: z.strictObject({ signingKey: z.string() }).optional(),
  })
  .meta(LATER);

const ses = z
  .strictObject({
    type: z.literal('ses'),
    ...provider,
    region: z.string(),
    accessKeyId: z.string().optional(),
    secretAccessKey: z.string().optional(),
    webhook: z.strictObject({ topicArns: z.array(z.string()).min(1) }).optional(),
  })
  .meta(LATER);

export const egress = z
  .record(name, z.discriminatedUnion('type', [mx, smtp, sandbox, sendgrid, mailgun, ses]))
  .prefault({ direct: { type: 'mx' } });

export const pools = z
  .record(
    name,
    z.strictObject({
      members: z.array(name).min(1),
      strategy: z
        .enum(['round-robin', 'random', 'least-used', 'best-performance'])
        .prefault('round-robin')
        .meta({ description: 'Others than round-robin have no effect yet: they rotate like round-robin.' }),
    }),
  )
  .prefault({});

const globs = z
  .union([z.string(), z.array(z.string()).min(1)])
  .transform((value) => (typeof value === 'string' ? [value] : value));

/** What a route may ask of a message. All given must hold. */
export const match = z.strictObject({
  stream: globs.optional(),
  priority: z
    .union([priority, z.array(priority)])
    .transform((value) => (typeof value === 'string' ? [value] : value))
    .optional(),
  client: globs.optional(),
  senderDomain: globs.optional(),
  recipientDomain: globs.optional(),
  tld: globs.optional().meta({ description: 'Last label of the recipient’s domain: mx, .mx.' }),
  tag: globs.optional(),
  size: z
    .strictObject({ min: size.optional(), max: size.optional() })
    .transform(({ min, max }) => ({ minBytes: min, maxBytes: max }))
    .optional(),
});

export const routes = z
  .array(
    z.strictObject({
      name,
      match: match.prefault({}),
      use: z.array(name).min(1).meta({ description: 'Pools and egresses, tried left to right.' }),
    }),
  )
  .min(1)
  .optional()
  .meta({ description: 'The first that matches. Default: one route `default` over every enabled egress.' });

export const failureRate = share;
