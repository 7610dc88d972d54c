/** Hands mail that a person has to look at to the postmaster, within bounds, so that no stranger can flood him. */
import { createHash } from 'node:crypto';
import { domainOf } from '../message/address.ts';
import { formatMailDate } from '../message/date.ts';
import { type MessageId, newMessageId } from '../message/ids.ts';
import { isReturnPath } from '../policy/return-path.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock } from '../ports.ts';
import type { OwnMail } from './own-mail.ts';
import { CUT, mimePart } from './report.ts';
import { field, oneLine } from './report-field.ts';

const HOUR_MS = 3_600_000;
/** By one process: enough for people, and for what providers ask when a feedback loop is set up. */
const MOST_AN_HOUR = 20;

export type PostmasterNeeds = {
  readonly policy: () => Policy;
  readonly submitOwn: (mail: OwnMail) => Promise<void>;
  readonly clock: Clock;
};

export type Forwarded = {
  /** To which it came. */
  readonly address: string;
  /** Every line ends with CR LF. */
  readonly content: Buffer;
  /** It was longer, and this is its start. Default: it is whole. */
  readonly isCut?: boolean;
  readonly trace: (id: MessageId) => string;
};

/** `too-many`: not before the hour is over. `nobody`: the postmaster's address is a return path itself. */
export type Forwarding = 'forwarded' | 'too-many' | 'nobody';

export type ToPostmaster = (mail: Forwarded) => Promise<Forwarding>;

/** The mail goes along as an attachment: what a stranger wrote must not go out as if the relay vouched for its From. */
export function toPostmaster({ policy, submitOwn, clock }: PostmasterNeeds): ToPostmaster {
  let [sinceMs, count] = [-Infinity, 0];
  return async ({ address, content, isCut = false, trace }) => {
    const { hostname, postmaster } = policy();
    if (isReturnPath(policy(), domainOf(postmaster).toLowerCase())) return 'nobody';
    if (clock.monotonicMs() - sinceMs >= HOUR_MS) [sinceMs, count] = [clock.monotonicMs(), 0];
    if (count >= MOST_AN_HOUR) return 'too-many';
    count += 1;
    const atMs = clock.nowMs();
    const id = newMessageId(atMs, createHash('sha256').update(`${address}\0`).update(content).digest());
    const original = Buffer.concat([Buffer.from(trace(id), 'latin1'), content]);
    const letter = { id, hostname, to: postmaster, address, atMs, content: original, isCut };
    await submitOwn({ id, recipient: postmaster, endsMail: false, content: write(letter) });
    return 'forwarded';
  };
}

type Letter = {
  readonly id: MessageId;
  readonly hostname: string;
  readonly to: string;
  readonly address: string;
  readonly atMs: number;
  readonly content: Buffer;
  readonly isCut: boolean;
};

function write({ id, hostname, to, address, atMs, content, isCut }: Letter): Buffer {
  const format = { utf8: true };
  const boundary = `=_${id}`;
  const header =
    field('From', `Mail Delivery System <MAILER-DAEMON@${hostname}>`, format) +
    field('To', `<${to}>`, format) +
    field('Subject', `Mail to ${oneLine(address, format)}`, format) +
    field('Date', formatMailDate(atMs), format) +
    field('Message-ID', `<forward.${id}@${hostname}>`, format) +
    field('Auto-Submitted', 'auto-forwarded', format) +
    `MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary="${boundary}"\r\n`;
  const words = [
    `This is the mail relay at ${hostname}.`,
    '',
    `The message that is attached came to ${oneLine(address, format)}, where complaints are taken, and is no complaint report`,
    'that a program can read: somebody may have written, or a provider may want that address confirmed.',
    ...(isCut ? [CUT] : []),
  ];
  return Buffer.concat([
    Buffer.from(`${header}\r\n`),
    mimePart(boundary, {
      type: 'text/plain; charset=utf-8',
      content: Buffer.from(words.map((line) => `${line}\r\n`).join('')),
    }),
    mimePart(boundary, { type: 'message/rfc822', content }),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
}
