import { simpleParser, type ParsedMail } from 'mailparser';
import MailComposer from 'nodemailer/lib/mail-composer';
import { describe, expect, test } from 'vitest';
import { mailTo } from '../../../tests/fakes/exits.ts';
import {
  PIXEL,
  HEAD,
  PLAIN,
  LATIN,
  HTML,
  IMAGE,
  ODD_NAME,
  INVITE,
  multi,
  message,
} from '../../../tests/fakes/mime-samples.ts';
import type { V3Body } from '../../../tests/fakes/sendgrid-checks.ts';
import { v3ContentOf } from './v3-content.ts';
import { addressingOf, v3JsonOf } from './v3-mail.ts';

const TERMS = { keepsDkim: false };
/** What SendGrid is told, and the message that it has to make of it. */
async function rebuilt(
  content: Buffer,
  to = ['b@example.net', 'c@example.net', 'd@example.net'],
): Promise<{ readonly body: V3Body; readonly mail: ParsedMail }> {
  const read = await v3ContentOf(content, TERMS);
  if (read.kind === 'unfit') throw new Error(read.why);
  const mail = mailTo({ to, content });
  const addressing = addressingOf(read, mail);
  if (addressing.kind === 'unfit') throw new Error(addressing.why);
  const body = JSON.parse(v3JsonOf(mail, addressing.envelope, read.rest)) as V3Body;
  const [first] = body.personalizations;
  const of = ({ name = '', email }: { readonly name?: string; readonly email: string }) => ({
    name: name.replaceAll('"', ''),
    address: email,
  });
  const html = body.content.find(({ type }) => type === 'text/html')?.value;
  const text = body.content.find(({ type }) => type === 'text/plain')?.value;
  const made = await new MailComposer({
    from: of(body.from),
    to: first?.to.map(of) ?? [],
    cc: first?.cc?.map(of) ?? [],
    replyTo: (body.reply_to_list ?? (body.reply_to === undefined ? [] : [body.reply_to])).map(of),
    subject: body.subject,
    ...(text === undefined ? {} : { text }),
    ...(html === undefined ? {} : { html }),
    alternatives: body.content
      .filter(({ type }) => type.startsWith('text/calendar'))
      .map(({ type, value }) => ({ contentType: type, content: value })),
    attachments: (body.attachments ?? []).map((one) => ({
      content: Buffer.from(one.content, 'base64'),
      contentType: one.type,
      filename: one.filename,
      contentDisposition: one.disposition === 'inline' ? ('inline' as const) : ('attachment' as const),
      ...(one.content_id === undefined ? {} : { cid: one.content_id }),
    })),
    headers: { ...body.headers },
  })
    .compile()
    .build();
  return { body, mail: await simpleParser(made, QUIET) };
}

const QUIET = { keepCidLinks: true, skipTextToHtml: true, skipHtmlToText: true };

/** What a recipient can tell. */
function readable(mail: ParsedMail): Record<string, unknown> {
  const header = (name: string): unknown =>
    mail.headerLines
      .find(({ key }) => key === name)
      ?.line.replace(/^[^:]+:\s*|\r?\n/g, '')
      .replace(/\s+/g, ' ');
  const list = (value: ParsedMail['to']): unknown =>
    value === undefined ? [] : [value].flat().flatMap((one) => one.value);
  return {
    from: list(mail.from),
    to: list(mail.to),
    cc: list(mail.cc),
    replyTo: list(mail.replyTo),
    subject: mail.subject,
    messageId: mail.messageId,
    date: mail.date?.toJSON(),
    references: mail.references,
    inReplyTo: mail.inReplyTo,
    unsubscribe: header('list-unsubscribe'),
    post: header('list-unsubscribe-post'),
    campaign: mail.headers.get('x-campaign'),
    text: mail.text?.trimEnd(),
    html: mail.html === false ? false : mail.html?.trimEnd(),
    attachments: mail.attachments.map(({ filename, contentType, cid, content, headers }) => ({
      filename,
      contentType,
      cid,
      content: content.toString('base64'),
      method: (headers.get('content-type') as { readonly params?: Record<string, string> } | undefined)?.params?.[
        'method'
      ],
    })),
  };
}

