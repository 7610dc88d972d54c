/** One post to a program outside: what it says of events, and how that is signed. Pure. */
import { createHash, createHmac } from 'node:crypto';
import { type BounceKind, kindOfBounce } from '../../message/bounce-kind.ts';
import type { MessageEvent } from '../../message/event.ts';
import type { Message } from '../../message/message.ts';
import type { Reply } from '../../message/reply.ts';
import { type ToldEvent, toldAs } from '../../message/told-event.ts';

/** An event as programs outside see it. */
export type PostedEvent = {
  /** The same whenever it is told: whoever sees it twice takes it once. */
  readonly id: string;
  readonly event: ToldEvent;
  /** RFC 3339, UTC. */
  readonly at: string;
  readonly message: {
    readonly id: string;
    /** As in its header, with angle brackets. */
    readonly messageId: string;
    readonly client: string;
    readonly stream: string;
    readonly tag: string | null;
    readonly sender: string;
  };
  readonly recipients: readonly string[];
  /** Absent: it is about the whole message. */
  readonly delivery?: string;
  readonly domain?: string;
  readonly egress?: string | null;
  readonly reply?: { readonly code: number; readonly status: string | null; readonly text: string } | null;
  /** What else there is to say: why it waits, what was clicked. */
  readonly detail?: string;
  /** Of a bounce: what it means for the address; null: nobody said, the relay or an operator ended it. */
  readonly kind?: BounceKind | null;
  /** Who said so: `attempt`, `relay`, `report` (by mail), `one-click`, or `hook:NAME` of the exit. */
  readonly source?: string;
  /** It had been delivered before. */
  readonly later?: true;
  /** Wall time of the next try. */
  readonly dueAt?: string;
};

/** null: nobody outside is told of such. */
export function postedEvent(event: MessageEvent, message: Message): PostedEvent | null {
  const name = toldAs(event);
  if (name === null) return null;
  return {
    id: createHash('sha256').update(JSON.stringify(event)).digest('hex').slice(0, 32),
    event: name,
    at: new Date(event.atMs).toISOString(),
    message: {
      id: message.id,
      messageId: message.messageIdHeader,
      client: message.client,
      stream: message.stream,
      tag: message.tag,
      sender: message.envelope.sender,
    },
    recipients: event.recipients,
    ...('deliveryId' in event ? { delivery: event.deliveryId, domain: event.domain } : {}),
    ...('egress' in event ? { egress: event.egress } : {}),
    ...('reply' in event ? { reply: event.reply === null ? null : replyOf(event.reply) } : {}),
    ...detailOf(event),
    ...bounceOf(event),
    ...(event.event === 'bounced-later' ? { later: true as const } : {}),
    ...(event.event === 'deferred' ? { dueAt: new Date(event.dueAtMs).toISOString() } : {}),
  };
}

function replyOf({ code, detail, text }: Reply): NonNullable<PostedEvent['reply']> {
  return { code, status: detail === null ? null : `${Math.floor(code / 100)}.${detail}`, text };
}

function bounceOf(event: MessageEvent): Pick<PostedEvent, 'kind' | 'source'> {
  if (isBounce(event)) return { kind: kindOfBounce(event), source: sourceOf(event) };
  return 'source' in event && event.source !== undefined ? { source: event.source } : {};
}

type Bounce = MessageEvent & { readonly event: 'bounced' | 'bounced-later' };

function isBounce(event: MessageEvent): event is Bounce {
  return event.event === 'bounced' || event.event === 'bounced-later';
}

function sourceOf(event: Bounce): string {
  if (event.event === 'bounced-later') return event.source ?? 'report';
  return event.egress === null ? 'relay' : 'attempt';
}

function detailOf(event: MessageEvent): { readonly detail?: string } {
  if ('detail' in event && event.detail !== '') return { detail: event.detail };
  return 'reason' in event && event.reason !== '' ? { detail: event.reason } : {};
}

export type Post = { readonly headers: Readonly<Record<string, string>>; readonly body: string };

/** The body as JSON, signed. */
export function signedPost(
  events: readonly PostedEvent[],
  { secret, nowMs }: { readonly secret: string; readonly nowMs: number },
): Post {
  const body = JSON.stringify({ events });
  const signature = signatureField(body, { secret, nowMs });
  return { headers: { 'content-type': 'application/json', 'user-agent': 'relevo', ...signature }, body };
}

/**
 * `Relevo-Signature: t=…,v1=…`: seconds since 1970, and HMAC-SHA256 in hex, with the secret, of that number, a full stop and the
 * body.
 */
export function signatureField(
  body: string,
  { secret, nowMs }: { readonly secret: string; readonly nowMs: number },
): Readonly<Record<string, string>> {
  const seconds = Math.floor(nowMs / 1_000);
  const signature = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
  return { 'relevo-signature': `t=${seconds},v1=${signature}` };
}
