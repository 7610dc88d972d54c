/** How hard it tries, where mail is kept, who is told: `retry` … `tests`. */
import { z } from 'zod';
import { domainName, duration, ipAddress, name, positive, priority, rate, SECRET, size } from './values.ts';

export const retry = z
  .strictObject({
    delays: z
      .array(duration)
      .min(1, 'expected at least one duration')
      .prefault(['1m', '5m', '15m', '30m', '1h', '2h', '4h'])
      .meta({ description: 'Between attempts; the last repeats.' }),
    expire: duration.prefault('3d').meta({ description: 'Then a bounce to the sender.' }),
    warnAfter: duration
      .nullable()
      .prefault('4h')
      .meta({ description: 'A delayed-mail notice to the sender; null: none.' }),
  })
  .prefault({})
  .transform(({ delays, expire, warnAfter }) => ({ delaysMs: delays, expireMs: expire, warnAfterMs: warnAfter }))
  .meta({ description: 'When a server says “later”, or nothing.' });

/** What one site gets. */
export const laneShape = z.strictObject({
  connections: positive.prefault(10).meta({ description: 'At once to one site, over all exits.' }),
  perConnection: positive.prefault(100).meta({ description: 'Messages over one connection.' }),
  rate: rate
    .refine(({ count }) => count > 0, 'expected a rate of at least 1')
    .optional()
    .meta({ description: 'Messages in a window to one site, over all exits; shared evenly by workers.' }),
  provider: name
    .optional()
    .meta({ description: 'Mailbox provider: the hosts of all entries with the same one are one site.' }),
});

export const shaping = z
  .record(z.string(), laneShape)
  .prefault({})
  .transform((lanes) => ({ ...lanes, default: lanes['default'] ?? laneShape.parse({}) }))
  .meta({
    description:
      'What a site gets: by the name of its MX host (patterns) or of its provider in `config/shaping.yaml`, which holds ' +
      'where no entry here fits; `default` for all others.',
  });

/** What takes place again and again: never without a pause. */
const spell = duration.refine((ms) => ms >= 1_000, 'expected at least 1s');

export const health = z
  .strictObject({
    every: spell.prefault('5m').meta({ description: 'Between two checks.' }),
    timeout: spell.prefault('15s').meta({ description: 'For one check as a whole: a server that hangs is down.' }),
    downAfter: positive
      .prefault(2)
      .meta({ description: 'Checks in a row that fail until nothing goes out by the exit.' }),
  })
  .prefault({})
  .meta({ description: 'Checks of every exit: connect, TLS, EHLO, AUTH; a folder that can be written.' });

export const blocklists = z
  .strictObject({
    every: spell.prefault('1h').meta({ description: 'Between two looks.' }),
    zones: z.array(domainName).prefault([]).meta({
      description:
        'DNS blocklists to ask. Default: none, since most refuse the resolvers of the public: name those that yours may ask.',
    }),
    quorum: positive.prefault(1).meta({ description: 'So many of them must list an address.' }),
  })
  .refine(({ zones }) => new Set(zones).size === zones.length, { error: 'expected each zone once', path: ['zones'] })
  .refine(({ zones, quorum }) => zones.length === 0 || quorum <= zones.length, {
    error: 'expected a quorum of at most as many as there are zones',
    path: ['quorum'],
  })
  .prefault({})
  .meta({ description: 'Whether own addresses are listed; an exit whose address is, is closed.' });

const score = z
  .number('expected a number from 0 to 100')
  .min(0, 'expected a number from 0 to 100')
  .max(100, 'expected a number from 0 to 100');

export const reputation = z
  .strictObject({
    slowBelow: score.prefault(80).meta({ description: 'A score under which an exit sends at half its pace; 0: none.' }),
    pauseBelow: score.prefault(70).meta({
      description: 'A score under which nothing goes out by it but some mail to see whether it recovered; 0: none.',
    }),
  })
  .refine(({ slowBelow, pauseBelow }) => pauseBelow <= slowBelow, {
    path: ['pauseBelow'],
    error: 'expected a number no greater than slowBelow',
  })
  .prefault({})
  .meta({
    description:
      'What happens to an exit whose mail others refuse or complain about; docs/reputation.md has the figures.',
  });

const durability = z.enum(['fsync', 'relaxed']).prefault('fsync').meta({
  description:
    'fsync: 250 only once it is on disk; a Redis that cannot promise that gets no mail. relaxed: a power cut may lose the last moments; the 250 says so.',
});

const embedded = z
  .strictObject({
    engine: z.literal('embedded').optional().meta({ description: 'One machine, a folder. The default.' }),
    path: z.string().min(1).prefault('../data/spool').meta({ description: 'Folder.' }),
    durability,
  })
  .transform((spool) => ({ ...spool, engine: 'embedded' as const }));

const addresses = z.array(z.string()).min(1, 'expected at least one address').nullable().prefault(null);
const text = z.string().min(1, 'expected some text').nullable().prefault(null);

