/**
 * Mailgun's webhooks: one event a post, signed with HMAC over a time and a token, which both stand in the body. The signature
 * does not cover the event: a token is good for one event only (`tokens.ts`). Mailgun posts again for some 8 hours.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import {
  addressIn,
  detailOf,
  fieldsAt,
  fieldsOf,
  type HookPost,
  type HookReading,
  jsonOf,
  type ProviderEvent,
  type ProviderEventKind,
  refOf,
  replyOf,
  tagsOf,
  textAt,
} from './provider-event.ts';
import type { Tokens } from './tokens.ts';
import { isInWindow } from './window.ts';

/** Its posts are small; the whole has to be looked through for the signature in it. */
const BODY_MOST = 256 * 1024;
/** It is not known whether a post that is repeated is signed anew: those of its whole schedule are believed. */
export const MAILGUN_OLDEST_MS = 9 * 3_600_000;

type Fields = ReturnType<typeof fieldsOf>;

export async function readMailgun(
  { body, nowMs }: HookPost,
  { signingKey, tokens }: { readonly signingKey: string; readonly tokens: Tokens },
): Promise<HookReading> {
  if (body.length > BODY_MOST) return { kind: 'refused', reason: 'too-large' };
  const shown = signaturesIn(body);
  if (shown.length === 0) return { kind: 'refused', reason: 'unsigned' };
  const good = shown.find(({ timestamp, token, texts }) =>
    texts.some((text) => isSignature(text, { signed: timestamp + token, signingKey })),
  );
  if (good === undefined) return { kind: 'refused', reason: 'signature' };
  const { timestamp, token } = good;
  if (!isInWindow(Number(timestamp) * 1_000, nowMs, MAILGUN_OLDEST_MS)) return { kind: 'refused', reason: 'old' };
  const post = fieldsOf(jsonOf(body));
  if (post === null) return { kind: 'refused', reason: 'malformed' };
  const data = fieldsAt(post, 'event-data');
  const use = {
    token,
    signedAtMs: Number(timestamp) * 1_000,
    what: `${textAt(data, 'id')}\0${body.toString('latin1')}`,
    nowMs,
  };
  const turn = await tokens.take(use);
  if (turn.kind !== 'ours') return NOT_OURS[turn.kind];
  const event = eventOf(data);
  return {
    kind: 'events',
    events: event === null ? [] : [event],
    ignored: event === null ? 1 : 0,
    stored: turn.used,
    failed: turn.unused,
  };
}

type Shown = { readonly timestamp: string; readonly token: string; readonly texts: readonly string[] };

/** What may be the signature: flat, and so named. A text in the JSON cannot look like it, since its quotes are escaped. */
const SIGNATURE = /(?<!\\)"signature"\s{0,20}:\s{0,20}(\{[^{}]{1,2000}\})/g;
/** Arguments of the sender's own may have that name, too. */
const MOST_SHOWN = 4;

/** Nothing else of the body is parsed before one of them is found to be good. */
function signaturesIn(body: Buffer): readonly Shown[] {
  const found = body.toString('latin1').matchAll(SIGNATURE).take(MOST_SHOWN);
  return [...found].flatMap(([, text = '']): Shown[] => {
    const fields = fieldsOf(jsonOf(Buffer.from(text, 'latin1')));
    const [timestamp, token] = [textAt(fields, 'timestamp'), textAt(fields, 'token')];
    if (!/^\d{1,12}$/.test(timestamp) || token === '' || token.length > 200) return [];
    // Of an event of a subaccount, the other one is that of the account above it.
    return [{ timestamp, token, texts: [textAt(fields, 'signature'), textAt(fields, 'parent-signature')] }];
  });
}

const NOT_OURS = {
  this: { kind: 'done' },
  other: { kind: 'refused', reason: 'replay' },
  // Whether that one is believed is not known yet.
  busy: { kind: 'later', why: 'two posts with one token of Mailgun came at one time' },
} as const satisfies Record<string, HookReading>;

function isSignature(text: string, of: { readonly signed: string; readonly signingKey: string }): boolean {
  if (!/^[0-9a-f]{64}$/i.test(text)) return false;
  const expected = createHmac('sha256', of.signingKey).update(of.signed).digest();
  return timingSafeEqual(Buffer.from(text, 'hex'), expected);
}

const KINDS: Readonly<Record<string, ProviderEventKind>> = {
  accepted: 'taken',
  delivered: 'confirmed',
  failed: 'bounced-later',
  rejected: 'bounced-later',
  opened: 'opened',
  clicked: 'clicked',
  complained: 'complained',
  unsubscribed: 'unsubscribed',
};

/** null: of no use here. */
function eventOf(data: Fields): ProviderEvent | null {
  const name = textAt(data, 'event');
  const known = Object.hasOwn(KINDS, name) ? KINDS[name] : undefined;
  const recipient = textAt(data, 'recipient');
  if (known === undefined || recipient === '') return null;
  const what = name === 'failed' && textAt(data, 'severity') === 'temporary' ? 'put-off' : known;
  const status = fieldsAt(data, 'delivery-status');
  const seconds = Number(textAt(data, 'timestamp'));
  const messageId = textAt(fieldsAt(fieldsAt(data, 'message'), 'headers'), 'message-id').replace(/^<|>$/g, '');
  const host = textAt(status, 'mx-host');
  return {
    what,
    recipients: [addressIn(recipient)],
    tags: tagsOf(fieldsAt(data, 'user-variables')),
    providerIds: messageId === '' || messageId.length > 500 ? [] : [messageId, `<${messageId}>`],
    ref: refOf(textAt(data, 'id')),
    atMs: Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : null,
    reply: what === 'bounced-later' ? bounceOf(data, status) : null,
    host: host === '' ? null : detailOf(host),
    detail: detailOf(detailFor(data, { what, status })),
  };
}

function bounceOf(data: Fields, status: Fields) {
  if (textAt(data, 'event') === 'rejected') {
    const reject = fieldsAt(data, 'reject');
    const said = [textAt(reject, 'reason'), textAt(reject, 'description')].filter((text) => text !== '').join(': ');
    return replyOf({ text: `554 Mailgun rejected it: ${said}`, status: '5.7.1', isSoft: false });
  }
  const reason = textAt(data, 'reason');
  const text = textAt(status, 'message') || textAt(status, 'description') || reason;
  if (reason.startsWith('suppress-')) {
    // It was never tried: a list of theirs says so. Only a bounce of before speaks against the address itself.
    const detail = reason === 'suppress-bounce' ? '5.1.1' : '5.7.1';
    return replyOf({ text: `550 Mailgun dropped it (${reason}): ${text}`, status: detail, isSoft: false });
  }
  const isSoft = textAt(status, 'bounce-type') === 'soft' || reason === 'old';
  // Codes of its own, such as 498 and 605, are no reply codes of SMTP.
  const said = textAt(status, 'code');
  const code = /^(?:4[0-7]\d|5[0-7]\d)$/.test(said) ? { code: said } : {};
  return replyOf({ text, ...code, status: textAt(status, 'enhanced-code'), isSoft });
}

function detailFor(
  data: Fields,
  { what, status }: { readonly what: ProviderEventKind; readonly status: Fields },
): string {
  if (what === 'clicked') return textAt(data, 'url');
  if (what !== 'put-off' && what !== 'confirmed') return '';
  const code = textAt(status, 'code');
  return `${code === '' || code === '0' ? '' : `${code} `}${textAt(status, 'message') || textAt(status, 'description')}`;
}
