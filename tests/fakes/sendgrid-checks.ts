/** The body of SendGrid's Mail Send, and what its documents have against one. */

type Address = { readonly email: string; readonly name?: string };

/** What is used of the body of Mail Send. */
export type V3Body = {
  readonly personalizations: readonly {
    readonly to: readonly Address[];
    readonly cc?: readonly Address[];
    readonly bcc?: readonly Address[];
  }[];
  readonly from: Address;
  readonly reply_to?: Address;
  readonly reply_to_list?: readonly Address[];
  readonly subject: string;
  readonly content: readonly { readonly type: string; readonly value: string }[];
  readonly attachments?: readonly {
    readonly content: string;
    readonly type: string;
    readonly filename: string;
    readonly disposition: string;
    readonly content_id?: string;
  }[];
  readonly headers: Readonly<Record<string, string>>;
  readonly categories: readonly string[];
  readonly custom_args: Readonly<Record<string, string>>;
};

export type ApiError = { readonly message: string; readonly field: string | null };

/** Everybody who gets it. */
export function recipientsOf({ personalizations }: V3Body): readonly Address[] {
  return personalizations.flatMap(({ to, cc = [], bcc = [] }) => [...to, ...cc, ...bcc]);
}

const RESERVED =
  /^(?:x-sg-id|x-sg-eid|received|dkim-signature|content-type|content-transfer-encoding|to|from|subject|reply-to|cc|bcc)$/i;
const ADDRESS = /^[^\s@]+@[^\s@.]+(?:\.[^\s@.]+)+$/;

/** As its documents put it. */
export function errorsIn(body: V3Body): ApiError[] {
  return [...envelopeErrors(body), ...contentErrors(body), ...headerErrors(body)];
}

function unless(isSound: boolean, message: string, field: string): ApiError[] {
  return isSound ? [] : [{ message, field }];
}

function envelopeErrors(body: V3Body): ApiError[] {
  const seen = new Set<string>();
  const each = body.personalizations.flatMap((one, at) => [
    ...unless(
      one.to.length > 0,
      'The to array is required for all personalization objects.',
      `personalizations.${at}.to`,
    ),
    ...(['to', 'cc', 'bcc'] as const).flatMap((list) =>
      (one[list] ?? []).flatMap(({ email }, place) => {
        const isNew = !seen.has(email.toLowerCase());
        seen.add(email.toLowerCase());
        const field = `personalizations.${at}.${list}.${place}.email`;
        return [
          ...unless(ADDRESS.test(email), 'Does not contain a valid address.', field),
          ...unless(isNew, 'Each email address should be unique between to, cc, and bcc.', `personalizations.${at}`),
        ];
      }),
    ),
  ]);
  const few = unless(
    recipientsOf(body).length <= 1_000,
    'There is a limit of 1000 total recipients.',
    'personalizations',
  );
  return [...each, ...few, ...unless(ADDRESS.test(body.from.email), 'Does not contain a valid address.', 'from.email')];
}

function contentErrors({ subject, content, attachments = [] }: V3Body): ApiError[] {
  const order = content.map(({ type }) => ['text/plain', 'text/html'].indexOf(type));
  const isOrdered = order.every((place, at) => place < 0 || place === at || (place === 1 && at === 0));
  return [
    ...unless(subject !== '', 'The subject is required.', 'subject'),
    ...unless(content.length > 0, 'The content must have at least one type.', 'content'),
    ...unless(isOrdered, 'text/plain comes first, then text/html, then any other.', 'content'),
    ...content.flatMap(({ value }) =>
      unless(value !== '', 'The content value must have at least one character.', 'content.0.value'),
    ),
    ...attachments.flatMap((one) =>
      unless(
        /^[A-Za-z0-9+/]+=*$/.test(one.content) && one.filename !== '',
        'The attachment content must be base64 encoded.',
        'attachments.0.content',
      ),
    ),
  ];
}

function headerErrors({ headers, categories }: V3Body): ApiError[] {
  return [
    ...Object.entries(headers).flatMap(([name, value]) => [
      ...unless(!RESERVED.test(name), `The header ${name} is reserved.`, 'headers'),
      ...unless(/^[\x20-\x7e]*$/.test(value), 'Header values must be encoded where they are not ASCII.', 'headers'),
    ]),
    ...unless(
      categories.length <= 10 && new Set(categories).size === categories.length,
      'At most 10 categories.',
      'categories',
    ),
  ];
}
