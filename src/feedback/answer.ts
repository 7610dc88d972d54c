/** Passes on to a sender what came to the return path of a message and is no report of failure. */
import { formatMailDate } from '../message/date.ts';
import type { MessageId } from '../message/ids.ts';
import type { Message } from '../message/message.ts';
import type { AnswerKind } from './came-back.ts';
import { CUT, mimePart } from './report.ts';
import { field, oneLine } from './report-field.ts';

export type Answer = {
  readonly id: MessageId;
  readonly hostname: string;
  /** What was answered; the answer is for its envelope sender. */
  readonly message: Message;
  readonly what: AnswerKind;
  readonly atMs: number;
  /** Of a report on something else than failure: its machine-readable part (RFC 3464 §2). */
  readonly status: Buffer | null;
  /** As it came; every line ends with CR LF. */
  readonly content: Buffer;
  /** It was longer, and this is its start. Default: it is whole. */
  readonly isCut?: boolean;
};

const SUBJECTS = {
  delayed: 'Delayed: your message has been taken, and not delivered yet',
  'auto-reply': 'An automatic reply to your message',
  vacation: 'A notice of absence in reply to your message',
  challenge: 'A request to confirm your message',
  other: 'An answer to your message',
} as const satisfies Record<Answer['what'], string>;

const REPORT = 'multipart/report; report-type=delivery-status';

/**
 * Words of the relay's own, and the answer as a part, byte for byte: what a stranger wrote must not go out as if the relay
 * vouched for its From. CRLF lines, ready to be signed and queued.
 */
export function writeAnswer(answer: Answer): Buffer {
  const { id, hostname, message, what, atMs, status, content, isCut = false } = answer;
  const format = { utf8: true };
  const boundary = `=_${id}`;
  const about = oneLine(message.messageIdHeader, { utf8: false });
  const header =
    field('From', `Mail Delivery System <MAILER-DAEMON@${hostname}>`, format) +
    field('To', `<${message.envelope.sender}>`, format) +
    field('Subject', SUBJECTS[what], format) +
    field('Date', formatMailDate(atMs), format) +
    field('Message-ID', `<answer.${id}@${hostname}>`, format) +
    (/^<[^<>\s]+>$/.test(about) ? field('In-Reply-To', about, format) + field('References', about, format) : '') +
    field('Auto-Submitted', 'auto-replied', format) +
    `MIME-Version: 1.0\r\nContent-Type: ${status === null ? 'multipart/mixed' : REPORT};\r\n boundary="${boundary}"\r\n`;
  const words = [
    `This is the mail relay at ${hostname}.`,
    '',
    'The message that is attached, as it came, was sent to the address that bounces of your message come back to.',
    'It does not report that your message failed.',
    ...(isCut ? [CUT] : []),
    '',
    `Message: ${about}, taken in on ${formatMailDate(message.receivedAtMs)}`,
  ];
  const text = words.map((line) => `${line}\r\n`).join('');
  return Buffer.concat([
    Buffer.from(`${header}\r\n`),
    mimePart(boundary, { type: 'text/plain; charset=utf-8', content: Buffer.from(text) }),
    ...(status === null ? [] : [mimePart(boundary, { type: 'message/delivery-status', content: status })]),
    mimePart(boundary, { type: 'message/rfc822', content }),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
}
