/**
 * Whether a message survives being said in SendGrid's v3 JSON, which knows texts, attachments and headers, but no MIME. What
 * would be lost makes it `unfit`: better by the next exit than changed. Pure.
 */
import { bodyOffsetOf, type HeaderField, parseHeaderBlock, unfoldedValue } from '../../message/header.ts';
import { shapeOf, type Shape } from './shape.ts';

/** `why`: in words for operators: `it is signed (S/MIME)`. */
export type Survival =
  | { readonly kind: 'fits'; readonly shape: Shape; readonly headers: readonly HeaderField[] }
  | { readonly kind: 'unfit'; readonly why: string };

/** SendGrid's documents: the whole message with its attachments, below 30 MB. */
export const MESSAGE_MOST_BYTES = 30_000_000;

export type SurvivalTerms = {
  /** The message's own DKIM signatures have to arrive, which they cannot: SendGrid writes the message anew. */
  readonly keepsDkim: boolean;
};

/** Fields that SendGrid writes itself, from what it is told: not among its custom headers. */
const SAID: ReadonlySet<string> = new Set(['from', 'to', 'cc', 'subject', 'reply-to']);

/** Not told at all: what was of the way so far, or of the MIME form, or is nobody's to see. */
const DROPPED: ReadonlySet<string> = new Set([
  'return-path',
  'received',
  'received-spf',
  'authentication-results',
  'delivered-to',
  'dkim-signature',
  'arc-seal',
  'arc-message-signature',
  'arc-authentication-results',
  'bcc',
  'mime-version',
  'content-type',
  'content-transfer-encoding',
  'content-disposition',
  'content-id',
  'x-sg-id',
  'x-sg-eid',
  'x-smtpapi',
]);

/** @param content every line ends with CR LF */
export function survives(content: Buffer, { keepsDkim }: SurvivalTerms): Survival {
  if (content.length > MESSAGE_MOST_BYTES)
    return unfit(`it is larger than SendGrid takes: ${content.length} of ${MESSAGE_MOST_BYTES} bytes`);
  const { fields, malformed } = parseHeaderBlock(content.subarray(0, bodyOffsetOf(content)));
  if (malformed.length > 0) return unfit('it has a line in its header that is no field');
  const why = headerTrouble(fields, keepsDkim);
  if (why !== null) return unfit(why);
  const shape = shapeOf(content);
  if (shape.kind === 'unfit') return shape;
  const headers = fields.filter(({ name }) => !SAID.has(name) && !DROPPED.has(name));
  return { kind: 'fits', shape: shape.shape, headers };
}

function headerTrouble(fields: readonly HeaderField[], keepsDkim: boolean): string | null {
  const seen = new Set<string>();
  for (const field of fields) {
    const { name, raw } = field;
    if (keepsDkim && name === 'dkim-signature') return 'it has a DKIM signature that is to be kept';
    if (DROPPED.has(name)) continue;
    if (seen.has(name)) return `it has the header field ${name} more than once`;
    seen.add(name);
    if (/[\x80-\xff]/.test(raw) && !SAID.has(name)) return `it has the header field ${name} in more than ASCII`;
    if (!isUtf8(raw)) return `it has the header field ${name} in an unknown charset`;
    if (unfoldedValue(field) === '' && name !== 'to' && name !== 'cc') return `it has an empty header field ${name}`;
  }
  if (!seen.has('from')) return 'it has no From';
  if (!seen.has('subject')) return 'it has no Subject';
  if (!seen.has('to')) return 'it has no To';
  return null;
}

function isUtf8(latin1: string): boolean {
  if (!/[\x80-\xff]/.test(latin1)) return true;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(latin1, 'latin1'));
    return true;
  } catch {
    return false;
  }
}

function unfit(why: string): Survival {
  return { kind: 'unfit', why };
}
