/** Which fields of a message its DKIM signatures cover, and their relaxed form (RFC 6376 §5.4, §3.4.2). */
import { formatRelaxedLine } from 'mailauth/lib/tools.js';

import { type HeaderField, spelledName } from '../message/header.ts';

/**
 * Signed once more than they occur, so that none can be added behind the signature (RFC 6376 §8.15): what a reader is
 * shown or acts on, and what decides how the body is read.
 */
export const OVERSIGNED = [
  'From',
  'Sender',
  'Reply-To',
  'To',
  'Cc',
  'Subject',
  'Date',
  'Message-ID',
  'In-Reply-To',
  'References',
  'MIME-Version',
  'Content-Type',
  'Content-Transfer-Encoding',
  'List-Id',
  'List-Unsubscribe',
  'List-Unsubscribe-Post',
] as const;

/**
 * Signed where they occur; others on the way may add theirs. Trace fields (Received, Return-Path), Bcc and X- fields
 * are in neither list: they change on the way (RFC 6376 §5.4.1).
 */
export const SIGNED_IF_PRESENT = [
  'Content-ID',
  'Content-Description',
  'Content-Disposition',
  'Content-Language',
  'Auto-Submitted',
  'Feedback-ID',
  'CFBL-Address',
  'CFBL-Feedback-ID',
  'BIMI-Selector',
  'Resent-Date',
  'Resent-From',
  'Resent-Sender',
  'Resent-To',
  'Resent-Cc',
  'Resent-Message-ID',
  'List-Help',
  'List-Subscribe',
  'List-Post',
  'List-Owner',
  'List-Archive',
] as const;

/**
 * Most fields of one name that are signed, counted from the bottom. Only broken or hostile messages have more, and
 * each one makes the signature itself longer.
 */
export const MAX_SAME_NAME = 20;

export type HeaderList = {
  /** Names to sign, lower case. */
  readonly signed: ReadonlySet<string>;
  /** Names to sign once more than they occur, as they are written in `h=`. */
  readonly oversigned: readonly string[];
};

export const DEFAULT_HEADERS: HeaderList = {
  signed: new Set([...OVERSIGNED, ...SIGNED_IF_PRESENT].map((name) => name.toLowerCase())),
  oversigned: OVERSIGNED,
};

/** The same but for some names, in lower case: those that whoever carries the mail writes itself. */
export function headersBut(names: ReadonlySet<string>): HeaderList {
  return {
    signed: new Set([...DEFAULT_HEADERS.signed].filter((name) => !names.has(name))),
    oversigned: DEFAULT_HEADERS.oversigned.filter((name) => !names.has(name.toLowerCase())),
  };
}

export type CoveredHeaders = {
  /** The value of `h=`. */
  readonly names: string;
  /** The covered fields in relaxed form, each with its CRLF, one character a byte. */
  readonly canonical: string;
};

/**
 * Covers the fields from the bottom up, as a verifier takes them where a name occurs more than once (RFC 6376 §5.4.2),
 * then the oversigned names.
 * @returns null for a message without From: it must not be signed (RFC 6376 §5.4)
 */
export function coverHeaders(fields: readonly HeaderField[], list: HeaderList): CoveredHeaders | null {
  const names: string[] = [];
  const counts = new Map<string, number>();
  let canonical = '';
  let tooMany = false;
  for (let at = fields.length - 1; at >= 0; at--) {
    const field = fields[at] as HeaderField;
    if (!list.signed.has(field.name)) continue;
    const count = (counts.get(field.name) ?? 0) + 1;
    counts.set(field.name, count);
    if (count > MAX_SAME_NAME) {
      tooMany = true;
      continue;
    }
    names.push(spelledName(field));
    canonical += relaxField(field);
  }
  if (!counts.has('from')) return null;
  // Of a name with more fields than are covered, one more in h= would be a field that stands there and is not covered.
  const further = tooMany
    ? list.oversigned.filter((name) => (counts.get(name.toLowerCase()) ?? 0) <= MAX_SAME_NAME)
    : list.oversigned;
  return { names: [...names, ...further].join(': '), canonical };
}

/**
 * A field in relaxed form (RFC 6376 §3.4.2): mailauth's. Of a field on one line, with single spaces inside the value and at
 * most one before it, only the name and the blanks around the colon change: most are like that, and there are ten of them to a
 * signature.
 */
function relaxField({ name, raw }: HeaderField): string {
  if (ODD_WHITESPACE.test(raw) || !raw.endsWith('\r\n')) return formatRelaxedLine(raw, '\r\n').toString('latin1');
  const at = raw.indexOf(':') + 1;
  return `${name}:${raw.slice(raw.startsWith(' ', at) ? at + 1 : at)}`;
}

const ODD_WHITESPACE = /\t| {2}| \r|\r(?!\n$)/;
