/**
 * A message as v3 JSON, but for who gets it. Runs in a thread of its own (`reader-thread.ts`): the parser may take long over
 * what is made to keep it busy.
 */
import { simpleParser, type EmailAddress, type ParsedMail } from 'mailparser';
import { formatMailbox, needsSmtpUtf8, parseMailbox } from '../../message/address.ts';
import { bodyOffsetOf, type HeaderField, parseHeaderBlock, spelledName, unfoldedValue } from '../../message/header.ts';
import type { MimeNode } from './mime-tree.ts';
import { type Attachment, decodedBytes, decodedText } from './shape.ts';
import { survives, type SurvivalTerms } from './survival.ts';

/** A mailbox as v3 JSON has it. */
export type V3Address = { readonly email: string; readonly name?: string };

/** `rest`: the members of the JSON object but for personalizations, categories and custom_args, without its braces. */
export type V3Content =
  | {
      readonly kind: 'said';
      readonly to: readonly V3Address[];
      readonly cc: readonly V3Address[];
      readonly rest: string;
    }
  | { readonly kind: 'unfit'; readonly why: string };

class Unfit extends Error {}

/** @param content every line ends with CR LF */
export async function v3ContentOf(content: Buffer, terms: SurvivalTerms): Promise<V3Content> {
  const survival = survives(content, terms);
  if (survival.kind === 'unfit') return survival;
  try {
    const head = await headOf(content);
    const { texts, attachments } = survival.shape;
    const [from, ...others] = mailboxesOf(head, 'from');
    if (from === undefined || others.length > 0) throw new Unfit('it has several authors in From');
    const to = mailboxesOf(head, 'to');
    if (to.length === 0) throw new Unfit('it has nobody in To');
    const replyTo = mailboxesOf(head, 'reply-to');
    const said = {
      from,
      ...(replyTo.length === 1 ? { reply_to: replyTo[0] } : {}),
      ...(replyTo.length > 1 ? { reply_to_list: replyTo } : {}),
      subject: wordsOf(head.subject ?? '', 'Subject'),
      content: texts.map((node) => ({ type: typeOf(node), value: decodedText(node) ?? '' })),
      ...(attachments.length === 0 ? {} : { attachments: await attachmentsOf(attachments) }),
      headers: headersOf(survival.headers),
    };
    return { kind: 'said', to, cc: mailboxesOf(head, 'cc'), rest: JSON.stringify(said).slice(1, -1) };
  } catch (error) {
    if (error instanceof Unfit) return { kind: 'unfit', why: error.message };
    throw error;
  }
}

const READ: ReadonlySet<string> = new Set(['from', 'to', 'cc', 'reply-to', 'subject']);
const QUIET = {
  skipHtmlToText: true,
  skipTextToHtml: true,
  skipImageLinks: true,
  skipTextLinks: true,
  keepCidLinks: true,
};

/** The fields of the header in which there may be encoded words. */
async function headOf(content: Buffer): Promise<ParsedMail> {
  const { fields } = parseHeaderBlock(content.subarray(0, bodyOffsetOf(content)));
  const read = fields.filter(({ name }) => READ.has(name));
  for (const { name, raw } of read)
    if (!areKnown(charsetsOf(raw))) throw new Unfit(`it has words in an unknown charset in ${name}`);
  const block = read.map(({ raw }) => raw).join('');
  return simpleParser(Buffer.from(`${block}\r\n`, 'latin1'), QUIET);
}

function mailboxesOf(head: ParsedMail, field: 'from' | 'to' | 'cc' | 'reply-to'): readonly V3Address[] {
  const value = head[field === 'reply-to' ? 'replyTo' : field];
  const lists = value === undefined ? [] : Array.isArray(value) ? value : [value];
  return lists.flatMap((list) => list.value.map((one) => mailboxOf(one, field)));
}

