import { expect, test } from 'vitest';
import { formatReply } from '../message/reply.ts';
import { parseMail, parseRcpt } from './envelope-command.ts';

/** As a forwarder writes it around the VERP sender of a list. */
const SRS = `SRS0=Xy1z=AB=lists.example=bounces+${'0123456789'.repeat(5)}-bob=dest.example@forwarder.example`;

function mail(argument: string, offered = true) {
  const parsed = parseMail(argument, { auth: offered, handling: offered, hold: offered });
  return parsed.kind === 'ok' ? parsed.value : formatReply(parsed.reply).slice(0, 9);
}

function rcpt(argument: string, smtpUtf8 = false) {
  const parsed = parseRcpt(argument, { smtpUtf8, postmaster: 'root@relay.example' });
  return parsed.kind === 'ok' ? parsed.value : formatReply(parsed.reply).slice(0, 9);
}

test.each([
  ['FROM:<a@b.example>', 'a@b.example'],
  ['FROM: <a@b.example>', 'a@b.example'],
  ['from:a@b.example', 'a@b.example'],
  ['FROM:  a@b.example  ', 'a@b.example'],
  ['FROM:< a@b.example >', 'a@b.example'],
  ['FROM:<>', ''],
  ['FROM:<A@B.Example>', 'A@b.example'],
  ['FROM:<@one.example,@two.example:a@b.example>', 'a@b.example'],
  ['FROM:<"a b>c"@d.example>', '"a b>c"@d.example'],
  ['FROM:<"a\\"b"@d.example>', '"a\\"b"@d.example'],
  ['FROM:<"a@b"@d.example>', '"a@b"@d.example'],
  ['FROM:<a%b@c.example>', 'a%b@c.example'],
  ['FROM:<host!user@c.example>', 'host!user@c.example'],
  ['FROM:<a@[192.0.2.1]>', 'a@[192.0.2.1]'],
  ['FROM:<a@[IPv6:2001:DB8::1]>', 'a@[IPv6:2001:db8::1]'],
  ['FROM:<a@bücher.example>', 'a@xn--bcher-kva.example'],
  [`FROM:<${SRS}>`, SRS],
  [`FROM:<${'a'.repeat(255)}@b.example>`, `${'a'.repeat(255)}@b.example`],
  [`FROM:<"${'a'.repeat(253)}"@b.example>`, `"${'a'.repeat(253)}"@b.example`],
  ['FROM:<a.@b.example>', 'a.@b.example'],
  ['FROM:<a..b@c.example>', 'a..b@c.example'],
  ['FROM:<.a@b.example>', '.a@b.example'],
])('MAIL %s names %s', (argument, sender) => {
  expect(mail(argument)).toMatchObject({ sender });
});

test.each([
  ['', '501 5.1.7'],
  ['FROM:', '501 5.1.7'],
  ['FROM <a@b.example>', '501 5.1.7'],
  ['TO:<a@b.example>', '501 5.1.7'],
  ['FROM:<a@b.example', '501 5.1.7'],
  ['FROM:<a@b.example>SIZE=1', '501 5.1.7'],
  ['FROM:<a@b@c.example>', '501 5.1.7'],
  ['FROM:<a b@c.example>', '501 5.1.7'],
  ['FROM:<nobody>', '501 5.1.7'],
  ['FROM:<a@b..example>', '501 5.1.7'],
  ['FROM:<.@b.example>', '501 5.1.7'],
  [`FROM:<${'a'.repeat(256)}@b.example>`, '501 5.1.7'],
  ['FROM:<a..b,c@d.example>', '501 5.1.7'],
  ['FROM:<a.(x)@b.example>', '501 5.1.7'],
  ['FROM:<a.<b@c.example>', '501 5.1.7'],
  ['FROM:<a.;b@c.example>', '501 5.1.7'],
  ['FROM:<a.\\b@c.example>', '501 5.1.7'],
  ['FROM:<a."b"@c.example>', '501 5.1.7'],
  ['FROM:<a@b.example> SIZE=1 SIZE=2', '501 5.5.4'],
  ['FROM:<ana.ñ@b.example>', '553 5.6.7'],
  ['FROM:<a@b.example> SIZE=', '501 5.5.4'],
  ['FROM:<a@b.example> SIZE', '501 5.5.4'],
  ['FROM:<a@b.example> SIZE=12x', '501 5.5.4'],
  ['FROM:<a@b.example> BODY=BINARYMIME', '501 5.5.4'],
  ['FROM:<a@b.example> RET=SOME', '501 5.5.4'],
  ['FROM:<a@b.example> ENVID=a+0D+0Ab', '501 5.5.4'],
  ['FROM:<a@b.example> SMTPUTF8=1', '501 5.5.4'],
  ['FROM:<a@b.example> REQUIRETLS', '555 5.5.4'],
])('MAIL %s is answered %s', (argument, reply) => {
  expect(mail(argument)).toBe(reply);
});

