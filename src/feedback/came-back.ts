/** Reads what came to the return path of a delivery: who did not get the mail after all, or what it is instead. Pure. */
import { formatMailbox, parseMailbox } from '../message/address.ts';
import type { DeliveryId } from '../message/ids.ts';
import { FINAL_STATES } from '../message/outcome.ts';
import { replyClass, type Reply } from '../message/reply.ts';
import type { MessageStory } from '../spool/spool.ts';
import { headerOf, natureOf } from './automatic.ts';
import { mimePartsOf } from './mime-parts.ts';
import { textOfField } from './part-text.ts';
import { type ProseFailure, proseOf, readProse } from './prose-bounce.ts';
import { codeFor } from './reply-in-text.ts';
import { readStatusReport, type ReportedRecipient, type StatusReport } from './status-report.ts';

/** What the history tells of a delivery. */
export type Sent = {
  readonly domain: string;
  readonly recipients: readonly string[];
  /** The exit that delivered it, or tried last; null: none is known. */
  readonly egress: string | null;
  /** The host that took it, or answered last; null: none is known. */
  readonly host: string | null;
};

export type Reading =
  | {
      readonly kind: 'failed';
      readonly host: string | null;
      /** Each of the delivery's recipients at most once. */
      readonly recipients: readonly { readonly address: string; readonly reply: Reply }[];
    }
  /** `status`: the machine-readable part, where it is a report of something else. */
  | { readonly kind: AnswerKind; readonly status: Buffer | null };

/** `challenge`: somebody wants the sender to prove that it is a person. */
export type AnswerKind = 'delayed' | 'auto-reply' | 'vacation' | 'challenge' | 'other';

/** @param content every line ends with CR LF; read within bounds */
export function readCameBack(content: Buffer, sent: Sent): Reading {
  const parts = mimePartsOf(content);
  const prose = proseOf(parts);
  const report = readStatusReport(parts);
  if (report !== null) return fromReport(report, prose, sent);
  // RFC 8098: what somebody's program did with a mail that had arrived.
  if (parts.some(({ type }) => type.endsWith('/disposition-notification'))) return { kind: 'auto-reply', status: null };
  const fields = headerOf(content);
  const nature = natureOf(fields, prose);
  if (nature !== 'bounce') return { kind: nature, status: null };
  const recipients = readProse(prose, sent.recipients, namedIn(textOfField(fields, 'x-failed-recipients')));
  const host = /@([a-z0-9-]+(?:\.[a-z0-9-]+)+)>?\s*$/i.exec(textOfField(fields, 'from').slice(0, 500))?.[1] ?? null;
  return recipients.length === 0 ? { kind: 'other', status: null } : { kind: 'failed', host, recipients };
}

function fromReport(report: StatusReport, prose: string, sent: Sent): Reading {
  const failed = new Map<string, Reply>();
  for (const one of report.recipients) {
    const address = one.action === 'failed' ? recipientMeant(one, sent.recipients) : null;
    if (address !== null && !failed.has(address)) failed.set(address, one.reply);
  }
  if (failed.size > 0) {
    const isSilent = [...failed.values()].some(({ text }) => text === '');
    const said = isSilent ? readProse(prose, sent.recipients, []) : [];
    const recipients = [...failed].map(([address, reply]) => ({ address, reply: withWords(address, reply, said) }));
    return { kind: 'failed', host: report.host, recipients };
  }
  const isDelayed = report.recipients.some(({ action }) => action === 'delayed');
  return { kind: isDelayed ? 'delayed' : 'other', status: report.text };
}

/** A report may give no more than a status, and say in its words why: those of Exim do for what it found out itself. */
function withWords(address: string, reply: Reply, said: readonly ProseFailure[]): Reply {
  const other = said.find((one) => one.address === address)?.reply;
  if (reply.text !== '' || other === undefined || replyClass(other) !== replyClass(reply)) return reply;
  const isVague = reply.detail === null || reply.detail.endsWith('.0');
  const detail = isVague ? (other.detail ?? reply.detail) : reply.detail;
  return { code: isVague ? codeFor(replyClass(reply) === 'temporary', detail) : reply.code, detail, text: other.text };
}

function namedIn(value: string): readonly string[] {
  return value
    .split(/[\s,]+/, 100)
    .map((text) => parseMailbox(text))
    .filter((mailbox) => mailbox !== null)
    .map(formatMailbox);
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

/** What the history tells of one delivery; null: nothing. */
export function sentIn({ events, queued }: MessageStory, deliveryId: DeliveryId): Sent | null {
  const recipients = new Set<string>();
  let domain: string | null = null;
  let [egress, host]: (string | null)[] = [null, null];
  for (const event of events) {
    if (!('deliveryId' in event) || event.deliveryId !== deliveryId || !tellsOfSending(event.event)) continue;
    domain = event.domain;
    for (const address of event.recipients) recipients.add(address);
    if (event.event === 'attempted') ({ egress, host } = event.attempt);
    else if ('egress' in event) egress = event.egress ?? egress;
  }
  for (const { delivery } of queued) {
    if (delivery.id !== deliveryId) continue;
    domain = delivery.domain;
    for (const { address } of delivery.recipients) recipients.add(address);
  }
  return domain === null ? null : { domain, recipients: [...recipients], egress: egress ?? null, host: host ?? null };
}

function tellsOfSending(kind: string): boolean {
  return kind === 'attempted' || kind === 'in-doubt' || FINAL_STATES.some((state) => state === kind);
}
