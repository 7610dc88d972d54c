/** What exits through providers report, and by what their reports are known: `egress.*.webhook`. */
import { z } from 'zod';
import { SECRET } from './values.ts';

const DESCRIPTION =
  'What it reports of the mail that it took, posted to /hooks/ and this egress’s name; absent: it is not listened to.';

export const sendgridWebhook = z
  .strictObject({
    publicKey: z.string().meta({
      description: 'The verification key of its signed event webhook, as its dashboard shows it.',
      ...SECRET,
    }),
  })
  .optional()
  .meta({ description: DESCRIPTION });

export const mailgunWebhook = z
  .strictObject({
    signingKey: z.string().meta({ description: 'The HTTP webhook signing key of the account.', ...SECRET }),
  })
  .optional()
  .meta({ description: DESCRIPTION });

export const sesWebhook = z
  .strictObject({
    topicArns: z.array(z.string()).min(1).meta({
      description: 'SNS topics that its events may come by; a subscription of theirs is confirmed.',
    }),
  })
  .optional()
  .meta({ description: DESCRIPTION });
