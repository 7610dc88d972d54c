/** Addresses that are not written to any more: `suppression`. */
import { z } from 'zod';
import { duration, positive } from './values.ts';

const SCOPES = ['global', 'client', 'stream', 'off'] as const;
type Scope = (typeof SCOPES)[number];

const SCOPE_MEANS =
  'For whom it holds. global: all mail. client: mail of the client whose mail it was. stream: that of this client and its ' +
  'stream. off: it suppresses nothing.';

function kept(scope: Scope, keep: string | null) {
  return {
    scope: z.enum(SCOPES).prefault(scope).meta({ description: SCOPE_MEANS }),
    keep: duration.nullable().prefault(keep).meta({ description: 'For how long; null: until somebody takes it back.' }),
  };
}

function learnt(scope: Scope, keep: string | null, description: string) {
  return z
    .strictObject(kept(scope, keep))
    .prefault({})
    .transform(({ scope: holdsFor, keep: keepMs }) => ({ scope: holdsFor, keepMs }))
    .meta({ description });
}

export const suppression = z
  .strictObject({
    onSubmit: z
      .enum(['accept', 'reject'])
      .prefault('accept')
      .meta({
        description:
          'What becomes of a suppressed recipient when mail for it comes. accept: the message is taken, the recipient ends as ' +
          'suppressed and the sender is told as of a bounce; the others go out. reject: 550 5.7.1 to RCPT, or to the message ' +
          'where that holds for its stream only and all of its recipients.',
      }),
    hardBounces: learnt('global', '365d', 'An address or domain that a server said does not exist, or is not in use.'),
    softBounces: z
      .strictObject({
        count: positive
          .max(50, 'expected a number up to 50')
          .prefault(5)
          .meta({ description: 'So many messages to it came to nothing, with none delivered in between.' }),
        within: duration.prefault('30d').meta({ description: 'The time in which they are counted.' }),
        ...kept('global', '30d'),
      })
      .prefault({})
      .transform(({ count, within, scope, keep }) => ({ count, withinMs: within, scope, keepMs: keep }))
      .meta({ description: 'A mailbox that is full, or refuses for now until the message is given up.' }),
    complaints: learnt('client', null, 'Somebody called a message junk.'),
    unsubscribes: learnt('stream', null, 'Somebody unsubscribed.'),
  })
  .prefault({})
  .meta({ description: 'Addresses that are not written to any more; docs/suppression.md.' });
