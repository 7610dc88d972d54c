import { expect, test } from 'vitest';
import type { MessageId } from '../message/ids.ts';
import { protocolName, receivedField } from './trace.ts';

const id = '01JABCDEFGHJKMNPQRSTVWXYZ0' as MessageId;
const base = { hostname: 'relay.example', id, atMs: Date.UTC(2026, 10, 20, 10), recipients: ['bob@dest.example'] };

test('the trace field says who, how, when, and for whom', () => {
  const origin = { helo: 'app.example', address: '192.0.2.7', protocol: 'ESMTPSA', tls: 'TLSv1.3 with cipher X' };
  expect(receivedField({ ...base, origin })).toBe(
    'Received: from app.example ([192.0.2.7])\r\n\tby relay.example\r\n\t(using TLSv1.3 with cipher X)\r\n' +
      '\twith ESMTPSA id 01JABCDEFGHJKMNPQRSTVWXYZ0\r\n\tfor <bob@dest.example>;\r\n\tFri, 20 Nov 2026 10:00:00 +0000\r\n',
  );
});

test('several recipients are not named', () => {
  const origin = { helo: 'x', address: '2001:db8::7', protocol: 'SMTP', tls: null };
  const field = receivedField({ ...base, origin, recipients: ['a@b.example', 'c@d.example'] });
  expect(field).toContain('from x ([IPv6:2001:db8::7])');
  expect(field).not.toContain('for ');
});

test.each(['(comment)', 'a b', 'x\u00e9', '-x', 'a;b', '', '<x>', 'x'.repeat(256)])(
  'what a client calls itself, %j, does not stand in the header unless it is a name',
  (helo) => {
    const origin = { helo, address: '192.0.2.7', protocol: 'SMTP', tls: null };
    expect(receivedField({ ...base, origin })).toContain('from [192.0.2.7] ([192.0.2.7])');
  },
);

test('no network, no from', () => {
  const origin = { helo: null, address: null, protocol: 'local', tls: null };
  expect(receivedField({ ...base, origin })).toMatch(/^Received: by relay\.example\r\n\twith local id /);
});

test.each([
  [{ extended: false, secure: false, signedIn: false, smtpUtf8: false }, 'SMTP'],
  [{ extended: true, secure: false, signedIn: false, smtpUtf8: false }, 'ESMTP'],
  [{ extended: false, secure: false, signedIn: true, smtpUtf8: false }, 'ESMTPA'],
  [{ extended: true, secure: true, signedIn: true, smtpUtf8: false }, 'ESMTPSA'],
  [{ extended: true, secure: false, signedIn: true, smtpUtf8: false }, 'ESMTPA'],
  [{ extended: true, secure: true, signedIn: false, smtpUtf8: true }, 'UTF8SMTPS'],
])('%o is %s', (session, name) => {
  expect(protocolName(session)).toBe(name);
});
