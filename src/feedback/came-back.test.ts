import { describe, expect, test } from 'vitest';
import { EXCHANGE, EXIM, QMAIL } from '../../tests/fakes/bounces.ts';
import { longestTurnMs } from '../../tests/fakes/turns.ts';
import { formatReply } from '../message/reply.ts';
import { readCameBack, type Sent } from './came-back.ts';

const SENT: Sent = {
  domain: 'dest.test',
  recipients: ['gone@dest.test', 'Full@dest.test'],
  egress: 'direct',
  host: null,
};
const TO_ONE: Sent = { ...SENT, recipients: ['gone@dest.test'] };

function crlf(text: string): Buffer {
  return Buffer.from(text.replace(/^\n/, '').replaceAll(/\r?\n/g, '\r\n'), 'latin1');
}

/** What is read, as text: `failed by HOST: address: reply`. */
function read(text: string, sent: Sent = SENT): string {
  const reading = readCameBack(crlf(text), sent);
  if (reading.kind !== 'failed') return reading.kind;
  const all = reading.recipients.map(({ address, reply }) => `${address}: ${formatReply(reply)}`);
  return `failed by ${reading.host}: ${all.join(' | ')}`;
}

/** A report around the fields of its recipients. */
function report(
  fields: string,
  { head = 'Reporting-MTA: dns; mx.dest.test', type = 'message/delivery-status' } = {},
): string {
  return `
From: MAILER-DAEMON@mx.dest.test
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

words
--b
Content-Type: ${type}

${head}

${fields}
--b--
`;
}

