/** Reads what came to the return path of a delivery: who did not get the mail after all, or what it is instead. Pure. */
import { parseHeaderBlock, bodyOffsetOf, unfoldedValue, type HeaderField } from '../message/header.ts';
import type { DeliveryId } from '../message/ids.ts';
import { FINAL_STATES } from '../message/outcome.ts';
import type { Reply } from '../message/reply.ts';
import type { MessageStory } from '../spool/spool.ts';
import { mimePartsOf } from './mime-parts.ts';
import { readStatusReport, type ReportedRecipient } from './status-report.ts';

/** What the history tells of a delivery. */
export type Sent = {
  readonly domain: string;
  readonly recipients: readonly string[];
  /** The exit that delivered it, or tried last; null: none is known. */
  readonly egress: string | null;
};

export type Reading =
  | {
      readonly kind: 'failed';
      readonly host: string | null;
      /** Each of the delivery's recipients at most once. */
      readonly recipients: readonly { readonly address: string; readonly reply: Reply }[];
    }
  /** `status`: the machine-readable part, where it is a report of something else. */
  | { readonly kind: 'delayed' | 'auto-reply' | 'other'; readonly status: Buffer | null };

/** Headers of automatic replies are among the first; a header as large as a message is none of theirs. */
const MOST_HEADER_BYTES = 64 * 1024;

/** @param content every line ends with CR LF; read within bounds */
export function readCameBack(content: Buffer, sent: Sent): Reading {
  const report = readStatusReport(mimePartsOf(content));
  if (report === null) return { kind: isAutoReply(content) ? 'auto-reply' : 'other', status: null };
  const failed = new Map<string, Reply>();
  for (const one of report.recipients) {
    const address = one.action === 'failed' ? recipientMeant(one, sent.recipients) : null;
    if (address !== null && !failed.has(address)) failed.set(address, one.reply);
  }
  if (failed.size > 0) {
    const recipients = [...failed].map(([address, reply]) => ({ address, reply }));
    return { kind: 'failed', host: report.host, recipients };
  }
  const isDelayed = report.recipients.some(({ action }) => action === 'delayed');
  return { kind: isDelayed ? 'delayed' : 'other', status: report.text };
}

/**
 * Which of the delivery's recipients a report is about; null: none of them. Where the mail was forwarded, the report may
 * name nobody but the address that it was forwarded to: with one recipient there is no doubt all the same.
 */
function recipientMeant({ addresses }: ReportedRecipient, recipients: readonly string[]): string | null {
  const folded = addresses.map((address) => address.toLowerCase());
  const found =
    recipients.find((recipient) => addresses.includes(recipient)) ??
    recipients.find((recipient) => folded.includes(recipient.toLowerCase()));
  const [only] = recipients;
  return found ?? (recipients.length === 1 ? (only ?? null) : null);
}

/** RFC 3834 §5, and what was used before it. */
function isAutoReply(content: Buffer): boolean {
  const header = content.subarray(0, Math.min(bodyOffsetOf(content), MOST_HEADER_BYTES));
  const { fields } = parseHeaderBlock(header);
  const says = (name: string, meant: (value: string) => boolean): boolean =>
    fields.some((field: HeaderField) => field.name === name && meant(unfoldedValue(field).toLowerCase()));
  return (
    says('auto-submitted', (value) => value !== '' && !/^no\b/.test(value)) ||
    says('x-autoreply', (value) => value !== 'no') ||
    says('x-autorespond', (value) => value !== 'no') ||
    says('precedence', (value) => value === 'auto_reply')
  );
}

/** What the history tells of one delivery; null: nothing. */
export function sentIn({ events, queued }: MessageStory, deliveryId: DeliveryId): Sent | null {
  const recipients = new Set<string>();
  let domain: string | null = null;
  let egress: string | null = null;
  for (const event of events) {
    if (!('deliveryId' in event) || event.deliveryId !== deliveryId || !tellsOfSending(event.event)) continue;
    domain = event.domain;
    for (const address of event.recipients) recipients.add(address);
    if (event.event === 'attempted') egress = event.attempt.egress;
    else if ('egress' in event) egress = event.egress ?? egress;
  }
  for (const { delivery } of queued) {
    if (delivery.id !== deliveryId) continue;
    domain = delivery.domain;
    for (const { address } of delivery.recipients) recipients.add(address);
  }
  return domain === null ? null : { domain, recipients: [...recipients], egress };
}

function tellsOfSending(kind: string): boolean {
  return kind === 'attempted' || kind === 'in-doubt' || FINAL_STATES.some((state) => state === kind);
}
