import type { DeliveryId, MessageId } from './ids.ts';
import type { Message } from './message.ts';
import type { FinalState } from './outcome.ts';
import type { Reply } from './reply.ts';

/**
 * Everything that happens to a message, once, as one record. History, log, metrics, webhooks and `audit` read these
 * and nothing else. Times are wall time in ms.
 */
export type MessageEvent =
  | ({
      readonly event: 'received';
      readonly client: string;
      readonly sender: string;
      readonly recipients: readonly string[];
      readonly sizeBytes: number;
      readonly stream: string;
      readonly priority: string;
      readonly protocol: string;
      readonly peer: string;
      readonly messageIdHeader: string;
      /** As in `Message`; logged and shown only where the policy allows (`log.subjects`). */
      readonly subject?: string | null;
      /** Those of whose failure the sender wants no report (NOTIFY, RFC 3461 §4.1); absent: there are none. */
      readonly unasked?: readonly string[];
      /** What is amiss with it, though it was taken. */
      readonly warning?: string;
      readonly tookMs: number;
    } & OfMessage)
  | ({ readonly event: 'attempted'; readonly attempt: AttemptRecord } & OfDelivery)
  | ({ readonly event: 'deferred'; readonly dueAtMs: number; readonly reason: string } & OfDelivery)
  /** The recipients' stories end here. */
  | ({ readonly event: FinalState; readonly reply: Reply | null; readonly egress: string | null } & OfDelivery)
  /** The dot went out and no reply came, or a lease was lost with an attempt perhaps under way: a copy may exist. */
  | ({ readonly event: 'in-doubt'; readonly reason: string } & OfDelivery)
  | ({
      readonly event: 'warned' | 'held' | 'released' | 'retried' | 'rescheduled';
      readonly reason: string;
    } & OfDelivery)
  | ({ readonly event: 'quarantined'; readonly reason: string } & OfDelivery)
  | CameBack;

/**
 * What came to the return path of a delivery, after a server had taken it: part of the history, and never an end of a
 * story. The recipients' stories stay ended as they were.
 */
export type CameBack =
  /** A server that had taken the mail reported that these recipients did not get it after all (RFC 3464). */
  | ({
      readonly event: 'bounced-later';
      readonly reply: Reply;
      /** Who reported it, as the report says; null: it does not say. */
      readonly host: string | null;
      /** The exit that had delivered to these recipients; null: not known. */
      readonly egress: string | null;
      readonly report: MessageId | null;
      /** Who said so: `hook:sendgrid` for a provider's event by that exit's name. Absent: a report by mail. */
      readonly source?: string;
      /** What the source calls this event: it is noted once. Absent: it has no name. */
      readonly ref?: string;
    } & OfDelivery)
  /**
   * What was said of mail that an exit had taken. `confirmed`: a provider handed it to the recipient's server. `put-off`: a
   * provider goes on trying. `complained`: the recipient called it junk. `opened`, `clicked`: as a provider reports it.
   */
  | ({
      readonly event: 'confirmed' | 'put-off' | 'complained' | 'unsubscribed' | 'opened' | 'clicked';
      /** `hook:NAME` of the exit, `report` (RFC 5965), `one-click` (RFC 8058). */
      readonly source: string;
      /** A reply, a kind of complaint, a link; at most 1,000 characters; '' where there is nothing to say. */
      readonly detail: string;
      readonly egress: string | null;
      /** As of `bounced-later`. */
      readonly ref?: string;
      /** The host that had taken the mail; absent or null: not known. */
      readonly host?: string | null;
    } & OfDelivery)
  /**
   * Anything else. `vacation`: somebody is away. `challenge`: the sender is to prove that it is a person. `surplus`: there was too
   * much of it already, so that it was neither kept nor passed on.
   */
  | ({
      readonly event: 'answered';
      readonly what: 'delayed' | 'auto-reply' | 'vacation' | 'challenge' | 'other' | 'surplus';
      /** The message that tells the sender of it; null: the sender cannot be told. */
      readonly report: MessageId | null;
    } & OfDelivery);

type OfMessage = { readonly atMs: number; readonly messageId: MessageId };
type OfDelivery = OfMessage & {
  readonly deliveryId: DeliveryId;
  readonly domain: string;
  /** The recipients that this event is about. */
  readonly recipients: readonly string[];
};

