/** Which deliveries a call of the queue is about, as programs say it. */
import { z } from 'zod';
import { formatMailbox, parseDomain, parseMailbox } from '../../message/address.ts';
import { parseDeliveryId, parseMessageId } from '../../message/ids.ts';
import type { QueueFilter } from '../../spool/spool.ts';

const MOST_IDS = 1_000;
const name = z.string().min(1).max(64);

const id = z
  .string()
  .max(64)
  .transform((text, context) => {
    const parsed = parseMessageId(text) ?? parseDeliveryId(text);
    if (parsed !== null) return parsed;
    context.addIssue({ code: 'custom', message: 'expected the id of a message or a delivery' });
    return z.NEVER;
  });

const domain = z
  .string()
  .max(300)
  .transform((text, context) => {
    const parsed = parseDomain(text);
    if (parsed !== null) return parsed;
    context.addIssue({ code: 'custom', message: 'expected a domain' });
    return z.NEVER;
  });

/** `<>` is the null sender. */
const address = z
  .string()
  .max(400)
  .transform((text, context) => {
    if (text === '<>') return '';
    const mailbox = parseMailbox(text.replace(/^<(.*)>$/, '$1'));
    if (mailbox !== null) return formatMailbox(mailbox);
    context.addIssue({ code: 'custom', message: 'expected an address' });
    return z.NEVER;
  });

const rest = {
  domain: domain.exactOptional(),
  client: name.exactOptional(),
  stream: name.exactOptional(),
  sender: address.exactOptional(),
  recipient: address.exactOptional(),
  egress: name.exactOptional(),
  state: z.enum(['queued', 'held', 'quarantined']).exactOptional(),
};

/** After `?`. `id`: one, or several with commas between; `scheduled`: not to be sent before a time that is still to come. */
export const filterQuery = {
  id: z
    .string()
    .max(40_000)
    .transform((text) => text.split(','))
    .pipe(z.array(id).max(MOST_IDS))
    .exactOptional(),
  ...rest,
  scheduled: z.literal('true').exactOptional(),
};

/** In a body. All that are given must hold; `all`: the whole queue, where nothing else says which. */
export const filterBody = {
  ids: z.array(id).min(1).max(MOST_IDS).exactOptional(),
  ...rest,
  scheduled: z.boolean().exactOptional(),
  all: z.boolean().exactOptional(),
};

type Asked = z.output<z.ZodObject<typeof filterQuery>> | z.output<z.ZodObject<typeof filterBody>>;

export function filterOf(asked: Asked, nowMs: number): QueueFilter {
  const { domain, client, stream, sender, recipient, egress, state, scheduled } = asked;
  const ids = 'id' in asked ? asked.id : 'ids' in asked ? asked.ids : undefined;
  return {
    ...(ids === undefined ? {} : { ids }),
    ...(domain === undefined ? {} : { domain }),
    ...(client === undefined ? {} : { client }),
    ...(stream === undefined ? {} : { stream }),
    ...(sender === undefined ? {} : { sender }),
    ...(recipient === undefined ? {} : { recipient }),
    ...(egress === undefined ? {} : { egress }),
    ...(state === undefined ? {} : { state }),
    ...(scheduled === undefined || scheduled === false ? {} : { scheduledAfterMs: nowMs }),
  };
}