describe('reports of failure', () => {
  test('by Postfix: two recipients, each with its reply', () => {
    const fields = `Final-Recipient: rfc822; gone@dest.test
Original-Recipient: rfc822;gone@dest.test
Action: failed
Status: 5.1.1
Remote-MTA: dns; mail.dest.test
Diagnostic-Code: smtp; 550 5.1.1 <gone@dest.test>: Recipient address rejected:
    User unknown in virtual mailbox table

Final-Recipient: rfc822; full@dest.test
Action: failed
Status: 5.2.2
Diagnostic-Code: smtp; 552-5.2.2 over quota`;
    expect(
      read(report(fields, { head: 'Reporting-MTA: dns; mx.dest.test\nX-Postfix-Queue-ID: 4QF\nArrival-Date: Mon' })),
    ).toBe(
      'failed by mx.dest.test: gone@dest.test: 550 5.1.1 <gone@dest.test>: Recipient address rejected: ' +
        'User unknown in virtual mailbox table | Full@dest.test: 552 5.2.2 over quota',
    );
  });

  test('by Exim: no status of its own server, X-Failed-Recipients beside it', () => {
    expect(read(EXIM)).toBe('failed by exim.dest.test: gone@dest.test: 550 5.0.0 ');
  });

  test('by Exchange: inside a multipart of its own, its status in words that begin with a queue code', () => {
    expect(read(EXCHANGE)).toBe(
      'failed by AM0PR01.prod.dest.test: gone@dest.test: 550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup',
    );
  });

  test('by qmail: no MIME at all, an address and what is said of it', () => {
    expect(read(QMAIL)).toBe(
      'failed by dest.test: gone@dest.test: 550 5.1.1 <gone@dest.test>: Sorry, no mailbox here by that name. (#5.1.1)',
    );
  });

  test('by a server that gave up in time keep their temporary status', () => {
    const fields =
      'Final-Recipient: rfc822; gone@dest.test\nAction: failed (expired)\nStatus: 4.4.7\nDiagnostic-Code: X-Other; no answer';
    expect(read(report(fields))).toBe('failed by mx.dest.test: gone@dest.test: 450 4.4.7 no answer');
  });

  test('of mail that was forwarded: only one can be meant, or nobody is', () => {
    const fields = 'Final-Recipient: rfc822; other@elsewhere.test\nAction: failed\nStatus: 5.1.1';
    expect(read(report(fields), TO_ONE)).toBe('failed by mx.dest.test: gone@dest.test: 550 5.1.1 ');
    expect(read(report(fields))).toBe('other');
    expect(read(report(`Original-Recipient: rfc822;gone+40dest.test\n${fields}`))).toMatch(
      /^failed .*: gone@dest\.test:/,
    );
    const plus = { ...SENT, recipients: ['bob+2024@dest.test', 'bob@dest.test'] };
    const toPlus = 'Final-Recipient: rfc822; bob+2024@dest.test\nAction: failed\nStatus: 5.1.1';
    expect(read(report(toPlus), plus)).toMatch(/^failed .*: bob\+2024@dest\.test:/);
    expect(read(report(`Original-Recipient: rfc822;gone@dest.test\n${fields}`))).toMatch(
      /^failed .*: gone@dest\.test:/,
    );
  });

  test('with international addresses, in their own type and encodings (RFC 6533)', () => {
    const sent = { ...SENT, recipients: ['jiří@dest.test', 'gone@dest.test'] };
    const type = 'message/global-delivery-status\nContent-Transfer-Encoding: base64';
    const fields = Buffer.from(
      'Reporting-MTA: dns; mx\n\nFinal-Recipient: utf-8; jiří@dest.test\nAction: failed\nStatus: 5.1.1\n',
    );
    const text = report('', { head: fields.toString('base64'), type });
    expect(read(text, sent)).toBe('failed by mx: jiří@dest.test: 550 5.1.1 ');
    const escaped = 'Final-Recipient: utf-8; ji\\x{159}\\x{ED}@dest.test\nAction: failed\nStatus: 5.1.1';
    expect(read(report(escaped), sent)).toBe('failed by mx.dest.test: jiří@dest.test: 550 5.1.1 ');
  });

  test('with all fields in one group, no status, or a status that the reply contradicts', () => {
    const group = 'Reporting-MTA: dns; mx\nFinal-Recipient: rfc822; gone@dest.test\nAction: failed';
    expect(read(report('', { head: group }))).toBe('failed by mx: gone@dest.test: 550 5.0.0 ');
    const diagnosed = (code: string): string =>
      read(report(`Final-Recipient: rfc822; gone@dest.test\nAction: Failed\nStatus: 5.7.1\nDiagnostic-Code: ${code}`));
    expect(diagnosed('smtp; 450 try later')).toBe('failed by mx.dest.test: gone@dest.test: 550 5.7.1 450 try later');
    expect(diagnosed('smtp; 554')).toBe('failed by mx.dest.test: gone@dest.test: 554 5.7.1 ');
    expect(diagnosed('550 no type')).toBe('failed by mx.dest.test: gone@dest.test: 550 5.7.1 no type');
  });

  test('name each recipient once, and nobody whom the mail was not for', () => {
    const one = (address: string): string => `Final-Recipient: rfc822; <${address}>\nAction: failed\nStatus: 5.1.1\n\n`;
    expect(read(report(one('stranger@dest.test') + one('gone@dest.test').repeat(3)))).toBe(
      'failed by mx.dest.test: gone@dest.test: 550 5.1.1 ',
    );
  });

  test('bring no control characters and no endless text along', () => {
    const fields = `Final-Recipient: rfc822; gone@dest.test\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 a\x07\x1b[31mb ${'x'.repeat(5_000)}`;
    const [recipient] = (() => {
      const reading = readCameBack(crlf(report(fields)), SENT);
      return reading.kind === 'failed' ? reading.recipients : [];
    })();
    expect(recipient?.reply.text).toMatch(/^a \[31mb x+$/);
    expect(recipient?.reply.text.length).toBeLessThanOrEqual(500);
  });
});

describe('what is no report of failure', () => {
  test.each([
    ['delayed', report('Final-Recipient: rfc822; gone@dest.test\nAction: delayed\nStatus: 4.4.1\nWill-Retry-Until: x')],
    ['other', report('Final-Recipient: rfc822; gone@dest.test\nAction: relayed\nStatus: 2.0.0')],
    ['other', report('Final-Recipient: rfc822; gone@dest.test\nAction: expanded\nStatus: 2.0.0')],
    ['other', report('nonsense')],
    ['auto-reply', 'Auto-Submitted: auto-replied (vacation)\nSubject: I am away\n\nSee you.\n'],
    ['auto-reply', 'X-Autoreply: yes\n\nSee you.\n'],
    ['auto-reply', 'Precedence: auto_reply\n\nSee you.\n'],
    ['other', 'Auto-Submitted: no\nSubject: hello\n\nWho are you?\n'],
    ['other', ''],
  ])('is told apart: %s', (kind, text) => {
    expect(read(text)).toBe(kind);
  });
});

test.each([
  ['recipients without end', report('Final-Recipient: rfc822; gone@dest.test\nAction: failed\n\n'.repeat(20_000))],
  ['empty lines without end', report('\n'.repeat(250_000))],
  ['escapes without end', report(`Final-Recipient: rfc822; ${'\\x{41}+41<'.repeat(20_000)}\nAction: failed`)],
  ['a header of 1 MB', `${'X-Autoreply\n'.repeat(90_000)}\n`],
])('%s are read in no time', async (_, text) => {
  const content = crlf(text);
  const many = { ...SENT, recipients: Array.from({ length: 1_000 }, (__, at) => `r${at}@dest.test`) };
  expect(await longestTurnMs(() => readCameBack(content, many))).toBeLessThan(400);
});
