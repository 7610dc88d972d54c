/** A message as programs write it in JSON, held to its schema. Pure. */
import { z } from 'zod';
import { expiryOf, timeOf } from '../../policy/times.ts';
import { PRIORITIES } from '../../message/message.ts';
import { isOneLine, namedAddress, type NamedAddress } from './named-address.ts';
import { headerFaults, type HeaderLine } from './header-lines.ts';

/** `content`: decoded. */
export type Attachment = {
  readonly content: Buffer;
  readonly filename: string | null;
  readonly contentType: string | null;
  /** Without angle brackets; by `cid:` of it HTML shows it. */
  readonly contentId: string | null;
  readonly isInline: boolean;
};

/** What the relay is to do with it; null: what the policy says. */
export type Wishes = {
  readonly stream: string | null;
  readonly priority: string | null;
  readonly tag: string | null;
  readonly sendAt: string | null;
  readonly expires: string | null;
};

export type Mail = {
  readonly client: string | null;
  /** Of the envelope. Default: `from`. */
  readonly sender?: string;
  readonly from: NamedAddress;
  readonly to: readonly NamedAddress[];
  readonly cc: readonly NamedAddress[];
  readonly bcc: readonly NamedAddress[];
  readonly replyTo: readonly NamedAddress[];
  readonly subject: string;
  readonly text: string | null;
  readonly html: string | null;
  readonly attachments: readonly Attachment[];
  readonly headers: readonly HeaderLine[];
  readonly wishes: Wishes;
};

const MOST_ATTACHMENTS = 100;
const MOST_HEADERS = 100;

/** One line of text. */
export const line = (most: number) =>
  z.string().max(most).refine(isOneLine, 'expected one line without control characters');

/** Whitespace may be in it. null: something in it is no base64. */
function bytesOfBase64(text: string): Buffer | null {
  const packed = /\s/.test(text) ? text.replaceAll(/\s+/g, '') : text;
  const padding = packed.endsWith('==') ? 2 : packed.endsWith('=') ? 1 : 0;
  const letters = packed.length - padding;
  const bytes = Buffer.from(packed, 'base64');
  // What is no letter of base64 is left out without a word: then bytes are missing.
  return letters % 4 !== 1 && bytes.length === Math.floor((letters * 3) / 4) ? bytes : null;
}

/** Base64, decoded. */
export const base64 = z.string().transform((text, context): Buffer => {
  const bytes = bytesOfBase64(text);
  if (bytes !== null) return bytes;
  context.addIssue({ code: 'custom', message: 'expected base64' });
  return z.NEVER;
});

/** A media type of one part. */
export const contentType = line(200)
  .regex(/^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:\s*;[ -~]*)?$/, 'expected a media type, such as image/png')
  .refine((type) => !/^multipart\//i.test(type), 'a part of several parts cannot be attached');

const attachment = z
  .strictObject({
    content: base64.meta({ description: 'base64' }),
    filename: line(255).nullable().prefault(null),
    contentType: contentType.nullable().prefault(null),
    contentId: line(200)
      .regex(/^<?[^<>\s]+>?$/, 'expected an id, such as logo or logo@example.com')
      .nullable()
      .prefault(null)
      .meta({ description: 'HTML shows it by `cid:` and this' }),
    inline: z.boolean().nullable().prefault(null).meta({ description: 'Default: whether it has a contentId' }),
  })
  .transform(({ inline, contentId, ...rest }): Attachment => {
    const id = contentId === null ? null : contentId.replaceAll(/[<>]/g, '');
    return { ...rest, contentId: id, isInline: inline ?? id !== null };
  });

/** In the words of JSON Schema, which cannot tell them of a transform. */
const ADDRESS = [
  { type: 'string', description: '`ann@example.com` or `Ann <ann@example.com>`' },
  {
    type: 'object',
    properties: { address: { type: 'string' }, name: { type: 'string' } },
    required: ['address'],
    additionalProperties: false,
  },
] as const;

const addresses = z
  .unknown()
  .transform((value) => (value === null ? [] : Array.isArray(value) ? value : [value]))
  .pipe(z.array(namedAddress))
  .prefault(() => [])
  .meta({
    description: 'One address, or a list of them',
    anyOf: [...ADDRESS, { type: 'array', description: 'of such' }],
  });

const headers = z
  .record(z.string(), z.union([z.string(), z.array(z.string()).max(MOST_HEADERS)]))
  .prefault({})
  .transform((given, context): readonly HeaderLine[] => {
    const lines = Object.entries(given).flatMap(([name, value]) =>
      (typeof value === 'string' ? [value] : value).map((one): HeaderLine => ({ name, value: one })),
    );
    for (const { path, text } of headerFaults(lines, MOST_HEADERS))
      context.addIssue({ code: 'custom', message: text, path: [path] });
    return lines;
  });

const wishes = {
  stream: line(64).min(1).nullable().prefault(null).meta({ description: 'A stream of the policy' }),
  priority: z.enum(PRIORITIES).nullable().prefault(null),
  tag: z
    .string()
    .regex(/^[!-~]{1,64}$/, 'expected 1 to 64 printable ASCII characters')
    .nullable()
    .prefault(null),
  sendAt: z
    .string()
    .refine((text) => timeOf(text) !== null, 'expected a time such as 2026-12-24T18:00:00Z')
    .nullable()
    .prefault(null),
  expires: z
    .string()
    .refine((text) => expiryOf(text) !== null, 'expected a time such as 2026-12-24T18:00:00Z, or a duration such as 2h')
    .nullable()
    .prefault(null),
};

/** What `POST /api/v1/messages` takes as JSON, and a batch a list of. */
export const mailSchema = z
  .strictObject({
    client: line(64).nullable().prefault(null).meta({ description: 'The client of the policy to submit it as' }),
    from: namedAddress.meta({ description: 'Also the envelope sender: bounces go there', anyOf: [...ADDRESS] }),
    to: addresses,
    cc: addresses,
    bcc: addresses.meta({ description: 'Not in the message that is sent' }),
    replyTo: addresses,
    subject: line(2_000).prefault(''),
    text: z.string().nullable().prefault(null),
    html: z.string().nullable().prefault(null),
    attachments: z.array(attachment).max(MOST_ATTACHMENTS).prefault([]),
    headers,
    ...wishes,
  })
  .superRefine(({ to, cc, bcc, text, html, attachments }, context) => {
    if (to.length + cc.length + bcc.length === 0)
      context.addIssue({ code: 'custom', message: 'there is no recipient in to, cc or bcc', path: ['to'] });
    if (text === null && html === null && attachments.length === 0)
      context.addIssue({ code: 'custom', message: 'there is no text, no html and no attachment', path: ['text'] });
  })
  .transform(({ stream, priority, tag, sendAt, expires, ...mail }): Mail => {
    return { ...mail, wishes: { stream, priority, tag, sendAt, expires } };
  });
