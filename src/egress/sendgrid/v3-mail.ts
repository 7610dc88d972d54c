/** Who gets a message, as v3 JSON says it: who stands in To and Cc sees the others, everybody else is a Bcc. Pure. */
import { needsSmtpUtf8 } from '../../message/address.ts';
import type { Mail } from '../egress.ts';
import { MAIL_TAG, tagsOf } from '../cloud/tags.ts';
import type { V3Address } from './v3-content.ts';

/** Recipients of one request, of all kinds together. */
export const RECIPIENTS_MOST = 1_000;
/** A category with more is refused. */
const CATEGORY_CHARS = 255;

export type V3Envelope = {
  readonly to: readonly V3Address[];
  readonly cc: readonly V3Address[];
  readonly bcc: readonly V3Address[];
};

export type Addressing =
  | { readonly kind: 'fits'; readonly envelope: V3Envelope }
  | { readonly kind: 'unfit'; readonly why: string };

type Header = { readonly to: readonly V3Address[]; readonly cc: readonly V3Address[] };

/**
 * To and Cc of the API are header and envelope in one: what stands in the header has to be among the recipients of this
 * delivery, or it would be either missing in the header or written to by us.
 */
export function addressingOf(
  { to, cc }: Header,
  { recipients, sender }: Pick<Mail, 'recipients' | 'sender'>,
): Addressing {
  if (sender === '') return unfit('it has the null sender, which the API cannot say');
  if (recipients.length > RECIPIENTS_MOST) return unfit(`it has more than ${RECIPIENTS_MOST} recipients`);
  if (recipients.some(({ address }) => needsSmtpUtf8(address))) return unfit('it goes to an internationalized address');
  const left = new Map(recipients.map(({ address }) => [address.toLowerCase(), address]));
  if (left.size < recipients.length) return unfit('it goes to addresses that differ in case alone');
  const seen = new Set<string>();
  const named: V3Address[][] = [];
  for (const list of [to, cc]) {
    const kept: V3Address[] = [];
    for (const one of list) {
      const key = one.email.toLowerCase();
      if (seen.has(key)) return unfit('it has an address twice in To and Cc, which the API refuses');
      seen.add(key);
      const email = left.get(key);
      if (email === undefined)
        return unfit('its To or Cc names others than the recipients of this delivery, to whom the API would send too');
      left.delete(key);
      kept.push({ ...one, email });
    }
    named.push(kept);
  }
  const [keptTo = [], keptCc = []] = named;
  return { kind: 'fits', envelope: { to: keptTo, cc: keptCc, bcc: [...left.values()].map((email) => ({ email })) } };
}

function unfit(why: string): Addressing {
  return { kind: 'unfit', why };
}

/** The part of the envelope for these recipients. Where none of To is among them, the first of the others stands there. */
export function withOnly({ to, cc, bcc }: V3Envelope, recipients: ReadonlySet<string>): V3Envelope {
  const of = (list: readonly V3Address[]): readonly V3Address[] => list.filter(({ email }) => recipients.has(email));
  const some = { to: of(to), cc: of(cc), bcc: of(bcc) };
  if (some.to.length > 0) return some;
  const [first, ...rest] = [...some.cc, ...some.bcc];
  return first === undefined ? some : { to: [first], cc: [], bcc: rest };
}

/** The whole JSON of a request. @param rest as `V3Content` has it */
export function v3JsonOf(mail: Mail, envelope: V3Envelope, rest: string): string {
  const { to, cc, bcc } = envelope;
  const personalization = { to, ...(cc.length === 0 ? {} : { cc }), ...(bcc.length === 0 ? {} : { bcc }) };
  const own = {
    personalizations: [personalization],
    categories: categoriesOf(mail),
    custom_args: Object.fromEntries(tagsOf(mail)),
  };
  return `${JSON.stringify(own).slice(0, -1)},${rest}}`;
}

/** Stream and tag, as far as SendGrid takes them: in ASCII. The custom arguments have them whole. */
export function categoriesOf(mail: Mail): readonly string[] {
  const names = [mail.message.stream, tagsOf(mail).get(MAIL_TAG) ?? ''];
  return [...new Set(names)].filter((name) => /^[\x20-\x7e]+$/.test(name)).map((name) => name.slice(0, CATEGORY_CHARS));
}
