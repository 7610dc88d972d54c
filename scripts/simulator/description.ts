/** What a file says of simulated mailbox providers. */
import { parse } from 'yaml';
import { z } from 'zod';
import { duration, network, positive, rate } from '../../src/policy/schema/values.ts';

const endpoint = z
  .string()
  .regex(/^(?:\[[0-9a-fA-F:]+\]|[\w.-]+):\d{1,5}$/, 'expected address:port, such as 127.0.1.1:2525')
  .transform(endpointOf)
  .refine(({ port }) => port <= 65_535, 'expected a port up to 65535');
const addresses = z.union([endpoint, z.array(endpoint).min(1)]).transform((given): Endpoint[] => [given].flat());
const globs = z.array(z.string().min(1)).prefault([]);

const provider = z.strictObject({
  name: z.string().regex(/^[\w.-]{1,64}$/, 'expected letters, digits, - _ and .'),
  /** `127.0.1.1:2525`, or several; port 0 is any that is free. */
  listen: addresses,
  /** Recipients of other domains are refused; empty: it takes all. */
  domains: z.array(z.string()).prefault([]),
  /** In whose manner it refuses. */
  manner: z.enum(['plain', 'google', 'microsoft', 'yahoo']).prefault('plain'),
  /** A client, sender and recipient that it has not met for so long have to come again after so long. */
  greylist: z.strictObject({ delay: duration, remember: duration.prefault('36d') }).optional(),
  /** Messages by client address; then 421 until the window has room. */
  rate: rate.optional(),
  /** Connections at once by client address. */
  connections: positive.optional(),
  /** Messages over one connection; then 421. */
  perConnection: positive.optional(),
  /** Client addresses that it does not take mail from. `from`, `until`: only so long after the start. */
  blocked: z
    .array(
      z.strictObject({
        network,
        as: z.enum(['listed', 'reputation', 'policy']).prefault('listed'),
        from: duration.prefault('0s'),
        until: duration.optional(),
      }),
    )
    .prefault([]),
  unknown: globs,
  full: globs,
  /** Before each reply. */
  tarpit: duration.prefault('0s'),
  /** Each so-manieth message is taken, and the connection cut before the reply to its final dot. */
  dropAfterDot: positive.optional(),
  /** A message to these is taken and comes back as a report, to its envelope sender, by that server. */
  bounceLater: z
    .strictObject({ to: z.array(z.string()).min(1), after: duration.prefault('1s'), via: endpoint })
    .optional(),
  /** `refuse`: nobody listens there. `blackhole`: connections stand and nothing is ever said. */
  dead: z.enum(['refuse', 'blackhole']).optional(),
});

/** `dns`: where its names are answered for. */
const file = z.strictObject({ dns: endpoint.optional(), providers: z.array(provider).min(1) });

export type Provider = z.output<typeof provider>;
export type Description = z.output<typeof file>;
export type Endpoint = { readonly host: string; readonly port: number };

/** Reads such a file; each problem is a line with the path of its key. */
export function readDescription(
  text: string,
):
  | { readonly kind: 'read'; readonly description: Description }
  | { readonly kind: 'refused'; readonly problems: readonly string[] } {
  let written: unknown;
  try {
    written = parse(text);
  } catch (error) {
    return { kind: 'refused', problems: [error instanceof Error ? error.message : String(error)] };
  }
  const result = file.safeParse(written);
  if (!result.success)
    return {
      kind: 'refused',
      problems: result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`),
    };
  const names = result.data.providers.map(({ name }) => name);
  const twice = names.filter((name, index) => names.indexOf(name) < index);
  if (twice.length > 0) return { kind: 'refused', problems: twice.map((name) => `two providers are named ${name}`) };
  return { kind: 'read', description: result.data };
}

function endpointOf(text: string): Endpoint {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replaceAll(/[[\]]/g, ''), port: Number(text.slice(colon + 1)) };
}
