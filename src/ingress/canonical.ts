/**
 * The canonical form: what the relay makes of a submitted message before it is signed (RFC 6409 §8).
 *
 * Removed: Bcc, Resent-Bcc, Return-Path, X-Relevo-*, with traces on traceparent and tracestate; an mbox `From ` line on top. Added where missing or empty:
 * Date, Message-ID, From (the envelope sender; none for the null sender). On top: Received. A message without any header
 * field is all body. Nothing else changes, and the body is the client's byte for byte.
 */
import { formatMailbox } from '../message/address.ts';
import { formatMailDate } from '../message/date.ts';
import {
  bodyOffsetOf,
  type HeaderBlock,
  type HeaderField,
  parseHeaderBlock,
  rawOf,
  unfoldedValue,
} from '../message/header.ts';
import type { MessageId } from '../message/ids.ts';
import { parseMailboxList } from '../message/mailbox-list.ts';
import { PRIORITIES, type Priority } from '../message/message.ts';
import type { Reply } from '../message/reply.ts';
import type { LimitsPolicy, TracesPolicy } from '../policy/schema.ts';
import { badDirective, malformedHeader, REPLIES } from './replies.ts';
import { type Expiry, expiryOf, timeOf } from '../policy/times.ts';

export type Canonical = {
  /** As they will leave, signatures excepted. */
  readonly fields: readonly HeaderField[];
  /** Shares the bytes of what was submitted. */
  readonly body: Buffer;
  /** Addresses of the header From; null: the field cannot be read, or names nobody. Empty: there is none (null sender). */
  readonly from: readonly string[] | null;
  /** Addresses of the header Sender; null: it has some that cannot be read. Empty: it names none. */
  readonly senders: readonly string[] | null;
  readonly messageIdHeader: string;
  /** Whether the client wrote a Date. */
  readonly hasDate: boolean;
  /** As the client wrote it; null: it wrote none. */
  readonly submittedMessageId: string | null;
  readonly subject: string | null;
  /** What X-Relevo-* fields asked for. */
  readonly directives: Directives;
  /** As the client wrote it; null: it wrote none, or traces are off. */
  readonly traceparent: string | null;
};

export type Directives = {
  readonly stream: string | null;
  readonly priority: Priority | null;
  readonly tag: string | null;
  /** Wall time, ms; null: at once. */
  readonly sendAtMs: number | null;
  /** null: it does not say. */
  readonly expires: Expiry | null;
};

export type Submitted = {
  /** Every line ends with CR LF. */
  readonly raw: Buffer;
  readonly sender: string;
  readonly id: MessageId;
  readonly atMs: number;
  readonly hostname: string;
  /** In the form of `HeaderField.raw`. */
  readonly received: string;
  readonly limits: LimitsPolicy;
  /** Default: null. */
  readonly traces?: TraceFields;
};

/** What becomes of traceparent and tracestate; null: they are fields like any other. */
type TraceFields = Pick<TracesPolicy, 'passOn'> | null;

export type CanonicalResult =
  | { readonly kind: 'ok'; readonly canonical: Canonical }
  | { readonly kind: 'refused'; readonly reply: Reply };

export function canonicalForm(submitted: Submitted): CanonicalResult {
  const parts = splitMessage(submitted.raw, submitted.limits);
  if (parts.kind === 'refused') return parts;
  const seen = readFields(parts.fields, submitted.traces ?? null);
  if (seen.receivedCount > submitted.limits.receivedFields) return { kind: 'refused', reply: REPLIES.loop };
  if (seen.from.length > 1) return { kind: 'refused', reply: REPLIES.severalFrom };
  if (seen.badField !== null) return { kind: 'refused', reply: badDirective(seen.badField) };
  const added: HeaderField[] = [];
  const fromText = seen.from[0] ?? submitted.sender;
  if (seen.from.length === 0 && submitted.sender !== '') added.push(field('From', submitted.sender));
  if (!seen.hasDate) added.push(field('Date', formatMailDate(submitted.atMs)));
  const messageIdHeader = seen.messageId ?? `<${submitted.id}@${submitted.hostname}>`;
  if (seen.messageId === null) added.push(field('Message-ID', messageIdHeader));
  const received = { name: 'received', raw: submitted.received };
  const canonical = {
    fields: [received, ...seen.kept, ...added],
    body: parts.body,
    from: fromText === '' ? [] : addressesOf(fromText),
    senders: sendersOf(seen.senders),
    messageIdHeader,
    hasDate: seen.hasDate,
    submittedMessageId: seen.messageId,
    subject: seen.subject,
    directives: seen.directives,
    traceparent: seen.traceparent,
  };
  return { kind: 'ok', canonical };
}

/** A comment or a group without members names nobody, and yet shows the reader an address. */
function addressesOf(text: string): readonly string[] | null {
  const list = parseMailboxList(text);
  return list === null || list.length === 0 ? null : list.map(formatMailbox);
}

/** What has no @ is no address that readers could take for somebody's: a name of a machine's user, say. */
function sendersOf(texts: readonly string[]): readonly string[] | null {
  const found: string[] = [];
  for (const text of texts) {
    const addresses = text.includes('@') ? addressesOf(text) : [];
    if (addresses === null) return null;
    found.push(...addresses);
  }
  return found;
}

