/** Reads the machine-readable part of a delivery status notification (RFC 3464 §2; RFC 6533 §3), written by anybody. */
import { formatMailbox, parseMailbox } from '../message/address.ts';
import { bodyOffsetOf, type HeaderField, parseHeaderBlock, unfoldedValue } from '../message/header.ts';
import { parseReply, type Reply } from '../message/reply.ts';
import { decodedBody, type MimePart } from './mime-parts.ts';
import { codeFor, precise, words } from './reply-in-text.ts';
import { decodeXtext, oneLine } from './report-field.ts';

export type StatusReport = {
  /** The host that reports, as it calls itself; null: it does not say. */
  readonly host: string | null;
  readonly recipients: readonly ReportedRecipient[];
  /** The fields as they came, transfer encoding taken out. */
  readonly text: Buffer;
};

export type ReportedRecipient = {
  /** Addresses that may be the one that the mail was sent to, as they stand there. */
  readonly addresses: readonly string[];
  readonly action: 'failed' | 'delayed' | 'other';
  /** Of the server that refused it, or made from its status. */
  readonly reply: Reply;
};

/** As many recipients as one delivery may well have. */
const MOST_RECIPIENTS = 1_000;
const LONGEST_VALUE = 2_000;

/** null: none of the parts is such a report, or it names no recipient. */
export function readStatusReport(parts: readonly MimePart[]): StatusReport | null {
  const part = parts.find(({ type }) => /^message\/(?:global-)?delivery-status$/.test(type));
  if (part === undefined) return null;
  const text = decodedBody(part);
  const [head, ...groups] = fieldGroups(text);
  if (head === undefined) return null;
  // Some put all fields in one group.
  const isWhole = ['action', 'final-recipient', 'original-recipient'].some((name) => valueOf(head, name) !== null);
  const all = isWhole ? [head, ...groups] : groups;
  const recipients = all.map(recipientOf).filter((recipient) => recipient !== null);
  const host = typed(valueOf(head, 'reporting-mta'))?.value ?? null;
  return recipients.length === 0
    ? null
    : { host: host === null ? null : oneLine(host, { utf8: true }).slice(0, 255).toWellFormed(), recipients, text };
}

/** Fields up to an empty line, again and again. */
function fieldGroups(text: Buffer): (readonly HeaderField[])[] {
  const groups: (readonly HeaderField[])[] = [];
  let at = 0;
  while (at < text.length && groups.length <= MOST_RECIPIENTS) {
    if (text[at] === 0x0d && text[at + 1] === 0x0a) {
      at += 2;
      continue;
    }
    const rest = text.subarray(at);
    const length = bodyOffsetOf(rest);
    groups.push(parseHeaderBlock(rest.subarray(0, length)).fields);
    at += length;
  }
  return groups;
}

function recipientOf(fields: readonly HeaderField[]): ReportedRecipient | null {
  const action = valueOf(fields, 'action')?.toLowerCase() ?? '';
  const addresses = ['original-recipient', 'final-recipient'].flatMap((name) => addressesIn(valueOf(fields, name)));
  if (action === '' && addresses.length === 0) return null;
  return { addresses, action: actionOf(action, valueOf(fields, 'status')), reply: replyOf(fields) };
}

/** Where it is left out, the status says it. */
function actionOf(text: string, status: string | null): ReportedRecipient['action'] {
  if (text.startsWith('fail') || (text === '' && status?.startsWith('5.') === true)) return 'failed';
  return text.startsWith('delay') || (text === '' && status?.startsWith('4.') === true) ? 'delayed' : 'other';
}

/**
 * `rfc822; a@b`, with or without angle brackets; RFC 6533 §3 writes what is not ASCII as `\x{E9}`. Some leave the xtext of
 * RCPT as it was: what may be that is read both ways, since a plain address may look so, too.
 */
function addressesIn(value: string | null): readonly string[] {
  const given = typed(value)?.value.replace(/^<(.*)>$/, '$1') ?? '';
  const plain = given.replace(/\\x\{([0-9A-Fa-f]{2,6})\}/g, (escape, hex: string) => {
    const code = Number.parseInt(hex, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : escape;
  });
  return [...new Set([plain, decodeXtext(plain)])].flatMap((text) => {
    const mailbox = parseMailbox(text);
    return mailbox === null ? [] : [formatMailbox(mailbox)];
  });
}

/** What the server said, where its words are there; otherwise the status as a reply. */
function replyOf(fields: readonly HeaderField[]): Reply {
  const status = /^([245])\.(\d{1,3}\.\d{1,3})/.exec(valueOf(fields, 'status') ?? '');
  const diagnostic = valueOf(fields, 'diagnostic-code');
  const given = typed(diagnostic)?.value ?? diagnostic ?? '';
  const detail = status?.[2] ?? null;
  const spoken = /^#?([245]\d\d)(?:[ -]+#?(.*))?$/s.exec(given);
  const [, code, text = ''] = spoken ?? [];
  if (code !== undefined && (status === null || code[0] === status[1])) {
    const reply = parseReply(Number(code), [text]);
    const said = words(reply.text);
    return { code: reply.code, detail: precise(moreTelling(reply.detail, detail), said), text: said };
  }
  // Reported without a reply, or with one that the status contradicts: the status decides, and the words stay.
  const said = words(given);
  const isTemporary = status?.[1] === '4';
  const known = isTemporary ? (detail ?? '0.0') : (precise(detail ?? '0.0', said) ?? '0.0');
  return { code: codeFor(isTemporary, known), detail: known, text: said };
}

/** Of the detail in the reply and that of the status field: the one that is not `X.0`, the reply's first. */
function moreTelling(ofReply: string | null, ofStatus: string | null): string | null {
  if (ofReply === null || (ofReply.endsWith('.0') && ofStatus?.endsWith('.0') === false)) return ofStatus ?? ofReply;
  return ofReply;
}

/** `dns; mx.example.net` → its value; what has no type is all value. */
function typed(value: string | null): { readonly value: string } | null {
  if (value === null || value === '') return null;
  const match = /^[A-Za-z0-9-]{1,40}[ \t]*;(.*)$/s.exec(value);
  return { value: (match?.[1] ?? value).trim() };
}

function valueOf(fields: readonly HeaderField[], name: string): string | null {
  const field = fields.find((one) => one.name === name);
  if (field === undefined) return null;
  // Comments would have to be parsed; nobody writes any but after the value.
  return Buffer.from(unfoldedValue(field).slice(0, LONGEST_VALUE), 'latin1').toString('utf8').trim();
}