/** One conversation with one next hop. */
export type AttemptRecord = {
  /** From 1, counting those that used up a try. */
  readonly number: number;
  readonly egress: string;
  /** By which route it came to this exit; absent: it had none, or the record is from before routes were kept. */
  readonly route?: string;
  /** Exits that the route has before this one, or beside it, and what kept the message from them; absent: nothing did. */
  readonly passedOver?: string;
  /** Host name and address talked to; null: none was reached. */
  readonly host: string | null;
  readonly address: string | null;
  /** The local address that the mail left by. */
  readonly source: string | null;
  /** Protocol version of TLS, such as `TLSv1.3`; null: clear text. */
  readonly tls: string | null;
  readonly reply: Reply;
  /** The reply is in the relay's own words: no server said it. */
  readonly own?: true;
  /** What the provider calls the message that it took; several where it took several, with a space between. */
  readonly providerId?: string;
  readonly tookMs: number;
};

/** What happens to the relay itself. `cause` and `text` are for operators, never for peers. */
export type RelayEvent =
  /** At the start: leases of a process that died were freed; each may have been a copy on its way. */
  | { readonly event: 'reclaimed'; readonly atMs: number; readonly leases: number }
  | { readonly event: 'started' | 'stopping' | 'stopped'; readonly atMs: number; readonly text: string }
  | { readonly event: 'worker-restarted'; readonly atMs: number; readonly text: string }
  | {
      readonly event: 'policy-applied';
      readonly atMs: number;
      readonly version: string;
      readonly warnings: readonly string[];
    }
  | { readonly event: 'policy-refused'; readonly atMs: number; readonly problems: readonly string[] }
  | {
      readonly event: 'refused';
      readonly atMs: number;
      readonly peer: string;
      readonly client: string | null;
      readonly command: string;
      readonly reply: Reply;
      /** Of what was put off: by which it is known when it comes again (`envelopeDigest`). Absent: it was not put off. */
      readonly envelope?: string;
    }
  | {
      readonly event: 'auth-failed';
      readonly atMs: number;
      readonly peer: string;
      readonly user: string;
      readonly reason: string;
    }
  | {
      readonly event: 'alert';
      readonly atMs: number;
      readonly name: string;
      readonly text: string;
      readonly raised: boolean;
      /** Absent: as its kind has it (`alert-kind.ts`). */
      readonly severity?: 'info' | 'warning' | 'critical';
    }
  /** Posts to `/hooks/` that were not believed; `count`: so many since the last such event of that exit and reason. */
  | {
      readonly event: 'hook-refused';
      readonly atMs: number;
      readonly egress: string;
      readonly reason: string;
      readonly peer: string;
      readonly count: number;
    }
  /** What one post of a provider came to: how many of its events were noted, and how many were passed over, by why. */
  | {
      readonly event: 'hook-taken';
      readonly atMs: number;
      readonly egress: string;
      readonly noted: number;
      readonly passedOver: Readonly<Record<string, number>>;
    }
  /** What came to an address for complaints and is about no mail of this relay, as far as it can be known. */
  | {
      readonly event: 'complaint-dropped';
      readonly atMs: number;
      readonly address: string;
      readonly reason: string;
    }
  /** What an operator might do, and that it is not called for any more (`raised` false). `kind`: one of few. */
  | {
      readonly event: 'recommended';
      readonly atMs: number;
      readonly kind: string;
      readonly text: string;
      readonly figures: Readonly<Record<string, number | string | readonly string[]>>;
      readonly raised: boolean;
    }
  | { readonly event: 'failed'; readonly atMs: number; readonly where: string; readonly cause: string };

/** Of the message that an event is about, for those who count by it; told with the event, and not kept with it. */
export type MailFacts = Pick<Message, 'client' | 'stream' | 'tag' | 'sizeBytes' | 'traceparent'>;

/** `worker`: in which one of several it happened, from 1. `mail` absent: who told of it had not read the message. */
export type Event = (MessageEvent | RelayEvent) & { readonly worker?: number; readonly mail?: MailFacts };

/** The event, with what is known of its message. */
export function ofMail(event: MessageEvent, { client, stream, tag, sizeBytes, traceparent }: MailFacts): Event {
  const mail = { client, stream, tag, sizeBytes };
  return { ...event, mail: traceparent === undefined ? mail : { ...mail, traceparent } };
}