const redis = z
  .strictObject({
    engine: z.literal('redis').meta({
      description:
        'Redis from version 7.0 on: any number of nodes. Exactly one of `url`, `sentinels` and `cluster` says where.',
    }),
    url: text.meta({
      description: 'One server: `redis://user:password@host:port/database`; `rediss://` with TLS.',
      ...SECRET,
    }),
    sentinels: addresses.meta({
      description:
        'Sentinels that know the server: `host:port` or a URL; a password in it is the sentinels’ own; `rediss://` is TLS for both.',
      ...SECRET,
    }),
    name: text.meta({ description: 'What the sentinels call the server.' }),
    username: text.meta({ description: 'Of the servers behind sentinels.' }),
    password: text.meta({ description: 'Of the servers behind sentinels.', ...SECRET }),
    database: z
      .number('expected a number')
      .int('expected a whole number')
      .min(0, 'expected a number from 0')
      .nullable()
      .prefault(null)
      .meta({ description: 'Of the servers behind sentinels; null: 0.' }),
    cluster: addresses.meta({
      description: 'Some nodes of a Redis Cluster: `host:port` or a URL; a password in one is for all nodes.',
      ...SECRET,
    }),
    ca: text.meta({ description: 'PEM file of further trusted authorities, for `rediss://` with a private one.' }),
    prefix: z
      .string()
      .regex(/^[\w:.-]{1,64}$/, 'expected 1 to 64 letters, digits, and _ - . :')
      .prefault('relevo:')
      .meta({ description: 'Of every key: relays with different ones can share a server.' }),
    replicas: z
      .number('expected a number')
      .int('expected a whole number')
      .min(0, 'expected a number from 0')
      .nullable()
      .prefault(null)
      .meta({
        description:
          'So many replicas have a message before its 250. null: 1 behind sentinels and in a cluster, where a replica takes over, unless `durability` is relaxed; otherwise 0.',
      }),
    durability,
  })
  .transform(({ replicas, ...spool }) => ({ ...spool, replicas: replicas ?? usualReplicas(spool) }));

function usualReplicas({ url, durability }: { readonly url: string | null; readonly durability: string }): number {
  return url === null && durability === 'fsync' ? 1 : 0;
}

export const spool = z
  .discriminatedUnion('engine', [embedded, redis])
  .prefault({ engine: 'embedded' })
  .meta({ description: 'Where accepted mail is kept until it is delivered.' });

export const history = duration
  .prefault('30d')
  .meta({ description: 'How long outcomes of finished messages can be looked up.' });

export const audit = z
  .strictObject({
    keep: duration
      .prefault('365d')
      .meta({ description: 'How long an entry is kept; the oldest of more than 100,000 go before.' }),
  })
  .prefault({})
  .transform(({ keep }) => ({ keepMs: keep }))
  .meta({ description: 'Who changed what, and who was not let: `relevo audit log`.' });

export const log = z
  .strictObject({
    level: z.enum(['debug', 'info', 'warn', 'error']).prefault('info').meta({ description: 'Least level of a line.' }),
    subjects: z.boolean().prefault(false).meta({ description: 'Whether subjects are logged.' }),
  })
  .prefault({})
  .meta({ description: 'JSON lines on standard output.' });

export const dns = z
  .strictObject({
    servers: z
      .array(z.string().refine(isResolver, 'expected an address, or address:port'))
      .min(1)
      .nullable()
      .prefault(null)
      .meta({ description: 'Resolvers, `192.0.2.53` or `127.0.0.1:5353`; null: the system’s.' }),
  })
  .prefault({})
  .meta({ description: 'How names are looked up.' });

function isResolver(text: string): boolean {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([0-9.]+))(?::(\d{1,5}))?$/.exec(text);
  const port = Number(match?.[3] ?? 53);
  return port >= 1 && port <= 65_535 && ipAddress.safeParse(match?.[1] ?? match?.[2] ?? text).success;
}

const sample = z.strictObject({
  client: name.optional().meta({ description: 'Who sends it.' }),
  from: z.string().optional().meta({ description: 'Envelope sender and header From.' }),
  to: z.string().meta({ description: 'Recipient.' }),
  stream: name.optional().meta({ description: 'What it says in X-Relevo-Stream.' }),
  priority: priority.optional().meta({ description: 'What it says in X-Relevo-Priority.' }),
  tag: z.string().optional().meta({ description: 'What it says in X-Relevo-Tag.' }),
  header: z
    .record(z.string().min(1), z.string())
    .optional()
    .meta({ description: 'Header fields by name, for what is decided by them: `{ Precedence: bulk }`.' }),
  size: size.optional().meta({ description: 'Of the message.' }),
});

const expectation = z.strictObject({
  route: name.optional().meta({ description: 'The route it takes.' }),
  egress: z.array(name).optional().meta({ description: 'The exits in order, pools resolved to their members.' }),
  priority: priority.optional().meta({ description: 'Its priority.' }),
  stream: name.optional().meta({ description: 'Its stream.' }),
  refused: z.boolean().optional().meta({ description: 'Whether the relay turns it away.' }),
});

export const tests = z
  .array(
    z.strictObject({
      name: z.string().min(1, 'expected a name').meta({ description: 'What must stay true.' }),
      message: sample.meta({ description: 'A message that might come.' }),
      expect: expectation.meta({ description: 'What must become of it; only what is given is checked.' }),
    }),
  )
  .prefault([])
  .meta({ description: 'Run on every load: a policy that fails one is not applied.' });
