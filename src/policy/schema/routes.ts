/** Which exits which mail may use: `pools`, `routes`. */
import { z } from 'zod';
import { STRATEGIES } from '../pools.ts';
import { domainGlobs, globs, headerGlobs, name, oneOrMore, positive, priority, size, tldGlobs } from './values.ts';

const EXPECTED_MEMBER = 'expected the name of an egress or a pool, or { egress, weight }';

const member = z.union(
  [
    name,
    z.strictObject({
      egress: name.meta({ description: 'Name of an egress, or of a pool.' }),
      weight: positive
        .max(100, 'expected a number from 1 to 100')
        .prefault(1)
        .meta({ description: 'How much of the work it gets beside the others.' }),
    }),
  ],
  { error: EXPECTED_MEMBER },
);

export const pools = z
  .record(
    name,
    z.strictObject({
      members: z.array(member).min(1, 'expected at least one egress').meta({
        description:
          'Names of egresses, or of pools, which stand for their egresses; `{ egress: ip-1, weight: 3 }` gets three times as much as one without a weight.',
        value: 'list of names',
      }),
      strategy: z.enum(STRATEGIES).prefault('round-robin').meta({
        description:
          'Who of those that may send gets the next message. round-robin: each in turn. random: at random. least-used: who has used the smallest share of its limits today. best-performance: who has the best reputation, then the best success rate. docs/routing.md has the details.',
      }),
    }),
  )
  .prefault({})
  .meta({ description: 'Egresses that share the work, by name.' });

/** What a route may ask of a message. All given must hold. */
const match = z.strictObject({
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
  header: headerGlobs.optional().meta({
    description:
      'By the name of a header field, what its value is like: `{ Precedence: [bulk, list] }`. Of the first field of that name; a message that came before a route asked for the field does not match.',
  }),
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
