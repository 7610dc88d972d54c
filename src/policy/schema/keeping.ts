/** How hard it tries, where mail is kept, who is told: `retry` … `tests`. */
import { z } from 'zod';
import { duration, ipAddress, LATER, name, positive, priority, rate, share } from './values.ts';

export const retry = z
  .strictObject({
    delays: z
      .array(duration)
      .min(1)
      .prefault(['1m', '5m', '15m', '30m', '1h', '2h', '4h'])
      .meta({ description: 'Between attempts; the last repeats.' }),
    expire: duration.prefault('3d').meta({ description: 'Then a bounce to the sender.' }),
    warnAfter: duration
      .nullable()
      .prefault('4h')
      .meta({ description: 'A delayed-mail notice to the sender; null: none.' }),
  })
  .prefault({})
  .transform(({ delays, expire, warnAfter }) => ({ delaysMs: delays, expireMs: expire, warnAfterMs: warnAfter }));

const lane = z.strictObject({
  connections: positive.prefault(10).meta({ description: 'At once to one site.' }),
  perConnection: positive.prefault(100).meta({ description: 'Messages over one connection.' }),
  rate: rate.optional().meta(LATER),
});

export const shaping = z
  .record(z.string(), lane)
  .prefault({})
  .transform((lanes) => ({ ...lanes, default: lanes['default'] ?? { connections: 10, perConnection: 100 } }))
  .meta({ description: 'By the name of the MX host (globs).' });

export const health = z
  .strictObject({ every: duration.prefault('5m') })
  .prefault({})
  .meta(LATER);
export const blocklists = z
  .strictObject({ every: duration.prefault('1h'), zones: z.array(z.string()).prefault([]) })
  .prefault({})
  .meta(LATER);
export const reputation = z
  .strictObject({
    slowBelow: z.number().min(0).max(100).prefault(80),
    pauseBelow: z.number().min(0).max(100).prefault(70),
  })
  .prefault({})
  .meta(LATER);

const durability = z
  .enum(['fsync', 'relaxed'])
  .prefault('fsync')
  .meta({
    description: 'fsync: 250 only once it is on disk. relaxed: a power cut may lose the last moments; the 250 says so.',
  });

export const spool = z
  .discriminatedUnion('engine', [
    z.strictObject({
      engine: z.literal('embedded'),
      path: z.string().prefault('../data/spool').meta({ description: 'Folder.' }),
      durability,
    }),
    z
      .strictObject({
        engine: z.literal('redis'),
        url: z.string().optional(),
        sentinels: z.array(z.string()).optional(),
        name: z.string().optional(),
        cluster: z.array(z.string()).optional(),
        prefix: z.string().prefault('relevo:'),
        durability,
      })
      .meta(LATER),
  ])
  .prefault({ engine: 'embedded' });

export const history = duration
  .prefault('30d')
  .meta({ description: 'How long outcomes of finished messages can be looked up.' });

export const alerts = z
  .strictObject({
    failureRate: share.prefault('10%').meta(LATER),
    queueAge: duration.prefault('30m').meta(LATER),
    to: z.array(z.string()).prefault([]).meta(LATER),
  })
  .prefault({});

export const webhooks = z
  .array(z.strictObject({ url: z.url(), secret: z.string().min(1), events: z.array(z.string()).min(1) }))
  .prefault([])
  .meta(LATER);

export const http = z
  .strictObject({
    listen: z
      .string()
      .regex(/^(?:\[[0-9a-fA-F:]+\]|[0-9.]+|localhost):\d{1,5}$/, 'expected address:port')
      .prefault('127.0.0.1:8080')
      .meta({ description: 'Health and metrics. Loopback unless you mean otherwise.' }),
  })
  .prefault({});

export const log = z
  .strictObject({
    level: z.enum(['debug', 'info', 'warn', 'error']).prefault('info'),
    subjects: z.boolean().prefault(false).meta({ description: 'Whether subjects are logged.' }),
  })
  .prefault({});

export const dns = z
  .strictObject({
    servers: z
      .array(z.string().refine(isResolver, 'expected an address, or address:port'))
      .min(1)
      .nullable()
      .prefault(null)
      .meta({ description: 'Resolvers, `192.0.2.53` or `127.0.0.1:5353`; null: the system’s.' }),
  })
  .prefault({});

function isResolver(text: string): boolean {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([0-9.]+))(?::\d{1,5})?$/.exec(text);
  return ipAddress.safeParse(match?.[1] ?? match?.[2] ?? text).success;
}

export const tests = z
  .array(
    z.strictObject({
      name: z.string().min(1),
      message: z.strictObject({
        client: name.optional(),
        from: z.string().optional(),
        to: z.string(),
        stream: name.optional(),
        priority: priority.optional(),
        tag: z.string().optional(),
        size: z.string().optional(),
      }),
      expect: z.strictObject({
        route: name.optional(),
        egress: z.array(name).optional().meta({ description: 'The exits in order, pools resolved to their members.' }),
        priority: priority.optional(),
        stream: name.optional(),
        refused: z.boolean().optional(),
      }),
    }),
  )
  .prefault([]);
