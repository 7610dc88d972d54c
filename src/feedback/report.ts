import { isAscii } from 'node:buffer';
import { needsSmtpUtf8 } from '../message/address.ts';
import { formatMailDate } from '../message/date.ts';
import { bodyOffsetOf } from '../message/header.ts';
import type { MessageId } from '../message/ids.ts';
import type { Notice, NoticeKind } from '../message/notice.ts';
import { formatReply } from '../message/reply.ts';
import { deliveryStatus, reportedStatus } from './delivery-status.ts';
import { field, oneLine } from './report-field.ts';
import { wordsFor } from './status-words.ts';

/** Without RET a failed message comes back whole up to this size. */
const FULL_MOST_BYTES = 102_400;

export type ReportTerms = {
  readonly id: MessageId;
  readonly hostname: string;
  /** Whom the report is for. */
  readonly to: string;
  readonly atMs: number;
  /** The original as sent, or what came back of it; null: not to be had any more. */
  readonly original: Buffer | null;
  /** Of what came back only the start is there. Default: it is whole. */
  readonly isCut?: boolean;
  /** A report that could not be delivered to the sender of the original: this one is for the postmaster. */
  readonly doubleBounce: boolean;
};

/** The part of a report's Message-ID that tells a double bounce apart, so that none is ever answered by another. */
export const DOUBLE_BOUNCE = 'double-bounce.';

/**
 * A delivery status notification: multipart/report (RFC 6522) of words for people, fields for programs (RFC 3464; RFC 6533
 * with international addresses), and the original or its header. CRLF lines, ready to be signed and queued.
 */
export function writeReport(notice: Notice, terms: ReportTerms): Buffer {
  const { hostname, to, id, atMs, original, doubleBounce } = terms;
  const utf8 = notice.message.envelope.smtpUtf8 || needsSmtpUtf8(to);
  const boundary = `=_${id}`;
  const format = { utf8 };
  const about = oneLine(notice.message.messageIdHeader, { utf8: false });
  const header =
    field('From', `Mail Delivery System <MAILER-DAEMON@${hostname}>`, format) +
    field('To', `<${to}>`, format) +
    field('Subject', doubleBounce ? 'Double bounce: a report could not be delivered' : SUBJECTS[notice.kind], format) +
    field('Date', formatMailDate(atMs), format) +
    field('Message-ID', `<${doubleBounce ? DOUBLE_BOUNCE : 'report.'}${id}@${hostname}>`, format) +
    (/^<[^<>\s]+>$/.test(about) ? field('In-Reply-To', about, format) + field('References', about, format) : '') +
    field('Auto-Submitted', 'auto-replied', format) +
    'MIME-Version: 1.0\r\n' +
    `Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="${boundary}"\r\n`;
  const words = wordsPart(notice, terms, utf8);
  const status = deliveryStatus(notice, { hostname, utf8 });
  const parts: Buffer[] = [
    Buffer.from(`${header}\r\nThis is a report in MIME format (RFC 3464).\r\n`),
    mimePart(boundary, { type: 'text/plain; charset=utf-8', content: Buffer.from(words) }),
    mimePart(boundary, {
      type: utf8 ? 'message/global-delivery-status' : 'message/delivery-status',
      content: Buffer.from(status),
    }),
  ];
  if (original !== null) parts.push(mimePart(boundary, returned(notice, original)));
  return Buffer.concat([...parts, Buffer.from(`\r\n--${boundary}--\r\n`)]);
}

const SUBJECTS = {
  failed: 'Undelivered: your message could not be delivered',
  expired: 'Undelivered: your message could not be delivered in time',
  delayed: 'Delayed: your message has not been delivered yet',
  relayed: 'Passed on: your message was handed to the next mail server',
  returned: 'Undelivered: your message was taken, and came back',
} as const satisfies Record<NoticeKind, string>;

type Part = { readonly type: string; readonly content: Buffer };

/** One part of a multipart, its delimiter in front. CRLF lines. */
export function mimePart(boundary: string, { type, content }: Part): Buffer {
  const encoding = isAscii(content) ? '7bit' : '8bit';
  const head = `\r\n--${boundary}\r\nContent-Type: ${type}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), content]);
}

/** RFC 3461 §4.3: the whole message only where it failed, as RET asks; otherwise its header. */
function returned({ kind, message }: Notice, original: Buffer): Part {
  const { ret, smtpUtf8 } = message.envelope;
  // What came back is a report itself, and says more than can be read out of it.
  if (kind === 'returned') return { type: 'message/rfc822', content: original };
  const isFailure = kind === 'failed' || kind === 'expired';
  if (isFailure && (ret === 'full' || (ret === null && original.length <= FULL_MOST_BYTES))) {
    return { type: smtpUtf8 ? 'message/global' : 'message/rfc822', content: original };
  }
  const header = original.subarray(0, bodyOffsetOf(original));
  // The empty line that ends the header is not part of it; the boundary brings its own line end.
  const content = header.toString('latin1').endsWith('\r\n\r\n') ? header.subarray(0, -2) : header;
  return { type: smtpUtf8 ? 'message/global-headers' : 'text/rfc822-headers', content };
}

function wordsPart(notice: Notice, terms: ReportTerms, utf8: boolean): string {
  const { hostname, atMs, doubleBounce } = terms;
  const { message, kind } = notice;
  const opening = doubleBounce
    ? 'A report of this relay could not be delivered to the sender of the message that it is about. It is dropped.'
    : openingOf(notice, terms);
  const lines = [
    `This is the mail relay at ${hostname}.`,
    '',
    opening,
    '',
    `Message: ${oneLine(message.messageIdHeader, { utf8: false })}, taken in on ${formatMailDate(message.receivedAtMs)}`,
    `Now: ${formatMailDate(atMs)}`,
    '',
  ];
  for (const one of notice.recipients) {
    lines.push(`<${oneLine(one.recipient.address, { utf8: true })}>`);
    if (one.reply !== null) {
      const who = one.host === null ? 'Reason' : `Answer of ${oneLine(one.host, { utf8 })}`;
      lines.push(`  ${who}: ${oneLine(formatReply(one.reply), { utf8 })}`);
    }
    if (kind !== 'relayed') {
      const { happened, advice } = wordsFor(reportedStatus(kind === 'expired' ? 'expired' : kind, one));
      lines.push(`  ${happened}`, ...(kind === 'delayed' ? [] : [`  What you can do: ${advice}`]));
    }
    lines.push('');
  }
  return lines.map((line) => `${line}\r\n`).join('');
}

/** Of an attachment that is there. */
export const CUT = 'It was too long to keep: what is attached is its start.';

function openingOf({ kind, retryUntilMs }: Notice, { original, isCut = false }: ReportTerms): string {
  const attached = isCut ? ` ${CUT}` : ' Its report is attached as it came.';
  switch (kind) {
    case 'failed':
      return 'Your message could not be delivered to the recipients below. The relay has given up on them.';
    case 'returned':
      return (
        'A mail server had taken your message, and has reported since that it could not deliver it to the recipients ' +
        `below.${original === null ? '' : attached}`
      );
    case 'expired':
      return 'The relay has tried for as long as it may, and your message could not be delivered to the recipients below.';
    case 'delayed':
      return (
        'Your message has not been delivered yet to the recipients below. You need do nothing: the relay goes on trying' +
        (retryUntilMs === null ? '.' : ` until ${formatMailDate(retryUntilMs)}.`)
      );
    case 'relayed':
      return (
        'Your message was handed to the next mail server for the recipients below. That server sends no reports of ' +
        'success, so this is the last that you hear unless something goes wrong.'
      );
  }
}