describe('what arrives of a message that was said in JSON is what it was:', () => {
  test.each([
    ['a plain text', PLAIN],
    ['HTML alone', HTML],
    ['alternatives', multi('alternative', PLAIN, HTML)],
    ['an image inside the HTML', multi('related', multi('alternative', PLAIN, HTML), IMAGE)],
    ['an image inside one of the alternatives', multi('alternative', PLAIN, multi('related', HTML, IMAGE))],
    ['an attachment with an odd name', multi('mixed', multi('alternative', PLAIN, HTML), ODD_NAME)],
    [
      'an image inside, and an attachment',
      multi('mixed', multi('related', multi('alternative', PLAIN, HTML), IMAGE), ODD_NAME),
    ],
    ['an invitation', multi('alternative', PLAIN, HTML, INVITE)],
  ])('%s', async (_, body) => {
    const content = message(body);
    const { mail } = await rebuilt(content);
    expect(readable(mail)).toEqual(readable(await simpleParser(content, QUIET)));
  });
});

describe('SendGrid is told', () => {
  test('text in any charset that can be decoded', async () => {
    const { body } = await rebuilt(message(LATIN));
    expect(body.content).toEqual([{ type: 'text/plain', value: 'Grüße, Köln' }]);
  });

  test('texts, attachments and their content ids in its own terms', async () => {
    const { body } = await rebuilt(
      message(multi('mixed', multi('related', multi('alternative', PLAIN, HTML), IMAGE), ODD_NAME)),
    );
    expect(body.content.map(({ type }) => type)).toEqual(['text/plain', 'text/html']);
    expect(body.content[0]?.value).toBe('Grüße\r\n.\r\nend\r\n');
    expect(body.attachments).toEqual([
      { content: PIXEL, type: 'image/png', filename: 'logo.png', disposition: 'inline', content_id: 'logo@x' },
      { content: PIXEL, type: 'application/pdf', filename: 'Rätsel € 1;2.pdf', disposition: 'attachment' },
    ]);
  });

  test('the method of an invitation, in an alternative and in an attachment', async () => {
    const attached = INVITE.replace('\r\n\r\n', '\r\nContent-Disposition: attachment; filename=invite.ics\r\n\r\n');
    const { body } = await rebuilt(message(multi('mixed', multi('alternative', PLAIN, HTML, INVITE), attached)));
    expect(body.content[2]?.type).toBe('text/calendar; method=REQUEST');
    expect(body.attachments?.[0]).toMatchObject({ type: 'text/calendar; method=REQUEST', filename: 'invite.ics' });
  });

  test('every header field that it does not write itself', async () => {
    const trace = [
      'Received: from a by b',
      'Received: from c by d',
      'DKIM-Signature: v=1',
      'X-SMTPAPI: {"to":["x@evil.test"]}',
      'Bcc: h@example.net',
    ];
    const { body } = await rebuilt(message(PLAIN, [...trace, ...HEAD]));
    expect(Object.keys(body.headers)).toEqual([
      'Message-ID',
      'Date',
      'References',
      'In-Reply-To',
      'List-Unsubscribe',
      'List-Unsubscribe-Post',
      'X-Campaign',
    ]);
    expect(JSON.stringify(body)).not.toContain('evil');
  });

  test('stream, tag and ids, and a name with a comma in quotes', async () => {
    const read = await v3ContentOf(message(PLAIN), TERMS);
    if (read.kind === 'unfit') throw new Error(read.why);
    const mail = { ...mailTo({ terms: { tag: 'spring' } }), deliveryId: 'm1.2' as never };
    const body = JSON.parse(v3JsonOf(mail, { to: read.to, cc: [], bcc: [] }, read.rest)) as V3Body;
    expect(body.categories).toEqual(['transactional', 'spring']);
    expect(body.custom_args).toEqual({
      'relevo-message': mail.message.id,
      'relevo-delivery': 'm1.2',
      'relevo-stream': 'transactional',
      'relevo-client': 'app',
      'relevo-tag': 'spring',
    });
    expect(body.personalizations[0]?.to[0]).toEqual({ email: 'b@example.net', name: '"Muster, Änne"' });
  });

  test('who is not in the header as Bcc', async () => {
    const { body } = await rebuilt(message(PLAIN), [
      'hidden@example.net',
      'd@example.net',
      'c@example.net',
      'B@example.net',
    ]);
    expect(body.personalizations).toMatchObject([
      {
        to: [{ email: 'B@example.net' }, { email: 'c@example.net' }],
        cc: [{ email: 'd@example.net' }],
        bcc: [{ email: 'hidden@example.net' }],
      },
    ]);
  });
});