test('the parameters of MAIL are read in any case and order', () => {
  expect(mail('FROM:<ñ@b.example> smtputf8 body=8bitmime Size=1000 ret=hdrs ENVID=x+2By')).toEqual({
    sender: 'ñ@b.example',
    hold: null,
    by: null,
    mtPriority: null,
    sizeBytes: 1000,
    smtpUtf8: true,
    ret: 'hdrs',
    envid: 'x+2By',
    declaresEightBit: true,
  });
  expect(mail('FROM:<a@b.example> AUTH=<>', false)).toBe('555 5.5.4');
  expect(mail('FROM:<a@b.example> AUTH=<>', true)).toMatchObject({ sender: 'a@b.example' });
});

test.each([
  ['TO:<a@b.example>', { address: 'a@b.example', notify: null, orcpt: null }],
  ['TO: a@b.example', { address: 'a@b.example', notify: null, orcpt: null }],
  ['TO:<PostMaster>', { address: 'root@relay.example', notify: null, orcpt: null }],
  ['TO:<a.@b.example>', { address: 'a.@b.example', notify: null, orcpt: null }],
  ['TO:<a@b.example> NOTIFY=NEVER', { address: 'a@b.example', notify: 'never', orcpt: null }],
  [
    'TO:<a@b.example> NOTIFY=DELAY,Success ORCPT=rfc822;a+2Bx@b.example',
    { address: 'a@b.example', notify: ['success', 'delay'], orcpt: 'rfc822;a+2Bx@b.example' },
  ],
])('RCPT %s', (argument, expected) => {
  expect(rcpt(argument)).toEqual(expected);
});

test.each([
  ['TO:<>', '501 5.1.3'],
  ['TO:<a>', '501 5.1.3'],
  ['TO:<a@b.example> NOTIFY=NEVER,DELAY', '501 5.5.4'],
  ['TO:<a@b.example> NOTIFY=SOMETIMES', '501 5.5.4'],
  ['TO:<a@b.example> NOTIFY=DELAY,DELAY', '501 5.5.4'],
  ['TO:<a@b.example> NOTIFY', '501 5.5.4'],
  ['TO:<a@b.example> ORCPT=rfc822', '501 5.5.4'],
  ['TO:<a@b.example> ORCPT=rfc822;a+0Ab', '501 5.5.4'],
  ['TO:<a@b.example> RRVS=2026-01-01T00:00:00Z', '555 5.5.4'],
  ['TO:<ñ@b.example>', '553 5.6.7'],
  ['TO:<a@b.example> ORCPT=utf-8;ñ@b.example', '553 5.6.7'],
  ['TO:<a@b.example> ORCPT=rfc822;ñ@b.example', '501 5.5.4'],
])('RCPT %s is answered %s', (argument, reply) => {
  expect(rcpt(argument)).toBe(reply);
});

test('a UTF-8 local part is taken once MAIL asked for SMTPUTF8', () => {
  expect(rcpt('TO:<ñ@bücher.example> ORCPT=utf-8;ñ@b', true)).toMatchObject({ address: 'ñ@xn--bcher-kva.example' });
});

test('an original recipient in UTF-8 needs SMTPUTF8 unless it is written in ASCII', () => {
  const ascii = 'utf-8;\\x{F1}@b.example';
  expect(rcpt(`TO:<a@b.example> ORCPT=${ascii}`)).toMatchObject({ orcpt: ascii });
  const raw = 'utf-8;ñ@b.example';
  expect(rcpt(`TO:<a@b.example> ORCPT=${raw}`, true)).toMatchObject({ address: 'a@b.example', orcpt: raw });
});

test('a local part keeps white space that SMTP does not know as such', () => {
  expect(rcpt('TO:< \u2028a\u00a0@b.example >', true)).toMatchObject({ address: '\u2028a\u00a0@b.example' });
});
