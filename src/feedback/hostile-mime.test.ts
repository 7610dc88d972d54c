import { expect, test } from 'vitest';
import { longestTurnMs } from '../../tests/fakes/turns.ts';
import { readCameBack, type Sent } from './came-back.ts';
import { readComplaint } from './complaint-report.ts';

/** As much as is taken of one mail to a return path. */
const MOST = 1_000_000;

const SENT: Sent = {
  domain: 'dest.test',
  recipients: Array.from({ length: 1_000 }, (_, at) => `r${at}@dest.test`),
  egress: null,
  host: null,
};

/** A bounce by its header, so that all of it is looked at. */
const BOUNCE = 'From: MAILER-DAEMON@far.test\nSubject: Undelivered Mail Returned to Sender\n';

function filled(start: string, piece: string | ((at: number) => string)): string {
  const pieces: string[] = [start];
  let length = start.length;
  for (let at = 0; length < MOST - 100; at++) {
    const next = typeof piece === 'string' ? piece : piece(at);
    pieces.push(next);
    length += next.length + (next.match(/\n/g)?.length ?? 0);
  }
  return pieces.join('').slice(0, MOST);
}

const HTML = `${BOUNCE}Content-Type: text/html\n\n`;
const MIXED = `${BOUNCE}Content-Type: multipart/mixed; boundary=b\n\n`;
const REPORT = `${BOUNCE}Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n`;
const ARF = 'Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/feedback-report\n\n';
const base64 = (text: string): string => Buffer.from(text).toString('base64').replace(/.{76}/g, '$&\n');

