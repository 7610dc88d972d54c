/** The envelope of a message that comes whole: of its own header, where the request does not say. Pure. */
import { formatMailbox } from '../../message/address.ts';
import { type HeaderField, parseHeaderBlock, unfoldedValue } from '../../message/header.ts';
import { parseMailboxList } from '../../message/mailbox-list.ts';

export type Envelope = {
  /** `local@domain`; '' the null sender. */
  readonly sender: string;
  readonly recipients: readonly string[];
};

export type EnvelopeResult =
  | ({ readonly kind: 'ok' } & Envelope)
  /** `path`: of the request's fields, such as `to`. */
  | { readonly kind: 'bad'; readonly path: 'from' | 'to'; readonly text: string };

/** Longer header sections are refused anyway, whatever the policy says. */
const MOST_HEADER = 1024 * 1024;

/**
 * @param asked what the request says: `from`, where '' is the null sender, and `to`, addresses separated by commas; null: the
 * message's From, and its To, Cc and Bcc
 */
export function envelopeOf(
  content: Buffer,
  asked: { readonly from: string | null; readonly to: string | null },
): EnvelopeResult {
  const fields = asked.from === null || asked.to === null ? fieldsOf(content) : [];
  const sender = asked.from === null ? senderIn(fields) : addressesIn(asked.from);
  if (sender === null || sender.length > 1 || (asked.from === null && sender.length === 0)) {
    const text = asked.from === null ? 'the message has no single From: say who sends it' : 'expected one address';
    return { kind: 'bad', path: 'from', text };
  }
  const recipients = asked.to === null ? recipientsIn(fields) : addressesIn(asked.to);
  if (recipients === null)
    return {
      kind: 'bad',
      path: 'to',
      text: asked.to === null ? 'its To, Cc or Bcc cannot be read' : 'expected addresses',
    };
  if (recipients.length === 0)
    return { kind: 'bad', path: 'to', text: 'there is no recipient: neither here nor in its To, Cc or Bcc' };
  return { kind: 'ok', sender: sender[0] ?? '', recipients: [...new Set(recipients)] };
}

function senderIn(fields: readonly HeaderField[]): readonly string[] | null {
  const from = fields.filter(({ name }) => name === 'from');
  return from.length === 1 ? allIn(from) : null;
}

function recipientsIn(fields: readonly HeaderField[]): readonly string[] | null {
  return allIn(fields.filter(({ name }) => name === 'to' || name === 'cc' || name === 'bcc'));
}

function allIn(fields: readonly HeaderField[]): readonly string[] | null {
  const lists = fields.map((field) => addressesIn(Buffer.from(unfoldedValue(field), 'latin1').toString()));
  return lists.includes(null) ? null : lists.flatMap((list) => list ?? []);
}

function addressesIn(text: string): readonly string[] | null {
  // oxlint-disable-next-line no-control-regex -- a fold was taken out: what is left is no part of an address
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(text)) return null;
  return parseMailboxList(text)?.map(formatMailbox) ?? null;
}

/** Any line ends. */
function fieldsOf(content: Buffer): readonly HeaderField[] {
  const text = content.toString('latin1', 0, MOST_HEADER).replaceAll(/\r\n?|\n/g, '\r\n');
  const end = text.indexOf('\r\n\r\n');
  return parseHeaderBlock(Buffer.from(end === -1 ? text : text.slice(0, end + 2), 'latin1')).fields;
}
