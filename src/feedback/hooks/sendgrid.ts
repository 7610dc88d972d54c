/**
 * SendGrid's event webhook: a list of events a post, signed with ECDSA over the time and the body as it was sent. It posts again
 * for 24 hours where it is not answered 2xx.
 */
import { createHash, verify } from 'node:crypto';
import { parseWebhookKey } from '../../policy/webhook-key.ts';
import {
  addressIn,
  detailOf,
  fieldsOf,
  type HookPost,
  type HookReading,
  type HookRefusal,
  jsonOf,
  type ProviderEvent,
  type ProviderEventKind,
  refOf,
  replyOf,
  tagsOf,
  textAt,
} from './provider-event.ts';
import { isInWindow } from './window.ts';

const SIGNATURE = 'x-twilio-email-event-webhook-signature';
const TIMESTAMP = 'x-twilio-email-event-webhook-timestamp';

/** @param publicKey as the policy has it */
export function readSendgrid(post: HookPost, { publicKey }: { readonly publicKey: string }): HookReading {
  const refusal = checkSendgrid(post, publicKey);
  if (refusal !== null) return { kind: 'refused', reason: refusal };
  const value = jsonOf(post.body);
  if (!Array.isArray(value)) return { kind: 'refused', reason: 'malformed' };
  const events = value.flatMap((one: unknown) => eventOf(fieldsOf(one)) ?? []);
  return { kind: 'events', events, ignored: value.length - events.length };
}

/** Over the bytes that came, before anything is made of them. */
function checkSendgrid({ headers, body, nowMs }: HookPost, publicKey: string): HookRefusal | null {
  const signature = headers[SIGNATURE];
  const timestamp = headers[TIMESTAMP];
  if (typeof signature !== 'string' || typeof timestamp !== 'string' || !/^\d{1,12}$/.test(timestamp))
    return 'unsigned';
  if (!/^[A-Za-z0-9+/]{16,200}={0,2}$/.test(signature)) return 'unsigned';
  const key = parseWebhookKey(publicKey);
  const signed = Buffer.concat([Buffer.from(timestamp), body]);
  if (key === null || !verify('sha256', signed, key, Buffer.from(signature, 'base64'))) return 'signature';
  return isInWindow(Number(timestamp) * 1_000, nowMs) ? null : 'old';
}

const KINDS: Readonly<Record<string, ProviderEventKind>> = {
  processed: 'taken',
  delivered: 'confirmed',
  deferred: 'put-off',
  bounce: 'bounced-later',
  blocked: 'bounced-later',
  dropped: 'bounced-later',
  open: 'opened',
  click: 'clicked',
  spamreport: 'complained',
  unsubscribe: 'unsubscribed',
  group_unsubscribe: 'unsubscribed',
};

/** null: of no use here. */
function eventOf(fields: ReturnType<typeof fieldsOf>): ProviderEvent | null {
  const name = textAt(fields, 'event');
  const what = Object.hasOwn(KINDS, name) ? KINDS[name] : undefined;
  const email = textAt(fields, 'email');
  if (what === undefined || email === '') return null;
  const seconds = Number(textAt(fields, 'timestamp'));
  const id = textAt(fields, 'sg_event_id');
  return {
    what,
    recipients: [addressIn(email)],
    tags: tagsOf(fields),
    providerIds: idsOf(textAt(fields, 'sg_message_id'), textAt(fields, 'smtp-id')),
    ref: refOf(id === '' ? createHash('sha256').update(JSON.stringify(fields)).digest('base64url') : id),
    atMs: Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : null,
    reply: what === 'bounced-later' ? bounceOf(fields, name) : null,
    host: null,
    detail: detailOf(detailFor(fields, what)),
  };
}

/** `x-message-id` is what stands before `.filter…` or `.recvd…`. */
function idsOf(messageId: string, smtpId: string): string[] {
  const bare = smtpId.replace(/^<|>$/g, '');
  const all = [messageId.replace(/\.(?:filter|recvd).*$/s, ''), messageId.split('.')[0] ?? '', messageId, bare, smtpId];
  return [...new Set(all.filter((id) => id !== '' && id.length <= 500))];
}

function bounceOf(fields: ReturnType<typeof fieldsOf>, name: string) {
  const reason = textAt(fields, 'reason');
  const status = textAt(fields, 'status');
  if (name === 'dropped') {
    // It was never tried: a list of theirs says so. Only a bounce of before speaks against the address itself.
    const isDead = /^(?:bounced|invalid)/i.test(reason);
    return replyOf({ text: `550 SendGrid dropped it: ${reason}`, status: isDead ? '5.1.1' : '5.7.1', isSoft: false });
  }
  // A block is of the sender, for now; its own words may say more.
  const isSoft = textAt(fields, 'type') === 'blocked' || name === 'blocked';
  return replyOf({ text: reason, status, isSoft });
}

function detailFor(fields: ReturnType<typeof fieldsOf>, what: ProviderEventKind): string {
  if (what === 'clicked') return textAt(fields, 'url');
  if (what === 'put-off' || what === 'confirmed') return textAt(fields, 'response') || textAt(fields, 'reason');
  return '';
}
