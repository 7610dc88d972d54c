/** Reads complaint reports (RFC 5965), and mail that encloses what is complained about, as Microsoft's programme sends it. Pure. */
import { bodyOffsetOf, type HeaderField, parseHeaderBlock } from '../message/header.ts';
import { decodedBody, type MimePart, mimePartsOf } from './mime-parts.ts';
import { textOfField } from './part-text.ts';
import { oneLine } from './report-field.ts';
import { REPORT_TOKEN_FIELD } from './report-token.ts';

export type ComplaintReport = {
  /** RFC 5965 §7.3, in lower case: `abuse`, `fraud`, `not-spam`, `opt-out`, … Without a report part: `abuse`. */
  readonly type: string;
  /** Whether it is in the form of RFC 5965. */
  readonly isReport: boolean;
  /** Who reports, as far as it says; '' where it does not. */
  readonly by: string;
  /** Addresses that may be our return path, as they stand there. */
  readonly returnPaths: readonly string[];
  /** Values that may be our report token. */
  readonly tokens: readonly string[];
  /** Addresses that it says the mail was for. */
  readonly recipients: readonly string[];
};

/** Of each kind; the first are looked at. */
const MOST_VALUES = 20;
/** Fields that tell are among the first. */
const MOST_HEADER_BYTES = 64 * 1024;

/** What Microsoft's programme alone puts on top of the mail that it passes on, as it is or in an attachment. */
const MICROSOFT_FIELD = 'x-hmxmroriginalrecipient';
const MICROSOFT = 'Microsoft';

/** null: it is neither a report nor encloses a message, and is not one that Microsoft passed on as it is. */
export function readComplaint(content: Buffer): ComplaintReport | null {
  const parts = mimePartsOf(content);
  const part = parts.find(({ type }) => type === 'message/feedback-report');
  const enclosed = parts.find(({ type }) => /^(?:message\/(?:rfc822|global)|text\/rfc822-headers)$/.test(type));
  const top = parts[0]?.fields ?? [];
  const isBare = enclosed === undefined && top.some(({ name }) => name === MICROSOFT_FIELD);
  if (part === undefined && enclosed === undefined && !isBare) return null;
  const report = part === undefined ? [] : fieldsIn(part);
  const original = enclosed === undefined ? (isBare ? top : []) : fieldsIn(enclosed);
  const all = (fields: readonly HeaderField[], ...names: readonly string[]): string[] =>
    fields
      .filter(({ name }) => names.includes(name))
      .slice(0, MOST_VALUES)
      .map((field) => textOfField([field], field.name));
  const agent = textOfField(report, 'user-agent') || textOfField(report, 'reporting-mta');
  const from = isBare ? MICROSOFT : textOfField(top, 'from');
  return {
    type: textOfField(report, 'feedback-type').toLowerCase() || 'abuse',
    isReport: part !== undefined,
    by: oneLine(agent === '' ? from : agent, { utf8: true }).slice(0, 100),
    returnPaths: [
      ...all(report, 'original-mail-from'),
      ...all(original, 'return-path', 'x-original-return-path', 'x-envelope-from'),
    ].flatMap(addressesIn),
    tokens: all(original, REPORT_TOKEN_FIELD.toLowerCase()),
    recipients: [
      ...all(report, 'original-rcpt-to', 'removal-recipient', 'original-recipient'),
      ...all(original, MICROSOFT_FIELD, 'x-original-to', 'delivered-to'),
    ].flatMap(addressesIn),
  };
}

/** Some put empty lines on top of them. */
function fieldsIn(part: MimePart): readonly HeaderField[] {
  const bytes = decodedBody({ ...part, body: part.body.subarray(0, 2 * MOST_HEADER_BYTES) });
  let start = 0;
  while (bytes[start] === 0x0d && bytes[start + 1] === 0x0a) start += 2;
  const rest = bytes.subarray(start, start + MOST_HEADER_BYTES);
  return parseHeaderBlock(rest.subarray(0, bodyOffsetOf(rest))).fields;
}

function addressesIn(value: string): readonly string[] {
  const text = value.slice(0, 500).replace(/^[A-Za-z0-9-]{1,20};/, '');
  return [...text.matchAll(/[^\s<>"(),;:]{1,128}@[^\s<>"(),;:]{1,255}/gu)].map(([address]) => address);
}
