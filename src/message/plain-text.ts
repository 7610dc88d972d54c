/**
 * A text from elsewhere (a server's reply, a DNS record) for one line of a log or a terminal: what is not printable ASCII as
 * `\u{…}`, white space as one space, cut at `most` characters.
 */
export function plainText(text: string, most: number): string {
  const line = text
    .slice(0, most * 4)
    .replace(/\s+/g, ' ')
    .trim();
  const plain = line.replace(/[^\x20-\x7e]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
  return plain.length <= most ? plain : `${plain.slice(0, most - 1)}…`;
}
