import { simpleParser, type ParsedMail } from 'mailparser';
import { describe, expect, test } from 'vitest';
import { aSubmission } from '../../tests/fakes/submission.ts';
import { deliveryIdOf, newMessageId } from '../message/ids.ts';
import type { Envelope, Recipient } from '../message/message.ts';
import type { Notice, NoticeRecipient } from '../message/notice.ts';
import { writeReport, type ReportTerms } from './report.ts';

const RECEIVED = Date.UTC(2026, 10, 20, 10, 0, 0);
const NOW = Date.UTC(2026, 10, 20, 10, 5, 0);
const ORIGINAL = Buffer.from('From: shop@example.com\r\nSubject: Your order\r\n\r\nIt is on its way.\r\n');
const NO_SUCH_USER = { code: 550, detail: '1.1', text: '<bob@dest.test>: no such user' };

type Case = {
  readonly notice?: Partial<Notice>;
  readonly envelope?: Partial<Envelope>;
  readonly recipient?: Partial<Recipient>;
  readonly told?: Partial<NoticeRecipient>;
  readonly terms?: Partial<ReportTerms>;
};

function written({ notice, envelope, recipient, told, terms }: Case = {}): string {
  const { message: plain } = aSubmission({ atMs: RECEIVED });
  const message = { ...plain, envelope: { ...plain.envelope, ...envelope } };
  const whole: Notice = {
    kind: 'failed',
    message,
    deliveryId: deliveryIdOf(message.id, 1),
    recipients: [
      {
        recipient: { address: 'bob@dest.test', notify: null, orcpt: null, ...recipient },
        reply: NO_SUCH_USER,
        host: 'mx.dest.test',
        ...told,
      },
    ],
    atMs: NOW,
    retryUntilMs: null,
    content: ORIGINAL,
    ...notice,
  };
  const report = writeReport(whole, {
    id: newMessageId(NOW, Buffer.alloc(10, 7)),
    hostname: 'relay.example.com',
    to: message.envelope.sender,
    atMs: NOW,
    original: ORIGINAL,
    doubleBounce: false,
    ...terms,
  });
  return report.toString('utf8');
}

/** The parts between the boundaries: their header fields and their content, as they stand. */
function partsOf(report: string): { readonly head: string; readonly content: string }[] {
  const boundary = /boundary="([^"]+)"/.exec(report)?.[1] ?? '';
  const [, ...parts] = report.split(`\r\n--${boundary}`);
  expect(parts.pop()).toBe('--\r\n');
  return parts.map((part) => {
    const end = part.indexOf('\r\n\r\n');
    return { head: part.slice(2, end), content: part.slice(end + 4) };
  });
}

async function parsed(report: string): Promise<ParsedMail> {
  return simpleParser(report);
}

test('a report is multipart/report as RFC 3464 §2 and RFC 6522 have it', async () => {
  const report = written();
  const mail = await parsed(report);
  expect(mail.from?.text).toBe('"Mail Delivery System" <MAILER-DAEMON@relay.example.com>');
  expect([mail.to].flat()[0]?.text).toBe('shop@example.com');
  expect(mail.date?.getTime()).toBe(NOW);
  expect(mail.messageId).toMatch(/^<report\.[0-9A-Z]{26}@relay\.example\.com>$/);
  expect(mail.headers.get('auto-submitted')).toBe('auto-replied');
  expect(mail.headers.get('mime-version')).toBe('1.0');
  expect(mail.headers.get('content-type')).toMatchObject({
    value: 'multipart/report',
    params: { 'report-type': 'delivery-status' },
  });
  expect(partsOf(report).map(({ head }) => head.split('\r\n')[0])).toEqual([
    'Content-Type: text/plain; charset=utf-8',
    'Content-Type: message/delivery-status',
    'Content-Type: message/rfc822',
  ]);
  expect(mail.inReplyTo).toMatch(/^<[0-9A-Z]{26}@example\.com>$/);
});

test('its fields for programs are those of RFC 3464', () => {
  const [, status] = partsOf(
    written({ envelope: { envid: 'QQ+2B314159' }, recipient: { orcpt: 'rfc822;Bob+2Btag@dest.test' } }),
  );
  expect(status?.content.split('\r\n')).toEqual([
    'Reporting-MTA: dns; relay.example.com',
    'Original-Envelope-Id: QQ+314159',
    'Arrival-Date: Fri, 20 Nov 2026 10:00:00 +0000',
    '',
    'Original-Recipient: rfc822; Bob+tag@dest.test',
    'Final-Recipient: rfc822; bob@dest.test',
    'Action: failed',
    'Status: 5.1.1',
    'Remote-MTA: dns; mx.dest.test',
    'Diagnostic-Code: smtp; 550 5.1.1 <bob@dest.test>: no such user',
    'Last-Attempt-Date: Fri, 20 Nov 2026 10:05:00 +0000',
    '',
  ]);
});

