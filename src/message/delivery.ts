import type { DeliveryId, MessageId } from './ids.ts';
import type { Priority, Recipient } from './message.ts';
import type { Reply } from './reply.ts';

/** What stands in the way of a delivery being tried when it is due. */
export type DeliveryState = 'queued' | 'held' | 'quarantined';

/** As `doubtBy`: whichever exit had it, or more than one. No exit has this name. */
export const ANY_EXIT = '*';

/**
 * One message to the recipients of one destination domain. Only recipients whose story has not ended are in it;
 * a delivery with none left is gone from the queue.
 */
export type Delivery = {
  readonly id: DeliveryId;
  readonly messageId: MessageId;
  /** Destination domain: lower-case A-label, or an address literal `[192.0.2.1]`, `[IPv6:2001:db8::1]`. */
  readonly domain: string;
  readonly recipients: readonly Recipient[];
  readonly client: string;
  readonly stream: string;
  readonly priority: Priority;
  readonly state: DeliveryState;
  /** Attempts that used up a try. Local throttling does not. */
  readonly attempts: number;
  readonly createdAtMs: number;
  /** Not tried before this wall time. */
  readonly dueAtMs: number;
  /** When the sender was told of the delay (RFC 3461 §6.5); null: not yet. */
  readonly warnedAtMs: number | null;
  /** Why the last attempt did not end it; null: never tried. */
  readonly lastReply: Reply | null;
  /** Exit of the last attempt: a greylisted delivery keeps it. */
  readonly lastEgress: string | null;
  /** Exits whose address the site refused for good, and that are not asked again while another may be had. Absent: none. */
  readonly refusedBy?: readonly string[];
  /** The exit whose last attempt is in doubt, or `ANY_EXIT`: it is asked, where it can be, before the next. Absent: none is. */
  readonly doubtBy?: string;
};