function mailboxOf({ address, name, group }: EmailAddress, field: string): V3Address {
  if (group !== undefined) throw new Unfit(`it has a group of addresses in ${field}`);
  const mailbox = parseMailbox(address ?? '');
  if (mailbox === null) throw new Unfit(`it has what is no address in ${field}`);
  const email = formatMailbox(mailbox);
  if (needsSmtpUtf8(email)) throw new Unfit(`it has an internationalized address in ${field}`);
  const words = wordsOf(name ?? '', field);
  return words === '' ? { email } : { email, name: quoted(words) };
}

/** SendGrid takes a bare comma or semicolon for the end of a name. */
function quoted(name: string): string {
  return /[,;]/.test(name) ? `"${name.replaceAll('"', '')}"` : name;
}

/** Of encoded words (RFC 2047 §2), with the language that RFC 2231 §5 adds. */
function charsetsOf(raw: string): readonly string[] {
  return [...raw.matchAll(/=\?([^?*\s]+)(?:\*[^?\s]*)?\?[bq]\?/gi)].map(([, charset = '']) => charset);
}

function areKnown(charsets: readonly string[]): boolean {
  try {
    for (const charset of charsets) new TextDecoder(charset);
    return true;
  } catch {
    return false;
  }
}

/** What could not be decoded stays encoded, or has the replacement character. */
function wordsOf(text: string, field: string): string {
  // Encoded words can hide a line end, which would be a header field of its own.
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  if (/[\x00-\x1f\x7f]/.test(text)) throw new Unfit(`it has control characters in ${field}`);
  if (charsetsOf(text).length > 0 || text.includes('\ufffd'))
    throw new Unfit(`it has words in an unknown charset in ${field}`);
  return text;
}

function typeOf({ type, parameters }: MimeNode): string {
  const method = parameters.get('method');
  return type === 'text/calendar' && method !== undefined && /^[A-Za-z-]{1,40}$/.test(method)
    ? `${type}; method=${method.toUpperCase()}`
    : type;
}

async function attachmentsOf(attachments: readonly Attachment[]): Promise<readonly object[]> {
  const said: object[] = [];
  for (const [place, { node, isRelated }] of attachments.entries()) {
    const id = node.fields.find(({ name }) => name === 'content-id');
    const cid = id === undefined ? '' : unfoldedValue(id).replace(/^<|>$/g, '');
    if (!/^[\x20-\x7e]*$/.test(cid)) throw new Unfit('it has a Content-ID in more than ASCII');
    const isShown = node.disposition === 'inline' || (isRelated && cid !== '');
    said.push({
      content: decodedBytes(node).toString('base64'),
      type: typeOf(node),
      filename: (await fileNameOf(node)) ?? `part-${place + 1}.${extensionOf(node.type)}`,
      disposition: isShown ? 'inline' : 'attachment',
      ...(cid === '' ? {} : { content_id: cid }),
    });
  }
  return said;
}

function extensionOf(type: string): string {
  return /^image\/(png|jpeg|gif|webp)$/.exec(type)?.[1] ?? (type === 'text/calendar' ? 'ics' : 'bin');
}

/** Whatever form it has (RFC 2231, encoded words); null: it has none. */
async function fileNameOf({ fields }: MimeNode): Promise<string | null> {
  const block = fields
    .filter(({ name }) => name === 'content-type' || name === 'content-disposition')
    // The parser says the names of attachments, and of nothing else.
    .map(({ name, raw }) => raw.replace(/(:\s*)[^;\s]*/, name === 'content-type' ? '$1a/b' : '$1attachment'));
  const { attachments } = await simpleParser(Buffer.from(`${block.join('')}\r\n`, 'latin1'), QUIET);
  const name = attachments[0]?.filename;
  return name === undefined || name === '' ? null : wordsOf(name, 'a file name');
}

/** As they stand, in one line each: encoded words stay encoded, as SendGrid wants what is not ASCII. */
function headersOf(fields: readonly HeaderField[]): Readonly<Record<string, string>> {
  return Object.fromEntries(fields.map((field) => [spelledName(field), unfoldedValue(field)]));
}
