/**
 * What becomes of a message's header section on the way to one provider: fields that go, fields of which the provider takes
 * one, and signatures. The body is never touched; where no rule says anything, the message is the same bytes.
 */
import {
  bodyOffsetOf,
  bytesOfFields,
  type HeaderField,
  parseHeaderBlock,
  unfoldedValue,
} from '../../message/header.ts';
import type { Mail } from '../egress.ts';

/** Signs for the From domain; as `sign/` does it, which exits do not know. */
export type ExitSign = (unsigned: {
  readonly fromDomain: string | null;
  readonly fields: readonly HeaderField[];
  readonly body: Buffer;
  /** Fields that the signatures must not cover, in lower case: the provider writes its own. */
  readonly uncovered: ReadonlySet<string>;
}) => Promise<Buffer>;

export type HeaderRules = {
  readonly dkim: 'keep' | 'strip' | 'sign';
  /** Names, or patterns with `*`. */
  readonly strip: readonly string[];
  /** What would be orders to the provider: taken off, too, but for what `keep` names. Likewise. */
  readonly orders: readonly string[];
  /** Of `orders` alone. Likewise. */
  readonly keep: readonly string[];
  /** Fields of which it takes one, in lower case: the first stays. */
  readonly once: ReadonlySet<string>;
  /** Fields that it writes itself, in lower case. */
  readonly rewritten: ReadonlySet<string>;
};

const SIGNATURE = 'dkim-signature';

/** @throws when the cryptography fails */
export async function fittedContent(mail: Mail, rules: HeaderRules, sign: ExitSign | null): Promise<Buffer> {
  const { content, message } = mail;
  const bodyAt = bodyOffsetOf(content);
  const { fields } = parseHeaderBlock(content.subarray(0, bodyAt));
  const kept = keptFields(fields, rules);
  const isUnchanged = kept.length === fields.length;
  if (rules.dkim !== 'sign' || sign === null) return isUnchanged ? content : rebuilt(content, { fields: kept, bodyAt });
  const signed = await sign({
    fromDomain: message.fromDomain,
    fields: kept,
    body: content.subarray(bodyAt),
    uncovered: rules.rewritten,
  });
  const [signature] = parseHeaderBlock(signed).fields.filter(isRsa);
  if (signature === undefined) return isUnchanged ? content : rebuilt(content, { fields: kept, bodyAt });
  return rebuilt(content, { fields: [signature, ...kept], bodyAt });
}

function keptFields(fields: readonly HeaderField[], rules: HeaderRules): readonly HeaderField[] {
  const { dkim, once } = rules;
  const isStripped = matcherOf(rules.strip);
  const isOrder = matcherOf(rules.orders);
  const isMeant = matcherOf(rules.keep);
  const seen = new Set<string>();
  // Of several signatures that may stay only one can: the one that every receiver can check.
  const best = once.has(SIGNATURE) ? (fields.find((field) => field.name === SIGNATURE && isRsa(field)) ?? null) : null;
  return fields.filter((field) => {
    const { name } = field;
    if (name === SIGNATURE && (dkim !== 'keep' || (best !== null && field !== best))) return false;
    if (isStripped(name) || (isOrder(name) && !isMeant(name))) return false;
    if (!once.has(name)) return true;
    const isFirst = !seen.has(name);
    seen.add(name);
    return isFirst;
  });
}

function isRsa(field: HeaderField): boolean {
  return /(?:^|;)\s*a\s*=\s*rsa-/i.test(unfoldedValue(field));
}

function matcherOf(globs: readonly string[]): (name: string) => boolean {
  const patterns = globs.map(patternOf);
  return (name) => patterns.some((pattern) => pattern.test(name));
}

function patternOf(glob: string): RegExp {
  const parts = glob.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join('.*')}$`, 'i');
}

function rebuilt(
  content: Buffer,
  { fields, bodyAt }: { readonly fields: readonly HeaderField[]; readonly bodyAt: number },
): Buffer {
  const hasEnd = bodyAt >= 2 && content.subarray(bodyAt - 2, bodyAt).equals(CRLF) && isEmptyLine(content, bodyAt);
  return Buffer.concat([bytesOfFields(fields), ...(hasEnd ? [CRLF] : []), content.subarray(bodyAt)]);
}

/** Whether an empty line ends the header section: a message may be all header. */
function isEmptyLine(content: Buffer, bodyAt: number): boolean {
  return bodyAt === 2 || (bodyAt >= 4 && content.subarray(bodyAt - 4, bodyAt - 2).equals(CRLF));
}

const CRLF = Buffer.from('\r\n');
