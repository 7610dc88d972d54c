/** What a client's header may not tell a provider. */
import { describe, expect, test } from 'vitest';
import { type CloudRigOptions, openMailgunRig, openSesRig } from '../../../tests/fakes/cloud-exits.ts';
import { mailTo, NEVER } from '../../../tests/fakes/exits.ts';
import { problemsIn } from '../../../tests/fakes/policy-text.ts';

const HEAD = 'From: a@example.com\r\nTo: b@example.net\r\nSubject: x\r\n';
const END = 'X-Kept: yes\r\n\r\nbody\r\n';

describe.each([
  {
    name: 'mailgun',
    open: (options: CloudRigOptions) => openMailgunRig(options),
    meant: 'X-Mailgun-Track: no\r\n',
    others: 'X-Mailgun-Drop-Message: yes\r\nx-mailgun-variables : {"a":1}\r\nX-MAILGUN-Recipient-Variables:\r\n {}\r\n',
  },
  {
    name: 'ses',
    open: (options: CloudRigOptions) => openSesRig({ ...options, settings: { dkim: 'strip', ...options.settings } }),
    meant: 'X-SES-Message-Tags: a=b\r\n',
    others: 'X-SES-CONFIGURATION-SET: theirs\r\nx-ses-source-arn : arn\r\nReturn-Path:\r\n <x@evil.test>\r\n',
  },
])('$name', ({ open, meant, others }) => {
  async function sentWith(settings: Record<string, unknown>): Promise<string | undefined> {
    await using rig = await open({ settings });
    const content = `${HEAD}${meant}X-Internal-Id: 7\r\n${others}${END}`;
    const { outcomes } = await rig.egress.attempt(mailTo({ content }), NEVER);
    expect(outcomes).toMatchObject([{ kind: 'delivered' }]);
    return rig.arrived()[0]?.content.toString();
  }

  test('takes no orders from clients', async () => {
    expect(await sentWith({})).toBe(`${HEAD}X-Internal-Id: 7\r\n${END}`);
  });

  test('takes none either where the policy names more fields that go, or none', async () => {
    expect(await sentWith({ stripHeaders: ['X-Internal-*'] })).toBe(`${HEAD}${END}`);
    expect(await sentWith({ stripHeaders: [] })).toBe(`${HEAD}X-Internal-Id: 7\r\n${END}`);
  });

  test('takes those that the policy lets through, and loses what it strips all the same', async () => {
    const [name = ''] = meant.split(':');
    expect(await sentWith({ keepHeaders: [name] })).toBe(`${HEAD}${meant}X-Internal-Id: 7\r\n${END}`);
    expect(await sentWith({ keepHeaders: [name, 'x-internal-id'], stripHeaders: [name, 'x-internal-id'] })).toBe(
      `${HEAD}${END}`,
    );
  });
});

test('SendGrid takes none, whatever the policy would let through', () => {
  const text = 'hostname: a\negress:\n  x: { type: sendgrid, apiKeys: [k], keepHeaders: [x-smtpapi] }\n';
  expect(problemsIn(text).join()).toContain('keepHeaders');
});
