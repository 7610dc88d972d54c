/** A request of SES's `SendEmail` as a message of ours. What it asks for that is not done here is refused, never left out. Pure. */
import { z } from 'zod';
import { PRIORITIES } from '../../message/message.ts';
import type { Composed } from '../submission/compose.ts';
import { wishFields } from '../submission/wish-fields.ts';
import { envelopeOf } from '../submission/envelope.ts';
import { headerFaults } from '../submission/header-lines.ts';
import { type Attachment, base64, contentType, line, type Mail, type Wishes } from '../submission/mail.ts';
import { type NamedAddress, namedAddress } from '../submission/named-address.ts';

const MOST_HEADERS = 100;

/** Written without null where a field is absent, as the SDKs do. */
const optional = <Type extends z.ZodType>(type: Type) => type.nullish().transform((value) => value ?? null);

const addresses = z
  .array(namedAddress)
  .nullish()
  .transform((list) => list ?? []);
const text = z.object({ Data: z.string(), Charset: optional(z.string()) });

const attachment = z
  .object({
    RawContent: base64,
    FileName: line(255),
    ContentType: optional(contentType),
    ContentDisposition: optional(z.enum(['ATTACHMENT', 'INLINE'])),
    ContentId: optional(line(200)),
  })
  .transform((one): Attachment => {
    const contentId = one.ContentId === null ? null : one.ContentId.replaceAll(/[<>\s]/g, '');
    const isInline = one.ContentDisposition === 'INLINE';
    return { content: one.RawContent, filename: one.FileName, contentType: one.ContentType, contentId, isInline };
  });

const simple = z.object({
  Subject: text,
  Body: z.object({ Text: optional(text), Html: optional(text) }),
  Attachments: z.array(attachment).max(100).nullish(),
  Headers: z.array(z.object({ Name: z.string(), Value: z.string() })).nullish(),
});

const NOT_HERE = ['Template', 'ListManagementOptions', 'EndpointId'] as const;

const request = z.object({
  Content: z.object({
    Raw: optional(z.object({ Data: base64 })),
    Simple: optional(simple),
    Template: z.unknown().optional(),
  }),
  Destination: optional(z.object({ ToAddresses: addresses, CcAddresses: addresses, BccAddresses: addresses })),
  FromEmailAddress: optional(namedAddress),
  FeedbackForwardingEmailAddress: optional(namedAddress),
  ReplyToAddresses: addresses,
  ConfigurationSetName: optional(line(64)),
  EmailTags: z
    .array(z.object({ Name: line(256), Value: line(256) }))
    .nullish()
    .transform((tags) => tags ?? []),
  ListManagementOptions: z.unknown().optional(),
  EndpointId: z.unknown().optional(),
});
type Request = z.infer<typeof request>;

/** What `POST /v2/email/outbound-emails` takes: a message that is to be composed, or one that is whole. */
export const outboundSchema = request.transform((asked, context): Mail | { readonly raw: Composed } => {
  const refuse = (path: readonly string[], message: string): never => {
    context.addIssue({ code: 'custom', message, path: [...path] });
    return z.NEVER;
  };
  for (const name of NOT_HERE) {
    const given = name === 'Template' ? asked.Content.Template : asked[name];
    if (given !== undefined && given !== null)
      return refuse(name === 'Template' ? ['Content', name] : [name], `${name} is not supported here`);
  }
  const { Raw, Simple } = asked.Content;
  if ((Raw === null) === (Simple === null)) return refuse(['Content'], 'expected either Raw or Simple');
  const wishes = wishesOf(asked);
  if (typeof wishes === 'string') return refuse(['EmailTags'], wishes);
  if (Raw !== null) return rawOf(Raw.Data, asked, { wishes, refuse });
  if (Simple === null) return refuse(['Content'], 'expected either Raw or Simple');
  if (asked.FromEmailAddress === null) return refuse(['FromEmailAddress'], 'expected an address');
  const headers = (Simple.Headers ?? []).map(({ Name, Value }) => ({ name: Name, value: Value }));
  const [fault] = headerFaults(headers, MOST_HEADERS);
  if (fault !== undefined) return refuse(['Content', 'Simple', 'Headers'], `${fault.path} ${fault.text}`);
  return mailOf(asked, asked.FromEmailAddress, { Simple, headers, wishes, refuse });
});

