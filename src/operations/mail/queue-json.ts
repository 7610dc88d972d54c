/** A queued delivery for programs. Pure. */
import { type DeliveryId, type MessageId, messageIdOf } from '../../message/ids.ts';
import type { Reply } from '../../message/reply.ts';
import type { QueuedDelivery } from '../../spool/spool.ts';

/** The stable form of a queued delivery in JSON. */
export type PlainDelivery = {
  readonly id: DeliveryId;
  readonly messageId: MessageId;
  readonly domain: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly client: string;
  readonly stream: string;
  readonly priority: string;
  readonly state: string;
  readonly attempts: number;
  readonly sizeBytes: number;
  readonly createdAtMs: number;
  /** Not to be sent before; null: it was not scheduled. */
  readonly sendAtMs: number | null;
  readonly dueAtMs: number;
  readonly leasedUntilMs: number | null;
  readonly lastReply: Reply | null;
  readonly lastEgress: string | null;
};

/** What `queue list --json` and `message --json` print of a delivery. */
export function plainDelivery({ delivery, sender, sizeBytes, leasedUntilMs, sendAtMs }: QueuedDelivery): PlainDelivery {
  const { id, domain, client, stream, priority, state, attempts, createdAtMs, dueAtMs, lastReply, lastEgress } =
    delivery;
  return {
    id,
    messageId: messageIdOf(id),
    domain,
    sender,
    recipients: delivery.recipients.map(({ address }) => address),
    client,
    stream,
    priority,
    state,
    attempts,
    sizeBytes,
    createdAtMs,
    sendAtMs: sendAtMs ?? null,
    dueAtMs,
    leasedUntilMs,
    lastReply,
    lastEgress,
  };
}