type Parts =
  | { readonly kind: 'ok'; readonly fields: readonly HeaderField[]; readonly body: Buffer }
  | { readonly kind: 'refused'; readonly reply: Reply };

function splitMessage(raw: Buffer, limits: LimitsPolicy): Parts {
  const bodyOffset = bodyOffsetOf(raw);
  // A header that is too big is not even read; text without a header may be of any size.
  const block = parseHeaderBlock(raw.subarray(0, Math.min(bodyOffset, limits.headerSizeBytes + 2)));
  const mboxLine = block.fields[0]?.raw.startsWith('From ') === true && block.fields[0].name === '' ? 1 : 0;
  const fields = mboxLine === 0 ? block.fields : block.fields.slice(mboxLine);
  if (fields.length > 0 && fields.every((entry) => entry.name === '')) {
    return { kind: 'ok', fields: [], body: raw.subarray(mboxLine === 0 ? 0 : (block.fields[0]?.raw.length ?? 0)) };
  }
  if (bodyOffset > limits.headerSizeBytes + 2) return { kind: 'refused', reply: REPLIES.headerTooBig };
  const malformed = firstMalformed(block, mboxLine);
  if (malformed !== null) return { kind: 'refused', reply: malformedHeader(malformed) };
  return { kind: 'ok', fields, body: raw.subarray(bodyOffset) };
}

/** Line number of the first line that is no field; half a header may hide a Bcc, so it is not guessed at. */
function firstMalformed(block: HeaderBlock, skipped: number): number | null {
  return block.malformed[skipped]?.line ?? null;
}

type Seen = {
  readonly kept: readonly HeaderField[];
  /** Values, as text; empty ones left out. */
  readonly from: readonly string[];
  readonly senders: readonly string[];
  readonly hasDate: boolean;
  readonly messageId: string | null;
  readonly subject: string | null;
  readonly receivedCount: number;
  readonly directives: Directives;
  readonly traceparent: string | null;
  /** A directive that cannot be read. */
  readonly badField: string | null;
};

function readFields(fields: readonly HeaderField[], traces: TraceFields): Seen {
  const kept: HeaderField[] = [];
  const from: string[] = [];
  const senders: string[] = [];
  const own = new Map<string, string>();
  let [hasDate, receivedCount] = [false, 0];
  let messageId: string | null = null;
  let subject: string | null = null;
  let traceparent: string | null = null;
  for (const entry of fields) {
    switch (entry.name) {
      case 'bcc':
      case 'resent-bcc':
      case 'return-path':
        continue;
      case 'received':
        receivedCount += 1;
        break;
      case 'from':
        if (unfoldedValue(entry) === '') continue;
        from.push(textOf(unfoldedValue(entry)));
        break;
      case 'sender':
        senders.push(textOf(unfoldedValue(entry)));
        break;
      case 'date':
        if (unfoldedValue(entry) === '') continue;
        hasDate = true;
        break;
      case 'message-id':
        if (unfoldedValue(entry) === '') continue;
        messageId ??= unfoldedValue(entry).slice(0, 998);
        break;
      case 'subject':
        subject ??= unfoldedValue(entry).slice(0, 200);
        break;
      case 'traceparent':
      case 'tracestate':
        if (traces === null) break;
        if (entry.name === 'traceparent') traceparent ??= unfoldedValue(entry);
        if (traces.passOn) break;
        continue;
      default:
        if (!entry.name.startsWith('x-relevo-')) break;
        own.set(entry.name, unfoldedValue(entry));
        continue;
    }
    kept.push(entry);
  }
  return { kept, from, senders, hasDate, messageId, subject, receivedCount, traceparent, ...readDirectives(own) };
}

const NO_DIRECTIVES = {
  directives: { stream: null, priority: null, tag: null, sendAtMs: null, expires: null },
  badField: null,
} as const;

function readDirectives(own: ReadonlyMap<string, string>): Pick<Seen, 'directives' | 'badField'> {
  if (own.size === 0) return NO_DIRECTIVES;
  const [wanted, tag] = [own.get('x-relevo-priority')?.toLowerCase(), own.get('x-relevo-tag')];
  const priority = PRIORITIES.find((name) => name === wanted) ?? null;
  const sendAt = own.get('x-relevo-send-at');
  const sendAtMs = sendAt === undefined ? null : timeOf(sendAt);
  const until = own.get('x-relevo-expires');
  const expires = until === undefined ? null : expiryOf(until);
  const directives = { stream: own.get('x-relevo-stream') ?? null, priority, tag: tag ?? null, sendAtMs, expires };
  if (wanted !== undefined && priority === null) return { directives, badField: 'X-Relevo-Priority' };
  if (tag !== undefined && !/^[!-~]{1,64}$/.test(tag)) return { directives, badField: 'X-Relevo-Tag' };
  if (sendAt !== undefined && sendAtMs === null) return { directives, badField: 'X-Relevo-Send-At' };
  if (until !== undefined && expires === null) return { directives, badField: 'X-Relevo-Expires' };
  return { directives, badField: null };
}

/** Header bytes, one a character, as the UTF-8 that RFC 6532 makes of them. */
function textOf(value: string): string {
  return Buffer.from(value, 'latin1').toString('utf8');
}

/** @param value may have characters beyond ASCII; they leave as UTF-8 */
function field(name: string, value: string): HeaderField {
  return { name: name.toLowerCase(), raw: rawOf(`${name}: ${value}\r\n`) };
}
