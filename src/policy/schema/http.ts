/** The one HTTP listener: `http`. */
import { isIP } from 'node:net';
import { z } from 'zod';

export const http = z
  .strictObject({
    listen: z
      .string()
      .refine(isHttpAddress, 'expected address:port, such as 127.0.0.1:8080')
      .prefault('127.0.0.1:8080')
      .meta({ description: 'Health, metrics and the API. Loopback unless you mean otherwise.' }),
    publicUrl: z
      .string()
      .refine(isPublicUrl, 'expected an address such as https://mail.example.com')
      .transform((text) => text.replace(/\/+$/, ''))
      .nullable()
      .prefault(null)
      .meta({
        description:
          'How those who unsubscribe reach this listener from outside, by a proxy that passes on `/unsubscribe/` (and `/hooks/`) ' +
          'and nothing else; null: not at all.',
      }),
    accessKeys: z.string().prefault('../certs/access-keys.keys').meta({
      description:
        'Makes the secrets of access keys (`relevo token create --aws`); written with the first of them. Every node needs the same.',
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
