import type { DeliveryId } from './ids.ts';
import type { Message, Recipient } from './message.ts';
import type { Reply } from './reply.ts';

/**
 * What a sender may be told. `relayed`: handed to a next hop that promised no report of its own (RFC 3461 §5.2.2);
 * `expired`: given up for its age. `returned`: a server had taken it, and reported later that it came no further.
 */
export type NoticeKind = 'failed' | 'expired' | 'delayed' | 'relayed' | 'returned';

/** News of some recipients of one delivery that asked to hear it, before it is written as a report (RFC 3464). */
export type Notice = {
  readonly kind: NoticeKind;
  readonly message: Message;
  readonly deliveryId: DeliveryId;
  readonly recipients: readonly NoticeRecipient[];
  readonly atMs: number;
  /** Until when the relay goes on trying; null unless `delayed`. */
  readonly retryUntilMs: number | null;
  /** The whole message (of a `returned` one: what came back), where it is in memory; null: to be read from the spool. */
  readonly content: Buffer | null;
};

export type NoticeRecipient = {
  readonly recipient: Recipient;
  /** What the last attempt was told; null: there was none. */
  readonly reply: Reply | null;
  /** The host that said it; null: none was reached, or the reply is the relay's own. */
  readonly host: string | null;
};

/** Stores what the sender is to hear; resolves once it is durable, or once it is clear that nobody is to be told. */
export type Report = (notice: Notice) => Promise<void>;
