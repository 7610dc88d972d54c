/** Lines of a report that carry what others wrote: nothing in them can start a header or end a part. */

const LONGEST = 900;
const FOLD_AT = 76;

/** One line: control characters (line ends among them) become spaces; cut at 900 characters. */
export function oneLine(text: string, { utf8 }: { readonly utf8: boolean }): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what must go
  const plain = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim();
  const safe = utf8 ? plain.toWellFormed() : plain.replace(/[^ -~]/gu, '?');
  return safe.length > LONGEST ? `${safe.slice(0, LONGEST)}...` : safe;
}

/** `name: value` with CRLF, folded at spaces (RFC 5322 §2.2.3). */
export function field(name: string, value: string, format: { readonly utf8: boolean }): string {
  const lines: string[] = [];
  let line = `${name}:`;
  for (const word of oneLine(value, format).split(/ +/)) {
    if (line.length + 1 + word.length > FOLD_AT && line.trim() !== '' && !line.endsWith(':')) {
      lines.push(line);
      line = '';
    }
    line += ` ${word}`;
  }
  return `${[...lines, line].join('\r\n')}\r\n`;
}

/** Decodes xtext (RFC 3461 §4); what is not xtext stays as it is. */
export function decodeXtext(text: string): string {
  return text.replace(/\+([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
