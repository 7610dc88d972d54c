/** When a client's mail is so unlike what it was that its bulk mail is held: `guard`, and `guard` of a client. */
import { z } from 'zod';
import { duration, positive, share } from './values.ts';

const times = z
  .number('expected a number such as 5')
  .min(1, 'expected a number from 1')
  .max(1_000, 'expected a number up to 1000');

const KEYS = {
  enabled: z.boolean().meta({ description: 'Whether it is watched.' }),
  volume: times.meta({
    description: 'So many times the recipients of that hour of the week, and twice the busiest hour of weeks.',
  }),
  newRecipients: share.meta({
    description: 'Of an hour’s recipients: such as it never wrote to. And three times its usual share.',
  }),
  bounces: share.meta({ description: 'Of an hour’s recipients: those who bounced. And three times its usual share.' }),
  least: positive.meta({ description: 'An hour with fewer recipients is never unlike anything.' }),
  learn: duration.meta({ description: 'Before it knows a client for so long it judges nothing.' }),
};

export const guard = z
  .strictObject({
    enabled: KEYS.enabled.prefault(true),
    volume: KEYS.volume.prefault(5),
    newRecipients: KEYS.newRecipients.prefault('60%'),
    bounces: KEYS.bounces.prefault('15%'),
    least: KEYS.least.prefault(500),
    learn: KEYS.learn.prefault('14d'),
  })
  .prefault({})
  .meta({
    description:
      'A client that does what it never did has its bulk mail held, and is an alert (client-anomaly) with a link that lets it go; other ' +
      'mail of it is never held. docs/clients.md.',
  });

export const clientGuard = z
  .strictObject({
    enabled: KEYS.enabled.optional(),
    volume: KEYS.volume.optional(),
    newRecipients: KEYS.newRecipients.optional(),
    bounces: KEYS.bounces.optional(),
    least: KEYS.least.optional(),
    learn: KEYS.learn.optional(),
  })
  .optional()
  .meta({ description: 'What is other than `guard` for this client.' });
