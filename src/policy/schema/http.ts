/** The one HTTP listener: `http`. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { domainName, duration, network } from './values.ts';

const sessions = z
  .strictObject({
    idle: duration.prefault('12h').meta({ description: 'A sign-in that is not used for so long ends.' }),
    longest: duration.prefault('7d').meta({ description: 'It ends so long after it began, however much it is used.' }),
  })
  .prefault({})
  .transform(({ idle, longest }) => ({ idleMs: idle, longestMs: longest }))
  .meta({ description: 'How long a sign-in at the pages is in force.' });

const ownPair = z.strictObject({
  cert: z.string().meta({ description: 'PEM chain; read again when it changes.' }),
  key: z.string().meta({ description: 'PEM private key.' }),
});

export const http = z
  .strictObject({
    listen: z
      .string()
      .refine(isHttpAddress, 'expected address:port, such as 127.0.0.1:8080')
      .prefault('127.0.0.1:8080')
      .meta({
        description:
          'Status pages, the API, health and metrics. Beyond loopback it is opened only with `tls`, or with `trustedProxies`.',
      }),
    tls: z.union([z.boolean(), ownPair]).prefault(false).meta({
      value: 'true, false, or {cert, key}',
      description:
        'true: TLS with the certificate of `tls`. A pair of its own: with that one; read again when it changes.',
    }),
    trustedProxies: z.array(network).prefault([]).meta({
      description:
        'Proxies with TLS before this listener: their X-Forwarded-For and X-Forwarded-Proto are believed, nobody else’s.',
    }),
    names: z.array(domainName).prefault([]).meta({
      description:
        'Names by which browsers reach the pages, beside `hostname`, the host of `publicUrl` and localhost; others are turned away.',
    }),
    requireSecondFactor: z
      .boolean()
      .prefault(false)
      .meta({ description: 'An admin without a second factor can do nothing but set one up.' }),
    sessions,
    publicUrl: z
      .string()
      .refine(isPublicUrl, 'expected an address such as https://mail.example.com')
      .transform((text) => text.replace(/\/+$/, ''))
      .nullable()
      .prefault(null)
      .meta({
        description:
          'How those who unsubscribe, and who have a link of an alert, reach this listener from outside, by a proxy that passes on ' +
          '`/unsubscribe/`, `/release/` (and `/hooks/`) and nothing else; null: not at all.',
      }),
    accessKeys: z.string().prefault('../certs/access-keys.keys').meta({
      description:
        'Makes the secrets of access keys (`relevo token create --aws`); written with the first of them. Every node needs the same.',
    }),
    secondFactorKeys: z.string().prefault('../certs/second-factor.keys').meta({
      description:
        'Seals the seeds of second factors in the store; written with the first of them, but where the store is a Redis: every node needs the same there.',
    }),
  })
  .prefault({})
  .meta({ description: 'The one HTTP listener.' });

/** RFC 8058 §3.1 wants https; what stands behind the path is ours to say. */
function isPublicUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || text.length > 200 || !/^[!-;=?-~]+$/.test(text)) return false;
  return url.protocol === 'https:' && url.username === '' && url.password === '' && !/[?#]/.test(text);
}

function isHttpAddress(text: string): boolean {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([0-9.]+)|localhost):(\d{1,5})$/.exec(text);
  const address = match?.[1] ?? match?.[2] ?? '127.0.0.1';
  return match !== null && isIP(address) !== 0 && Number(match[3]) <= 65_535;
}
