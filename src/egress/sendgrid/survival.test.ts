import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mailTo } from '../../../tests/fakes/exits.ts';
import { HEAD, HTML, IMAGE, message, multi, ODD_NAME, PLAIN } from '../../../tests/fakes/mime-samples.ts';
import { v3ContentOf } from './v3-content.ts';
import { addressingOf } from './v3-mail.ts';

const TERMS = { keepsDkim: false };

async function whyNot(body: string, head: readonly string[] = HEAD, keepsDkim = false): Promise<string> {
  const read = await v3ContentOf(message(body, head), { keepsDkim });
  return read.kind === 'unfit' ? read.why : 'fits';
}

describe('for another exit is', () => {
  const pkcs = 'Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nAAAA';
  const signature = 'Content-Type: application/pgp-signature\r\n\r\nAAAA';
  const inner = 'Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ny';
  const status = 'Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x';
  test.each([
    ['encrypted mail', pkcs, /S\/MIME/],
    ['signed mail', multi('signed; protocol="application/pgp-signature"', PLAIN, signature), /PGP/],
    ['PGP in a text', 'Content-Type: text/plain\r\n\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\nx', /PGP/],
    ['a forwarded message', multi('mixed', PLAIN, inner), /another message/],
    ['a report', multi('report; report-type=delivery-status', PLAIN, status), /report/],
    ['a multipart in an alternative', multi('alternative', PLAIN, multi('mixed', HTML, ODD_NAME)), /nested/],
    ['a second text', multi('mixed', PLAIN, 'Content-Type: text/plain\r\n\r\nlegal note'), /second text/],
    ['HTML before plain text', multi('alternative', HTML, PLAIN), /in this order/],
    ['a body that is no text', ODD_NAME, /body of the type/],
    ['a body that is an attachment', multi('mixed', ODD_NAME, ODD_NAME), /begins with an attachment/],
    ['text in a charset that nobody knows', 'Content-Type: text/plain; charset=x-nobody\r\n\r\nx', /charset/],
    ['undeclared 8-bit text', 'Content-Type: text/plain\r\n\r\nGrüße', /charset/],
    [
      'a text that is not in its charset',
      'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n/////w==',
      /charset/,
    ],
    ['flowing text', 'Content-Type: text/plain; format=flowed\r\n\r\na \r\nb', /flowed/],
    ['NUL in its text', 'Content-Type: text/plain\r\n\r\na\0b', /NUL/],
    [
      'a part of an odd type',
      multi('mixed', PLAIN, ODD_NAME.replace('application/pdf', 'application/"x"')),
      /type that is none/,
    ],
    ['no text', 'Content-Type: text/plain\r\n\r\n \r\n', /empty/],
    [
      'a text attachment in another charset',
      multi(
        'mixed',
        PLAIN,
        'Content-Type: text/csv; charset=windows-1252\r\nContent-Disposition: attachment; filename=a.csv\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=80',
      ),
      /windows-1252/,
    ],
    [
      'a part with a location',
      multi('related', HTML, IMAGE.replace('Content-ID: <logo@x>', 'Content-Location: http://x/')),
      /content-location/,
    ],
    ['a multipart that does not end', multi('mixed', PLAIN).replace(/--\r\n$/, '\r\n'), /does not end/],
    [
      'a transfer encoding of its own',
      'Content-Type: text/plain\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\nx',
      /x-uuencode/,
    ],
  ])('%s', async (_, body, why) => {
    expect(await whyNot(body)).toMatch(why);
  });

  test.each([
    ['a field twice', [...HEAD, 'X-Campaign: again'], /x-campaign more than once/],
    ['two Subjects', [...HEAD, 'Subject: again'], /subject more than once/],
    ['several authors', HEAD.map((line) => line.replace(/^From: .*/, 'From: a@example.com, b@example.com')), /authors/],
    ['no From', HEAD.slice(1), /no From/],
    ['no Subject', HEAD.filter((line) => !line.startsWith('Subject')), /no Subject/],
    ['nobody in To', HEAD.map((line) => line.replace(/^To: .*/, 'To: undisclosed-recipients:;')), /group|nobody/],
    [
      'a group of addresses',
      HEAD.map((line) => line.replace(/^Cc: .*/, 'Cc: team: x@example.net, y@example.net;')),
      /group/,
    ],
    ['raw UTF-8 in a field of its own', [...HEAD, 'X-City: Köln'], /more than ASCII/],
    [
      'words in an unknown charset',
      HEAD.map((line) => line.replace(/^Subject: .*/, 'Subject: =?x-nobody?q?abc?=')),
      /charset/,
    ],
    [
      'an internationalized address',
      HEAD.map((line) => line.replace(/^Cc: .*/, 'Cc: ü@example.net')),
      /internationalized/,
    ],
    [
      'a line end in encoded words',
      HEAD.map((line) => line.replace(/^Subject: .*/, 'Subject: =?utf-8?q?a=0D=0ABcc:_x@evil.test?=')),
      /control/,
    ],
    ['a line that is no field', [...HEAD, 'no field'], /no field/],
  ])('a header with %s', async (_, head, why) => {
    expect(await whyNot(PLAIN, head)).toMatch(why);
  });

  test('a DKIM signature, where it is to be kept', async () => {
    expect(await whyNot(PLAIN, ['DKIM-Signature: v=1; d=example.com', ...HEAD], true)).toMatch(/DKIM/);
    expect(await whyNot(PLAIN, ['DKIM-Signature: v=1; d=example.com', ...HEAD])).toBe('fits');
  });

  test('more than its documents allow', async () => {
    expect(await whyNot(`Content-Type: text/plain\r\n\r\n${'x\r\n'.repeat(10_000_000)}`)).toMatch(/larger/);
  });

  test('an envelope that the header does not allow for', async () => {
    const read = await v3ContentOf(message(PLAIN), TERMS);
    if (read.kind === 'unfit') throw new Error(read.why);
    const why = (to: readonly string[], sender = 'a@example.com'): string => {
      const addressing = addressingOf(read, mailTo({ to, sender }));
      return addressing.kind === 'unfit' ? addressing.why : 'fits';
    };
    expect(why(['b@example.net', 'c@example.net', 'd@example.net'])).toBe('fits');
    expect(why(['b@example.net'])).toMatch(/names others/);
    expect(why(['hidden@example.net'])).toMatch(/names others/);
    expect(why(['b@example.net', 'c@example.net', 'd@example.net'], '')).toMatch(/null sender/);
    expect(why(Array.from({ length: 1001 }, (_, at) => `a${at}@example.net`))).toMatch(/1000/);
    const twice = { to: [...read.to, ...read.to], cc: [] };
    expect(addressingOf(twice, mailTo({ to: ['b@example.net', 'c@example.net'] }))).toMatchObject({
      why: expect.stringMatching(/twice/) as string,
    });
  });

  test('a message made to keep a parser busy, at once', async () => {
    let deep = PLAIN;
    for (let level = 0; level < 1_000; level++) deep = multi('mixed', deep);
    expect(await whyNot(deep)).toMatch(/levels deep/);
    expect(await whyNot(multi('mixed', PLAIN, ...Array.from({ length: 1_000 }, () => ODD_NAME)))).toMatch(/parts/);
  });
});

test('whatever is done to a message, it is either said or for another exit', async () => {
  const whole = message(multi('mixed', multi('related', multi('alternative', PLAIN, HTML), IMAGE), ODD_NAME));
  const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(40), fc.uint8Array({ maxLength: 6 }));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
      let content = whole;
      for (const [at, cut, put] of changes) {
        const place = at % Math.max(1, content.length);
        content = Buffer.concat([content.subarray(0, place), put, content.subarray(place + cut)]);
      }
      const read = await v3ContentOf(content, TERMS);
      if (read.kind === 'said') expect(() => JSON.parse(`{${read.rest}}`) as unknown).not.toThrow();
      else expect(read.why).toMatch(/^it /);
    }),
    { numRuns: 300 },
  );
});
