import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CliRig } from '../../../tests/fakes/cli-rig.ts';
import { makeSelfSignedCertificate } from '../../sign/certificate.ts';

const HOSTNAME = 'hostname: relay.example.com\n';

/** What `relevo check` makes of a policy and the files in `certs` beside it, without the names of folders. */
async function checked(policy: string, certs: Readonly<Record<string, string>> = {}) {
  using rig = new CliRig(HOSTNAME + policy);
  mkdirSync(join(rig.folder, 'certs'));
  for (const [name, text] of Object.entries(certs))
    writeFileSync(join(rig.folder, 'certs', name), text, { mode: 0o600 });
  const run = await rig.run(['check', '--json']);
  const { valid, problems } = JSON.parse(run.stdout);
  expect(valid).toBe(run.code === 0);
  return { code: run.code, problems: problems.map((line: string) => line.replaceAll(`${rig.folder}/`, '')) };
}

const pair = () => makeSelfSignedCertificate({ hostname: 'relay.example.com', nowMs: Date.UTC(2026, 0, 1) });
const at = (line: string) => `config/relevo.yaml: ${line}`;

test('a certificate and a key that go together are sound, and so is none: the start makes them', async () => {
  const { certPem, keyPem } = await pair();
  expect(await checked('', { 'relay.crt': certPem, 'relay.key': keyPem })).toEqual({ code: 0, problems: [] });
  expect(await checked('')).toEqual({ code: 0, problems: [] });
});

test('a certificate that cannot work is told', async () => {
  const [{ certPem, keyPem }, other] = [await pair(), await pair()];
  expect(await checked('', { 'relay.crt': 'nonsense', 'relay.key': keyPem })).toEqual({
    code: 1,
    problems: [at('tls.cert: no PEM certificate in certs/relay.crt')],
  });
  expect(await checked('', { 'relay.crt': certPem, 'relay.key': 'nonsense' })).toEqual({
    code: 1,
    problems: [at('tls.key: no PEM private key in certs/relay.key')],
  });
  expect(await checked('', { 'relay.crt': certPem, 'relay.key': other.keyPem })).toEqual({
    code: 1,
    problems: [at('tls.key: certs/relay.key is not the key of the certificate certs/relay.crt')],
  });
  expect(await checked('', { 'relay.crt': certPem })).toEqual({
    code: 1,
    problems: [at('tls.key: certs/relay.key cannot be read: there is none')],
  });
});

test('where nothing speaks TLS nobody asks for a certificate', async () => {
  const listen = 'listen: [{ port: 25, tls: none, auth: none }]\n';
  expect(await checked(listen, { 'relay.crt': 'nonsense' })).toEqual({ code: 0, problems: [] });
});

test('ciphers that OpenSSL does not know are told', async () => {
  expect(await checked('tls: { ciphers: FOO }\n')).toEqual({
    code: 1,
    problems: [at('tls.ciphers: OpenSSL knows none of "FOO"')],
  });
  expect(await checked('tls: { ciphers: "ECDHE+AESGCM" }\n')).toEqual({ code: 0, problems: [] });
});

test('a DKIM key that is missing or is none is told', async () => {
  const keys = '[{ selector: one, key: ../certs/one.pem }, { selector: two, key: ../certs/two.pem }]';
  const { code, problems } = await checked(`domains: { example.com: { dkim: ${keys} } }\n`, { 'two.pem': 'nonsense' });
  expect(code).toBe(1);
  expect(problems).toEqual([
    expect.stringMatching(/^config\/relevo\.yaml: domains\.example\.com\.dkim\[0\]\.key: .*does not exist/),
    expect.stringMatching(/^config\/relevo\.yaml: domains\.example\.com\.dkim\[1\]\.key: .*two\.pem/),
  ]);
});

test('authorities of an exit that are missing or are none are told, unless it is disabled', async () => {
  const exits = (enabled: boolean) =>
    `egress:\n  a: { type: smtp, host: a.test, ca: ../certs/a.pem, enabled: ${enabled} }\n` +
    `  b: { type: smtp, host: b.test, ca: ../certs/b.pem, enabled: ${enabled} }\n  c: { type: mx }\n`;
  expect(await checked(exits(true), { 'b.pem': 'nonsense' })).toEqual({
    code: 1,
    problems: [
      at('egress.a.ca: certs/a.pem cannot be read: there is none'),
      at('egress.b.ca: no PEM certificate in certs/b.pem'),
    ],
  });
  expect(await checked(exits(false), { 'b.pem': 'nonsense' })).toEqual({ code: 0, problems: [] });
});

test('keys of return paths that cannot be used are told where a domain has one; none are made by looking', async () => {
  const domains = 'domains: { example.com: { returnPath: bounces.example.com } }\n';
  const wrong = { 'return-path.keys': 'secret\n' };
  expect(await checked(domains, wrong)).toEqual({
    code: 1,
    problems: [at('returnPathKeys: certs/return-path.keys line 1 is not a key of 64 hexadecimal digits')],
  });
  expect(await checked('', wrong)).toEqual({ code: 0, problems: [] });
  expect(await checked(domains, { 'return-path.keys': `${'0a'.repeat(32)}\n` })).toEqual({ code: 0, problems: [] });
  expect(await checked(domains)).toEqual({ code: 0, problems: [] });
});

test('a key of access keys that cannot be used is told; none is made by looking', async () => {
  expect(await checked('', { 'access-keys.keys': 'secret\n' })).toEqual({
    code: 1,
    problems: [at('http.accessKeys: certs/access-keys.keys line 1 is not a key of 64 hexadecimal digits')],
  });
  expect(await checked('')).toEqual({ code: 0, problems: [] });
});

test('the pair of the pages is looked at as that of mail is, and is not made', async () => {
  const { certPem, keyPem } = await pair();
  const http = 'http: { tls: { cert: ../certs/web.crt, key: ../certs/web.key } }\n';
  expect(await checked(http, { 'web.crt': certPem, 'web.key': keyPem })).toEqual({ code: 0, problems: [] });
  expect(await checked(http, { 'web.crt': certPem, 'web.key': 'nonsense' })).toEqual({
    code: 1,
    problems: [at('http.tls.key: no PEM private key in certs/web.key')],
  });
  expect((await checked(http)).problems).toHaveLength(2);
});