const HOSTILE: readonly (readonly [string, string])[] = [
  [
    'a depth of 1,000',
    filled(BOUNCE, (at) => `Content-Type: multipart/mixed; boundary=b${at % 1_000}\n\n--b${at % 1_000}\n`),
  ],
  ['a part a line', filled(MIXED, '--b\n')],
  ['parts of text', filled(MIXED, '--b\n\nr1@dest.test: 550 no\n')],
  ['delimiters that are almost one', filled(MIXED, '--bb\n')],
  [
    'a boundary of the longest length',
    filled(`${BOUNCE}Content-Type: multipart/mixed; boundary="${'-'.repeat(200)}"\n\n`, '-'),
  ],
  ['boundaries that never end', filled(`${BOUNCE}Content-Type: multipart/mixed; boundary="`, '-')],
  [
    'parameters in pieces (RFC 2231)',
    filled(`${BOUNCE}Content-Type: multipart/mixed`, (at) => `;\n boundary*${at}*=b%41`),
  ],
  [
    'charsets in pieces (RFC 2231)',
    filled(`${BOUNCE}Content-Type: text/plain`, (at) => `; charset*${at}*="utf-8''%41"`),
  ],
  ['header fields', filled(BOUNCE, 'X: y\n')],
  ['one header field', filled(`${BOUNCE}X: `, 'y')],
  ['folds', filled(`${BOUNCE}X: y\n`, ' \n')],
  ['From fields', filled('', 'From: MAILER-DAEMON@far.test\n')],
  ['encoded words', filled('Subject: ', '=?utf-8?Q?=41?= ')],
  ['encoded words that never end', filled('Subject: ', '=?utf-8?Q?')],
  ['a subject of failures', filled('Subject: ', 'could not yet be mail delivery ')],
  ['X-Failed-Recipients', filled(`${BOUNCE}X-Failed-Recipients: `, (at) => `r${at}@dest.test, `)],
  ['broken base64', filled(`${BOUNCE}Content-Transfer-Encoding: base64\n\n`, '=A=!QUJD\n')],
  ['base64 without line ends', filled(`${BOUNCE}Content-Transfer-Encoding: base64\n\n`, 'QUJD')],
  ['quoted-printable of nothing', filled(`${BOUNCE}Content-Transfer-Encoding: quoted-printable\n\n`, '= \t')],
  [
    'quoted-printable in UTF-8',
    filled(`${HTML.replace('\n\n', '\nContent-Transfer-Encoding: quoted-printable\n\n')}`, '=C3=A9'),
  ],
  ['tags', filled(HTML, '<a ')],
  ['tags that never end', filled(`${HTML}<`, 'a ')],
  ['line breaks in HTML', filled(HTML, '<br')],
  ['entities', filled(HTML, '&#x41;&amp')],
  ['ampersands', filled(HTML, '&')],
  ['addresses', filled(`${BOUNCE}\n`, (at) => `<r${at % 1_000}@dest.test>: `)],
  ['addresses, a line each', filled(`${BOUNCE}\n`, (at) => `r${at % 1_000}@dest.test\n`)],
  ['one address without end', filled(`${BOUNCE}\n`, 'a')],
  ['at signs', filled(`${BOUNCE}\n`, '@')],
  ['replies', filled(`${BOUNCE}\nr1@dest.test\n`, '550 5.1.1 ')],
  ['replies, a line each', filled(`${BOUNCE}\nr1@dest.test\n`, '550-5.1.1 \n')],
  ['codes', filled(`${BOUNCE}\nr1@dest.test\n`, '5.1.1')],
  ['words of failures', filled(`${BOUNCE}\nr1@dest.test\n`, 'mailbox account user ')],
  [
    'words in Japanese',
    filled(
      `${BOUNCE}Content-Type: text/plain; charset=utf-8\n\nr1@dest.test\n`,
      Buffer.from('宛先ユーザーメールボックス').toString('latin1'),
    ),
  ],
  ['dashes', filled(`${BOUNCE}\n`, '-')],
  ['lines of dashes', filled(`${BOUNCE}\n`, '- - ')],
  ['white space', filled(`${BOUNCE}\n`, ' ')],
  ['recipients of a report', filled(REPORT, (at) => `Final-Recipient: rfc822; r${at}@dest.test\nAction: failed\n\n`)],
  [
    'diagnostics',
    filled(
      `${REPORT}Final-Recipient: rfc822; r1@dest.test\nAction: failed\nDiagnostic-Code: smtp; `,
      '550 5.0.0 user ',
    ),
  ],
  [
    'a report in base64',
    `${REPORT.replace('delivery-status\n', 'delivery-status\nContent-Transfer-Encoding: base64\n')}${base64(filled('', 'Final-Recipient: rfc822; r1@dest.test\nAction: failed\n\n')).slice(0, MOST)}`,
  ],
  ['fields of a complaint', filled(ARF, (at) => `Original-Rcpt-To: r${at}@dest.test\n`)],
  [
    'return paths of a complaint',
    filled(`${ARF}\n--b\nContent-Type: message/rfc822\n\n`, (at) => `Return-Path: <b+${at}@bounces.test>\n`),
  ],
  ['tokens of a complaint', filled(`${ARF}\n--b\nContent-Type: message/rfc822\n\n`, (at) => `X-Report-Token: ${at}\n`)],
  ['empty lines of a complaint', filled(ARF, '\n')],
];

test.each(HOSTILE)('%s without end are read in no time, whatever is looked for', async (_, text) => {
  const content = Buffer.from(text.replaceAll('\n', '\r\n').slice(0, MOST), 'latin1');
  let reading = '';
  const longestMs = await longestTurnMs(() => {
    reading = readCameBack(content, SENT).kind;
  });
  const complaintMs = await longestTurnMs(() => readComplaint(content));
  expect(['failed', 'delayed', 'auto-reply', 'vacation', 'challenge', 'other']).toContain(reading);
  expect(Math.max(longestMs, complaintMs)).toBeLessThan(400);
});

test('twice as much takes about twice the time, and no more than is looked at', async () => {
  const timeOf = async (text: string): Promise<number> => {
    const content = Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1');
    const times = [];
    for (let n = 0; n < 3; n++) times.push(await longestTurnMs(() => readCameBack(content, SENT)));
    return Math.min(...times);
  };
  for (const [name, text] of HOSTILE) {
    const half = await timeOf(text.slice(0, 20_000));
    const whole = await timeOf(text.slice(0, 40_000));
    expect(whole, name).toBeLessThan(3 * half + 40);
  }
});
