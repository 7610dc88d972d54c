import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bodyOffsetOf, parseHeaderBlock } from '../../message/header.ts';
import { composed } from './compose.ts';
import { mailSchema } from './mail.ts';
import { namedAddressOf } from './named-address.ts';

/** Any text, and much that could end a line, a field or a quoted string. */
const nasty = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc
    .array(
      fc.constantFrom(
        '\r',
        '\n',
        '\r\n ',
        '\0',
        '"',
        '\\',
        '<',
        '>',
        ',',
        ';',
        ':',
        '(',
        'Bcc: x@y.example',
        '\u0085',
        '\u2028',
        'é',
        '=?utf-8?q?=0A?=',
        ' ',
        'a',
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join('')),
);
const KNOWN: readonly string[] = [
  'x-relevo-tag x-own from to cc reply-to subject date mime-version content-type',
  'content-transfer-encoding content-disposition content-id',
].flatMap((names) => names.split(' '));
const FIELDS = ['name', 'other', 'subject', 'own', 'file', 'text'] as const;

test('whatever is written into a message, it has no field but those that were meant, and no Bcc', async () => {
  const hidden = 'eve@hidden.example';
  let taken = 0;
  const told = fc.tuple(fc.constantFrom(...FIELDS), nasty);
  const check = fc.asyncProperty(told, async ([field, value]) => {
    const [name, other, subject, own, file, text] = FIELDS.map((one) => (one === field ? value : 'é'));
    const parsed = mailSchema.safeParse({
      from: { address: 'ana@shop.example', name },
      to: [`${other} <bob@dest.example>`],
      bcc: hidden,
      subject,
      text,
      headers: { 'X-Own': own },
      tag: 't1',
      attachments: [{ content: 'eA==', filename: file, contentId: 'logo' }],
    });
    if (!parsed.success) return;
    taken += 1;
    const { content, recipients, sender } = await composed(parsed.data, 0);
    const header = parseHeaderBlock(content.subarray(0, bodyOffsetOf(content)));
    expect(header.malformed).toEqual([]);
    const names = header.fields.map((one) => one.name);
    expect(names.filter((one) => !KNOWN.includes(one))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
    expect(content.includes(hidden)).toBe(false);
    expect([sender, recipients]).toEqual(['ana@shop.example', ['bob@dest.example', hidden]]);
  });
  await fc.assert(check, { numRuns: 400 });
  expect(taken).toBeGreaterThan(100);
});

test('a Message-ID of the program stays, and the same request is the same bytes; without one there is none yet', async () => {
  const mail = { from: 'ana@shop.example', to: 'bob@dest.example', text: 'x', html: '<p>x</p>' };
  const own = { ...mail, headers: { 'Message-ID': '<order-17@shop.example>', 'X-MyOwn-ID': '1' } };
  const text = async (of: object): Promise<string> => (await composed(mailSchema.parse(of), 0)).content.toString();
  const first = await text(own);
  expect(first.match(/^Message-ID:.*$/gim)).toEqual(['Message-ID: <order-17@shop.example>']);
  expect(first).toContain('\r\nX-MyOwn-ID: 1\r\n');
  expect(await text(own)).toBe(first);
  expect(await text(mail)).not.toMatch(/^Message-ID:/im);
});

test.each([
  ['ann@example.com', '', 'ann@example.com'],
  ['Ann Lee <ann@EXAMPLE.com>', 'Ann Lee', 'ann@example.com'],
  ['"Lee, \\"Ann\\"" <ann@example.com>', 'Lee, "Ann"', 'ann@example.com'],
  ['=?utf-8?Q?=C3=81na?= <ana@example.com>', 'Ána', 'ana@example.com'],
  ['Ána <ana@bücher.example>', 'Ána', 'ana@xn--bcher-kva.example'],
  ['<ann@example.com>', '', 'ann@example.com'],
  ['=?utf-8?Q?a=0ABcc:=20x?= <ann@example.com>', '', 'ann@example.com'],
])('%s is an address with its name', (text, name, address) => {
  expect(namedAddressOf(text)).toEqual({ name, address });
});

test.each(['', 'ann', 'a@b, c@d', 'Ann <a@b> <c@d>', 'team: a@b;', 'Ann\n<a@b>', '<>', `${'x'.repeat(1_000)}@b`])(
  '%j is no address',
  (text) => {
    expect(namedAddressOf(text)).toBeNull();
  },
);