test('of mail that was late it says by when it was to be delivered (RFC 2852)', () => {
  const { message: plain } = aSubmission({ atMs: RECEIVED });
  const message = { ...plain, deliverBy: { atMs: RECEIVED + 120_000, mode: 'return' as const, trace: false } };
  const reply = { code: 554, detail: '4.7', text: 'not delivered by 2026-11-20T10:02:00.000Z' };
  const [, status] = partsOf(written({ notice: { kind: 'expired', message }, told: { reply, host: null } }));
  expect(status?.content).toContain('\r\nDeliver-By-Date: Fri, 20 Nov 2026 10:02:00 +0000\r\n');
  expect(status?.content).toContain('Status: 5.4.7');
});

test('what the relay itself found is not passed off as the reply of a server (RFC 3464 §2.3.6)', () => {
  const reply = { code: 451, detail: '4.2', text: 'mx.dest.test[192.0.2.1]: connection reset (mail)' };
  const [words, status] = partsOf(written({ notice: { kind: 'delayed' }, told: { reply, host: null } }));
  expect(status?.content).toContain('Diagnostic-Code: X-Relevo; 451 4.4.2 mx.dest.test[192.0.2.1]:');
  expect(status?.content).not.toContain('Remote-MTA');
  expect(words?.content).toContain('\r\n  Reason: 451 4.4.2 mx.dest.test');
});

test('its words say what happened, who said it and what to do', async () => {
  const { text } = await parsed(written());
  expect(text).toContain('could not be delivered');
  expect(text).toContain('Answer of mx.dest.test: 550 5.1.1 <bob@dest.test>: no such user');
  expect(text).toContain('There is no such mailbox at that domain.');
  expect(text).toContain('What you can do: Check the address');
});

test('several recipients are told in one report', () => {
  const recipients = ['bob', 'eve'].map((name) => ({
    recipient: { address: `${name}@dest.test`, notify: null, orcpt: null },
    reply: NO_SUCH_USER,
    host: null,
  }));
  const [, status] = partsOf(written({ notice: { recipients } }));
  expect(status?.content.match(/^Final-Recipient: .*$/gm)).toEqual([
    'Final-Recipient: rfc822; bob@dest.test',
    'Final-Recipient: rfc822; eve@dest.test',
  ]);
  // A blank line between the groups, none of another kind.
  expect(status?.content.split('\r\n\r\n').length).toBe(3);
});

describe('status and action', () => {
  test.each<[Case, string, string]>([
    [{ notice: { kind: 'expired' }, told: { reply: { code: 451, detail: '7.1', text: 'grey' } } }, 'failed', '4.4.7'],
    [{ notice: { kind: 'delayed', retryUntilMs: NOW + 1_000 }, told: { reply: null } }, 'delayed', '4.0.0'],
    [{ notice: { kind: 'delayed' }, told: { reply: { code: 451, detail: '7.1', text: 'grey' } } }, 'delayed', '4.7.1'],
    [{ notice: { kind: 'relayed' }, told: { reply: { code: 250, detail: null, text: 'ok' } } }, 'relayed', '2.0.0'],
    [{ told: { reply: null } }, 'failed', '5.0.0'],
    // A bounce by what was a temporary answer never says that it is temporary.
    [{ told: { reply: { code: 451, detail: '4.1', text: 'x' } } }, 'failed', '5.4.1'],
  ])('%o', (given, action, status) => {
    const [, fields] = partsOf(written(given));
    expect(fields?.content).toContain(`\r\nAction: ${action}\r\nStatus: ${status}\r\n`);
  });

  test('a delay says until when it is tried', () => {
    const [words, fields] = partsOf(written({ notice: { kind: 'delayed', retryUntilMs: NOW + 3_600_000 } }));
    expect(fields?.content).toContain('Will-Retry-Until: Fri, 20 Nov 2026 11:05:00 +0000');
    expect(words?.content).toContain('goes on trying until Fri, 20 Nov 2026 11:05:00 +0000');
  });
});

