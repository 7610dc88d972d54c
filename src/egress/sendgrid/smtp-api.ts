/** `X-SMTPAPI`, the field by which SendGrid's SMTP server is told what its API has members for. Pure. */
import { tagsOf } from '../cloud/tags.ts';
import type { Mail } from '../egress.ts';
import { categoriesOf } from './v3-mail.ts';

/** Recommended by RFC 5322 §2.1.1; 998 is the most. */
const LINE_CHARS = 76;
/** Of a value, with its escapes: so that no line comes near 998. */
const VALUE_CHARS = 700;

/** The field with its final CR LF: stream and tag as categories, the tags as unique arguments. */
export function smtpApiField(mail: Mail): string {
  const categories = categoriesOf(mail).map(quoted);
  const args = [...tagsOf(mail)].map(([name, value]) => `${quoted(name)}: ${quoted(value)}`);
  const tokens = ['{"category":', ...list('[', categories, '],'), '"unique_args":', ...list('{', args, '}}')];
  let line = 'X-SMTPAPI:';
  let field = '';
  for (const token of tokens) {
    if (line.length + 1 + token.length > LINE_CHARS) {
      field += `${line}\r\n`;
      line = '';
    }
    line += ` ${token}`;
  }
  return `${field}${line}\r\n`;
}

/** Between these it may be folded: white space there is none of the values'. */
function list(open: string, members: readonly string[], close: string): readonly string[] {
  if (members.length === 0) return [open + close];
  return members.map((member, at) => {
    const before = at === 0 ? open : '';
    return before + member + (at === members.length - 1 ? close : ',');
  });
}

/** A JSON string in ASCII. */
function quoted(text: string): string {
  let escaped = '';
  for (const unit of JSON.stringify(text)
    .slice(1, -1)
    .match(/\\u[0-9a-f]{4}|\\.|[^\\]/gu) ?? []) {
    const ascii = unit.replace(/[^\x20-\x7e]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
    if (escaped.length + ascii.length > VALUE_CHARS) break;
    escaped += ascii;
  }
  return `"${escaped}"`;
}
