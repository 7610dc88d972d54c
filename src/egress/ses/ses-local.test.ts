/** SES as others have built it for trying things out. */
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type * as SesLocal from 'aws-ses-v2-local';
import { expect, test } from 'vitest';
import { sesPolicy } from '../../../tests/fakes/cloud-exits.ts';
import { mailTo, NEVER } from '../../../tests/fakes/exits.ts';
import { systemClock, systemDial, systemDns } from '../../system.ts';
import { openSesEgress } from './ses-egress.ts';

// A CommonJS package: what its default is depends on who imports it.
const { default: startSesLocal } = createRequire(import.meta.url)('aws-ses-v2-local') as typeof SesLocal.default;

const CONTENT = [
  'From: App <a@example.com>',
  'To: Ana <b@example.net>',
  'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=b1',
  '',
  '--b1',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: 8bit',
  '',
  'Siehe Anhang: größe',
  '--b1',
  'Content-Type: application/octet-stream; name=a.bin',
  'Content-Transfer-Encoding: base64',
  'Content-Disposition: attachment; filename=a.bin',
  '',
  'AAECAwQ=',
  '--b1--',
  '',
].join('\r\n');

test('a message with an attachment arrives at the local SES as it was', async () => {
  const server = await startSesLocal({ host: '127.0.0.1', port: 0 });
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const ports = { clock: systemClock, dns: systemDns(() => null), dial: systemDial, emit: () => {} };
    await using egress = openSesEgress('cloud', sesPolicy(url), ports);
    const result = await egress.attempt(mailTo({ content: CONTENT }), NEVER);
    expect(result.outcomes).toMatchObject([{ kind: 'delivered' }]);
    const response = await fetch(`${url}/store`);
    const { emails } = (await response.json()) as { emails: { messageId: string; subject: string }[] };
    const email = emails.find(({ messageId }) => messageId === result.peers?.[0]?.providerId);
    expect(email).toMatchObject({
      from: '"App" <a@example.com>',
      subject: 'Grüße',
      destination: { to: ['"Ana" <b@example.net>'] },
      body: { text: expect.stringContaining('Siehe Anhang: größe') },
      attachments: [{ filename: 'a.bin', content: 'AAECAwQ=' }],
    });
  } finally {
    server.close();
  }
});
