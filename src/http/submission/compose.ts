/** Messages written from JSON. Nothing in them is fetched: neither files nor addresses. */
import { createHash } from 'node:crypto';
import { bodyOffsetOf } from '../../message/header.ts';
import type { Attachment, Mail, Wishes } from './mail.ts';
import type { NamedAddress } from './named-address.ts';
import { wishFields } from './wish-fields.ts';

/** A message that can be submitted. */
export type Composed = {
  readonly client: string | null;
  /** Of the envelope. */
  readonly sender: string;
  /** Of the envelope, each once. */
  readonly recipients: readonly string[];
  readonly content: Buffer;
  /** What a program of ours wrote in JSON, which is told where the policy does not have it. */
  readonly wishes?: Wishes;
};

/** @param nowMs wall time, for its Date */
export async function composed(mail: Mail, nowMs: number): Promise<Composed> {
  const content = await messageOf(mail, nowMs);
  const recipients = new Set([...mail.to, ...mail.cc, ...mail.bcc].map(({ address }) => address));
  return { client: mail.client, sender: mail.sender ?? mail.from.address, recipients: [...recipients], content };
}

async function messageOf(mail: Mail, nowMs: number): Promise<Buffer> {
  // Loaded with the first message that is composed.
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer');
  const spelled = new Map(mail.headers.map(({ name }) => [name.toLowerCase(), name]));
  // Its types do not know it. The same request makes the same parts: a resend by Message-ID is known by its body.
  const boundary: object = { baseBoundary: boundaryOf(mail) };
  const composer = new MailComposer({
    ...boundary,
    from: mailbox(mail.from),
    to: mail.to.map(mailbox),
    cc: mail.cc.map(mailbox),
    replyTo: mail.replyTo.map(mailbox),
    ...(mail.subject === '' ? {} : { subject: mail.subject }),
    ...(mail.text === null ? {} : { text: mail.text }),
    ...(mail.html === null ? {} : { html: mail.html }),
    attachments: mail.attachments.map(attached),
    headers: mail.headers.map(({ name, value }) => ({ key: name, value })),
    normalizeHeaderKey: (name) => spelled.get(name.toLowerCase()) ?? name,
    date: new Date(nowMs),
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const whole = await composer.compile().build();
  const content = spelled.has('message-id') ? whole : withoutMessageId(whole);
  return Buffer.concat([wishFields(mail.wishes), content]);
}

function mailbox({ name, address }: NamedAddress): { name: string; address: string } {
  return { name, address };
}

function attached({ content, filename, contentType, contentId, isInline }: Attachment) {
  return {
    content,
    filename: filename ?? (false as const),
    contentDisposition: isInline ? ('inline' as const) : ('attachment' as const),
    ...(contentType === null ? {} : { contentType }),
    ...(contentId === null ? {} : { cid: contentId }),
  };
}

/** The relay's own is made of the message's id. */
function withoutMessageId(content: Buffer): Buffer {
  const header = content.subarray(0, bodyOffsetOf(content));
  const start = header.indexOf('\r\nMessage-ID:', 0, 'latin1') + 2;
  if (start === 1) return content;
  const end = header.indexOf('\r\n', start, 'latin1') + 2;
  return Buffer.concat([content.subarray(0, start), content.subarray(end)]);
}

function boundaryOf({ text, html, attachments }: Mail): string {
  const hash = createHash('sha256')
    .update(text ?? '')
    .update('\0')
    .update(html ?? '');
  for (const { content } of attachments) hash.update('\0').update(content);
  return hash.digest('hex').slice(0, 32);
}
