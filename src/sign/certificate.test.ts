import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { promisify } from 'node:util';

import { describe, expect, test } from 'vitest';

import { makeSelfSignedCertificate } from './certificate.ts';
import { integer, objectIdentifier, sequence, time } from './der.ts';

const run = promisify(execFile);
const NOW_MS = Date.UTC(2026, 11, 1);
const YEAR_MS = 365.25 * 86_400_000;

async function openssl(certPem: string, ...args: string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'relevo-cert-'));
  try {
    const path = join(folder, 'cert.pem');
    await writeFile(path, certPem);
    const { stdout } = await run(
      'openssl',
      args.map((arg) => (arg === 'CERT' ? path : arg)),
    );
    return stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('a self-signed certificate', () => {
  test('is read by OpenSSL, and its own signature holds under the strict rules', async () => {
    const { certPem } = await makeSelfSignedCertificate({ hostname: 'relay.example.com', nowMs: NOW_MS });
    const text = await openssl(certPem, 'x509', '-in', 'CERT', '-noout', '-text');
    expect(text).toContain('Version: 3');
    expect(text).toContain('Subject: CN = relay.example.com');
    expect(text).toContain('NIST CURVE: P-256');
    expect(text).toContain('Not Before: Nov 30 00:00:00 2026 GMT');
    expect(text).toContain('Not After : Nov 30 00:00:00 2036 GMT');
    expect(text).toContain('DNS:relay.example.com, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1');
    const at = String(Math.floor(NOW_MS / 1000));
    const verified = await openssl(
      certPem,
      'verify',
      '-x509_strict',
      '-check_ss_sig',
      '-attime',
      at,
      '-CAfile',
      'CERT',
      'CERT',
    );
    expect(verified).toMatch(/: OK$/m);
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('carries a %s connection that checks it', async (version) => {
    // The handshake judges by the machine's clock.
    const { certPem, keyPem } = await makeSelfSignedCertificate({ hostname: 'relay.example.com', nowMs: Date.now() });
    const server = createServer({ cert: certPem, key: keyPem, minVersion: version, maxVersion: version }, (socket) =>
      socket.end('hello'),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      for (const servername of ['relay.example.com', 'localhost', undefined]) {
        const socket = connect({
          host: '127.0.0.1',
          port,
          ca: certPem,
          ...(servername === undefined ? {} : { servername }),
        });
        await once(socket, 'secureConnect');
        expect(socket.authorized).toBe(true);
        expect(socket.getProtocol()).toBe(version);
        socket.destroy();
      }
      const wrong = connect({ host: '127.0.0.1', port, ca: certPem, servername: 'other.example.com' });
      const [error] = (await once(wrong, 'error')) as [NodeJS.ErrnoException];
      expect(error.code).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    } finally {
      server.close();
    }
  });

  test('has a serial number of its own, and belongs to its key', async () => {
    const [one, two] = await Promise.all(
      [1, 2].map(() => makeSelfSignedCertificate({ hostname: 'relay.example.com', nowMs: NOW_MS })),
    );
    const [a, b] = [new X509Certificate(one?.certPem ?? ''), new X509Certificate(two?.certPem ?? '')];
    expect(a.serialNumber).not.toBe(b.serialNumber);
    expect(a.verify(a.publicKey)).toBe(true);
    expect(a.verify(b.publicKey)).toBe(false);
  });

  test.each([
    ['192.0.2.1', 'IP Address:192.0.2.1, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1'],
    [
      '2001:db8::a:1',
      'IP Address:2001:DB8:0:0:0:0:A:1, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    ],
    ['localhost', 'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1'],
    [`${'a'.repeat(60)}.${'b'.repeat(60)}.example.com`, 'DNS:localhost'],
  ])('holds for %s', async (hostname, names) => {
    const { certPem } = await makeSelfSignedCertificate({ hostname, nowMs: NOW_MS });
    expect(new X509Certificate(certPem).subjectAltName).toContain(names);
  });

  test('may end after 2049, when the form of dates changes', async () => {
    const { certPem } = await makeSelfSignedCertificate({ hostname: 'a.example', nowMs: NOW_MS + 20 * YEAR_MS });
    expect(new X509Certificate(certPem).validTo).toMatch(/ 2056 GMT$/);
    expect(new X509Certificate(certPem).validFrom).toMatch(/ 2046 GMT$/);
  });
});

test.each([
  [integer(Buffer.from([0])), '020100'],
  [integer(Buffer.from([0, 0, 0x7f])), '02017f'],
  [integer(Buffer.from([0x80])), '02020080'],
  [objectIdentifier('1.2.840.10045.4.3.2'), '06082a8648ce3d040302'],
  [objectIdentifier('2.5.29.17'), '0603551d11'],
  [time(Date.UTC(2049, 11, 31, 23, 59, 59)), `170d${Buffer.from('491231235959Z').toString('hex')}`],
  [time(Date.UTC(2050, 0, 1)), `180f${Buffer.from('20500101000000Z').toString('hex')}`],
])('DER %# is as X.690 writes it', (encoded, hex) => {
  expect(encoded.toString('hex')).toBe(hex);
});

test.each([
  [127, '307f'],
  [128, '308180'],
  [255, '3081ff'],
  [256, '30820100'],
  [65_536, '3083010000'],
])('a DER length of %i is written in the fewest bytes', (length, start) => {
  expect(sequence(Buffer.alloc(length)).toString('hex').startsWith(start)).toBe(true);
  expect(sequence(Buffer.alloc(length)).length).toBe(length + start.length / 2);
});
