/** Header fields of a program's own: which there may be, and what may be in them. Pure. */

export type HeaderLine = { readonly name: string; readonly value: string };

/** `path`: the field's name. */
export type HeaderFault = { readonly path: string; readonly text: string };

const LONGEST_VALUE = 8_000;

/** Made of the message's other fields, or by the relay. */
const OWNED: ReadonlyMap<string, string> = new Map([
  ['from', 'give from instead'],
  ['to', 'give to instead'],
  ['cc', 'give cc instead'],
  ['bcc', 'give bcc instead'],
  ['reply-to', 'give replyTo instead'],
  ['subject', 'give subject instead'],
  ['date', 'the relay writes it'],
  ['mime-version', 'the relay writes it'],
  ['received', 'the relay writes it'],
  ['return-path', 'the server that delivers it writes it'],
  ['dkim-signature', 'the relay signs'],
  ['authentication-results', 'whoever receives it writes it'],
]);
const OWNED_BEGINNINGS: readonly (readonly [string, string])[] = [
  ['content-', 'the relay writes it'],
  ['resent-', 'it is for mail that is sent again'],
  ['arc-', 'whoever passes it on writes it'],
  ['x-relevo-', 'give stream, priority, tag, sendAt or expires instead'],
];

/** What is wrong with them, each with the name that it has in the request; none: nothing is. */
export function headerFaults(lines: readonly HeaderLine[], most: number): readonly HeaderFault[] {
  if (lines.length > most) return [{ path: lines.at(-1)?.name ?? '', text: `more than ${most} fields` }];
  return lines.flatMap(({ name, value }) => {
    const text = nameFault(name) ?? valueFault(name, value);
    return text === null ? [] : [{ path: name, text }];
  });
}

function nameFault(name: string): string | null {
  // RFC 5322 §3.6.8.
  if (!/^[!-9;-~]{1,76}$/.test(name)) return 'is no name of a header field';
  const lower = name.toLowerCase();
  const why = OWNED.get(lower) ?? OWNED_BEGINNINGS.find(([beginning]) => lower.startsWith(beginning))?.[1];
  return why === undefined ? null : `cannot be given here: ${why}`;
}

function valueFault(name: string, value: string): string | null {
  if (value.length > LONGEST_VALUE) return `is longer than ${LONGEST_VALUE} characters`;
  // oxlint-disable-next-line no-control-regex -- a line end would begin a field of its own
  if (/[\u0000-\u0008\u000a-\u001f\u007f\u0085\u2028\u2029]/.test(value)) return 'has control characters';
  if (name.toLowerCase() === 'message-id' && !/^<[^<>\s@]+@[^<>\s@]+>$/.test(value.trim()))
    return 'expected an id such as <order-17@example.com>';
  return null;
}
