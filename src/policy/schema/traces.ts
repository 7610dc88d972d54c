/** Who is told what mail went through, step by step: `traces`. */
import { z } from 'zod';
import { SECRET, share } from './values.ts';

const EXPECTED_URL = 'expected an https URL such as https://collector.example.com/v1/traces (http is for this machine)';

const headers = z
  .record(
    z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,76}$/, 'expected the name of an HTTP header'),
    z
      .string('expected a text')
      .min(1, 'expected some text')
      .max(8_000, 'expected at most 8,000 characters')
      .regex(/^[\t -~]*$/, 'expected printable ASCII characters')
      .meta(SECRET),
  )
  .refine((given) => !Object.keys(given).some((key) => MADE.has(key.toLowerCase())), {
    error: 'expected headers that posting does not make itself (content-type, content-length, host …)',
  });

/** By whoever posts. */
const MADE: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'host',
  'transfer-encoding',
  'user-agent',
]);

export const traces = z
  .strictObject({
    url: z
      .string('expected a URL')
      .refine(isWebUrl, EXPECTED_URL)
      .meta({
        description: 'Where spans are posted (OTLP over HTTP, JSON): `http://127.0.0.1:4318/v1/traces`.',
        ...SECRET,
      }),
    headers: headers
      .prefault({})
      .meta({ description: 'Sent with each post, such as `authorization: "${TRACES_TOKEN}"`.', ...SECRET }),
    clearText: z.boolean().prefault(false).meta({
      description: 'Whether the URL may be http to another machine, over a network of your own. Not with `headers`.',
    }),
    sample: share.prefault('100%').meta({
      description: 'Of messages; the same ones on every node. One whose client sent a `traceparent` goes by that.',
    }),
    parents: z.boolean().prefault(true).meta({
      description:
        'Whether a `traceparent` of the client (a header field of the mail, or of its HTTP request) is taken as the parent.',
    }),
    passOn: z.boolean().prefault(false).meta({
      description: 'Whether `traceparent` and `tracestate` stay in the mail. Default: they are taken out.',
    }),
    addresses: z.boolean().prefault(false).meta({
      description:
        'Whether spans have addresses, and what servers said, which names them. Default: domains and reply codes.',
    }),
  })
  .refine(({ url, clearText }) => clearText || isSafe(url), { path: ['url'], error: EXPECTED_URL })
  .refine(({ url, headers: given }) => isSafe(url) || Object.keys(given).length === 0, {
    path: ['headers'],
    error: 'expected no headers: over http to another machine everybody on the way reads them',
  })
  .nullable()
  .prefault(null)
  .meta({
    description:
      'OpenTelemetry: what each message went through, told to a collector. null: nothing is. docs/traces.md has what is told.',
  });

function isWebUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return (protocol === 'https:' || protocol === 'http:') && username === '' && password === '';
}

/** Nobody else reads what goes there. */
function isSafe(text: string): boolean {
  if (!URL.canParse(text)) return true;
  const { protocol, hostname } = new URL(text);
  return protocol !== 'http:' || /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