describe('what comes back of the original (RET)', () => {
  const large = Buffer.concat([ORIGINAL, Buffer.alloc(200_000, 'x'), Buffer.from('\r\n')]);

  test.each<[string, Case, string]>([
    ['a small one whole', {}, 'message/rfc822'],
    ['its header where RET=HDRS', { envelope: { ret: 'hdrs' } }, 'text/rfc822-headers'],
    ['the header of a large one', { terms: { original: large } }, 'text/rfc822-headers'],
    ['a large one whole where RET=FULL', { terms: { original: large }, envelope: { ret: 'full' } }, 'message/rfc822'],
    [
      'the header in a notice of delay, whatever RET',
      { notice: { kind: 'delayed' }, envelope: { ret: 'full' } },
      'text/rfc822-headers',
    ],
    ['the header in a report of success', { notice: { kind: 'relayed' } }, 'text/rfc822-headers'],
  ])('%s', (_, given, type) => {
    const returned = partsOf(written(given))[2];
    expect(returned?.head).toContain(`Content-Type: ${type}\r\n`);
    const whole = (given.terms?.original ?? ORIGINAL).toString();
    expect(returned?.content).toBe(
      type === 'message/rfc822' ? whole : 'From: shop@example.com\r\nSubject: Your order\r\n',
    );
  });

  test('nothing where it is not to be had any more', () => {
    expect(partsOf(written({ terms: { original: null } })).length).toBe(2);
  });

  test('8-bit content is declared', () => {
    const original = Buffer.from('Subject: x\r\n\r\ncaf\u00e9\r\n');
    expect(partsOf(written({ terms: { original } }))[2]?.head).toContain('Content-Transfer-Encoding: 8bit');
  });
});

test('international addresses make it an international report (RFC 6533)', () => {
  const parts = partsOf(
    written({
      envelope: { smtpUtf8: true },
      recipient: { address: 'b\u00fc@dest.test' },
      told: { reply: { code: 550, detail: '1.1', text: 'kein Postfach b\u00fc' } },
    }),
  );
  expect(parts.map(({ head }) => head.split('\r\n')[0])).toEqual([
    'Content-Type: text/plain; charset=utf-8',
    'Content-Type: message/global-delivery-status',
    'Content-Type: message/global',
  ]);
  expect(parts[1]?.content).toContain('Final-Recipient: utf-8; b\u00fc@dest.test\r\n');
  expect(parts[1]?.content).toContain('kein Postfach b\u00fc');
});

describe('what others wrote', () => {
  const evil = 'no\r\nBcc: victim@test\r\n\r\n--=_boundary\r\nContent-Type: text/html\n\u0000<b>\u2028x';

  test('starts no header field and no part', async () => {
    const report = written({
      told: { reply: { code: 550, detail: '1.1', text: evil }, host: 'mx\r\nX-Evil: 1' },
      envelope: { envid: 'a+0D+0AX-Evil: 1' },
      recipient: { orcpt: 'rfc822;a+0D+0AX-Evil: 1' },
    });
    const mail = await parsed(report);
    expect(mail.headers.has('bcc')).toBe(false);
    expect(mail.headers.has('x-evil')).toBe(false);
    expect(report).not.toMatch(/^(?:X-Evil|Bcc|--=_boundary)/m);
    expect(partsOf(report).length).toBe(3);
  });

  test('is ASCII in a report that is', () => {
    const [, status] = partsOf(written({ told: { reply: { code: 550, detail: '1.1', text: 'n\u00e3o existe' } } }));
    expect(status?.content).toContain('n?o existe');
  });

  test('is cut, folded and bounded', () => {
    const text = `${'word '.repeat(500)}${'y'.repeat(5000)}`;
    const report = written({ told: { reply: { code: 550, detail: null, text } } });
    for (const line of report.split('\r\n')) expect(line.length).toBeLessThanOrEqual(998);
    expect(report).not.toMatch(/[^\r]\n/);
  });

  test('a Message-ID that is none is not referred to', () => {
    const { message } = aSubmission({ atMs: RECEIVED });
    const report = written({ notice: { message: { ...message, messageIdHeader: '<a b>\r\nX: y' } } });
    expect(report).not.toContain('In-Reply-To');
  });
});

test('every report ends its lines with CRLF and nothing else', () => {
  for (const kind of ['failed', 'expired', 'delayed', 'relayed'] as const) {
    expect(written({ notice: { kind } })).not.toMatch(/[^\r]\n|\r[^\n]/);
  }
});