type Refuse = (path: readonly string[], message: string) => never;

function mailOf(
  asked: Request,
  from: NamedAddress,
  {
    Simple,
    headers,
    wishes,
    refuse,
  }: {
    readonly Simple: z.infer<typeof simple>;
    readonly headers: Mail['headers'];
    readonly wishes: Wishes;
    readonly refuse: Refuse;
  },
): Mail {
  const { ToAddresses: to = [], CcAddresses: cc = [], BccAddresses: bcc = [] } = asked.Destination ?? {};
  if (to.length + cc.length + bcc.length === 0) return refuse(['Destination'], 'there is no recipient');
  const { Text, Html } = Simple.Body;
  if (Text === null && Html === null) return refuse(['Content', 'Simple', 'Body'], 'there is neither Text nor Html');
  const back = asked.FeedbackForwardingEmailAddress;
  return {
    client: clientIn(asked),
    from,
    ...(back === null ? {} : { sender: back.address }),
    to,
    cc,
    bcc,
    replyTo: asked.ReplyToAddresses,
    // A subject is one line; the SDKs' users write what they have.
    subject: Simple.Subject.Data.replaceAll(/\s+/g, ' ').trim(),
    text: Text?.Data ?? null,
    html: Html?.Data ?? null,
    attachments: Simple.Attachments ?? [],
    headers,
    wishes,
  };
}

/** Who is in Destination gets it, whatever its header says; without one, whom the header names. */
function rawOf(
  content: Buffer,
  asked: Request,
  { wishes, refuse }: { readonly wishes: Wishes; readonly refuse: Refuse },
): { readonly raw: Composed } {
  const { ToAddresses = [], CcAddresses = [], BccAddresses = [] } = asked.Destination ?? {};
  const named = [...ToAddresses, ...CcAddresses, ...BccAddresses].map(({ address }) => address);
  const from = (asked.FeedbackForwardingEmailAddress ?? asked.FromEmailAddress)?.address ?? null;
  const to = named.length === 0 ? null : named.join(', ');
  const envelope = envelopeOf(content, { from, to });
  if (envelope.kind === 'bad')
    return refuse([envelope.path === 'from' ? 'FromEmailAddress' : 'Destination'], envelope.text);
  const { sender, recipients } = envelope;
  const whole = Buffer.concat([wishFields(wishes), content]);
  return { raw: { client: clientIn(asked), sender, recipients, content: whole } };
}

/** By tags of ours; the configuration set is the stream. A text: what is wrong with them. */
function wishesOf({ EmailTags, ConfigurationSetName }: Request): Wishes | string {
  const said = (name: string): string | null => EmailTags.find((tag) => tag.Name === name)?.Value ?? null;
  const priority = said('relevo-priority');
  if (priority !== null && !PRIORITIES.some((one) => one === priority))
    return `relevo-priority: expected ${PRIORITIES.join(', ')}`;
  const others = EmailTags.filter(({ Name }) => !Name.startsWith('relevo-') && !Name.startsWith('ses:'));
  const [first] = others;
  const tag = said('relevo-tag') ?? (first === undefined ? null : `${first.Name}=${first.Value}`);
  if (tag !== null && !/^[!-~]{1,64}$/.test(tag))
    return 'a tag has at most 64 printable ASCII characters, with its name';
  return { stream: said('relevo-stream') ?? ConfigurationSetName, priority, tag, sendAt: null, expires: null };
}

function clientIn({ EmailTags }: Request): string | null {
  return EmailTags.find((tag) => tag.Name === 'relevo-client')?.Value ?? null;
}
