import { describe, expect, test } from 'vitest';
import { longestTurnMs } from '../../tests/fakes/turns.ts';
import { decodedBody, mimePartsOf } from './mime-parts.ts';

function crlf(lines: readonly string[]): Buffer {
  return Buffer.from(lines.map((line) => `${line}\r\n`).join(''), 'latin1');
}

function typesIn(message: Buffer): readonly string[] {
  return mimePartsOf(message).map(({ type }) => type);
}

describe('parts', () => {
  test('are found in order, nested ones inside, whatever stands before and after them', () => {
    const message = crlf([
      'Content-Type: multipart/mixed; boundary="outer"',
      '',
      'preamble',
      '--outer',
      'Content-Type: Multipart/Report;',
      '\treport-type=delivery-status; boundary=outer1',
      '',
      '--outer1',
      '',
      'words',
      '--outer1  ',
      'Content-Type: message/delivery-status',
      '',
      'Action: failed',
      '--outer1--',
      'between',
      '--outer',
      'Content-Type: text/html',
      '',
      'end',
      '--outer--',
      'epilogue',
    ]);
    const parts = mimePartsOf(message);
    expect(parts.map(({ type }) => type)).toEqual([
      'multipart/mixed',
      'multipart/report',
      'text/plain',
      'message/delivery-status',
      'text/html',
    ]);
    expect(parts.map(({ body }) => body.toString()).slice(2)).toEqual(['words', 'Action: failed', 'end']);
  });

  test('may be empty, may lack their end, and a boundary that never comes makes none', () => {
    const head = 'Content-Type: multipart/mixed; boundary=b';
    expect(typesIn(crlf([head, '', '--b', '--b', '', 'x']))).toEqual(['multipart/mixed', 'text/plain', 'text/plain']);
    expect(typesIn(crlf([head, '', 'no delimiter']))).toEqual(['multipart/mixed']);
    expect(typesIn(Buffer.from(`${head}\r\n\r\n--b`))).toEqual(['multipart/mixed']);
    expect(typesIn(crlf(['Content-Type: multipart/mixed', '', '--b']))).toEqual(['multipart/mixed']);
    expect(typesIn(Buffer.alloc(0))).toEqual(['text/plain']);
  });

  test('lose their transfer encoding, and get CR LF', () => {
    const encoded = (encoding: string, body: string): string => {
      const [part] = mimePartsOf(crlf([`Content-Transfer-Encoding: ${encoding}`, '', body]));
      return part === undefined ? '' : decodedBody(part).toString('latin1');
    };
    expect(encoded('BASE64', Buffer.from('a: 1\nb: 2\n').toString('base64'))).toBe('a: 1\r\nb: 2\r\n');
    expect(encoded('quoted-printable', 'a: =E9=\r\n!=zz')).toBe('a: \xe9!=zz\r\n');
    expect(encoded('7bit', 'a: =E9')).toBe('a: =E9\r\n');
  });
});

/** What a stranger may send to make the reader work, at most 1 MB of it. */
const HOSTILE: readonly (readonly [string, () => Buffer])[] = [
  [
    'a depth of 1,000',
    () => {
      const opened = Array.from({ length: 1_000 }, (_, at) => [
        `Content-Type: multipart/mixed; boundary=b${at}`,
        '',
        `--b${at}`,
      ]);
      return crlf(opened.flat());
    },
  ],
  [
    'one boundary at every depth',
    () => crlf(Array.from({ length: 12_000 }, () => ['Content-Type: multipart/mixed; boundary=b', '', '--b']).flat()),
  ],
  ['1 MB of one header field', () => crlf([`Subject: ${'x'.repeat(1_000_000)}`, '', 'body'])],
  ['1 MB of header fields', () => crlf(Array.from({ length: 250_000 }, () => 'a:'))],
  ['1 MB of folds', () => crlf(['Subject: x', ...Array.from({ length: 300_000 }, () => ' ')])],
  [
    'a part a line',
    () => crlf(['Content-Type: multipart/mixed; boundary=b', '', ...Array.from({ length: 200_000 }, () => '--b')]),
  ],
  [
    'delimiters that are almost one',
    () => crlf(['Content-Type: multipart/mixed; boundary=b', '', ...Array.from({ length: 160_000 }, () => '--bx')]),
  ],
  [
    'white space and equals signs in quoted-printable',
    () => crlf(['Content-Transfer-Encoding: quoted-printable', '', `${'= \t'.repeat(40_000)}${' '.repeat(130_000)}`]),
  ],
  ['parameters without end', () => crlf([`Content-Type: multipart/mixed${'; boundary ='.repeat(20_000)}`, '', '--b'])],
];

test('what lies deeper than ten levels is not looked for', () => {
  const [[, deep] = ['', () => Buffer.alloc(0)]] = HOSTILE;
  expect(mimePartsOf(deep()).length).toBe(11);
});

test.each(HOSTILE)('%s is read in no time', async (_, make) => {
  const message = make();
  let count = 0;
  const longestMs = await longestTurnMs(() => {
    const parts = mimePartsOf(message);
    for (const part of parts.slice(0, 3)) decodedBody(part);
    count = parts.length;
  });
  expect(count).toBeLessThanOrEqual(201);
  expect(longestMs).toBeLessThan(400);
});
