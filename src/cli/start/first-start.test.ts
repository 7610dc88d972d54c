import { X509Certificate, createPrivateKey } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { CliRig } from '../../../tests/fakes/cli-rig.ts';
import { verifyPassword } from '../../policy/password.ts';
import { systemRandom } from '../../system.ts';
import type { Cli } from '../cli.ts';
import { firstStart } from './first-start.ts';
import { loadPolicyFile } from '../policy/policy-file.ts';
import { choosePorts, HIGH_PORTS, probePort, STANDARD_PORTS } from './ports-probe.ts';

function cliOf(rig: CliRig): Cli {
  const terminal = { out: () => {}, err: () => {}, input: async () => null, inputIsTty: true };
  const { folder, clock } = rig;
  return { terminal, root: folder, cwd: folder, env: {}, clock, random: systemRandom, dns: () => rig.dns };
}

function start(rig: CliRig, ports = HIGH_PORTS) {
  return firstStart(cliOf(rig), rig, { ports: async () => ports });
}

function modes(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const entries = names.toSorted().map((name) => [name, (statSync(join(folder, name)).mode & 0o777).toString(8)]);
  return Object.fromEntries(entries);
}

test('a first start makes a policy that the relay takes, with everything that it names', async () => {
  using rig = new CliRig(null);
  const first = await start(rig);
  if (first.kind !== 'written') throw new Error(JSON.stringify(first));
  const loaded = loadPolicyFile(cliOf(rig), rig);
  if (loaded.kind !== 'loaded') throw new Error(loaded.problems.join('\n'));
  const { policy } = loaded;
  expect(policy.listen.map(({ port, tls, auth }) => [port, tls, auth])).toEqual([
    [2587, 'starttls', 'required'],
    [2465, 'implicit', 'required'],
    [2525, 'opportunistic', 'none'],
  ]);
  const app = policy.clients['app'];
  expect(first.password).toMatch(/^[0-9A-Za-z]{24}$/);
  expect(await verifyPassword(first.password, app?.password ?? '')).toBe(true);
  expect(app?.senders).toEqual(['*@example.com']);
  expect(policy.spool).toMatchObject({ path: join(rig.dataFolder, 'spool') });
  const certificate = new X509Certificate(readFileSync(policy.tls.cert));
  expect(certificate.checkPrivateKey(createPrivateKey(readFileSync(policy.tls.key)))).toBe(true);
  const keys = policy.domains['example.com']?.dkim.map(
    ({ key }) => createPrivateKey(readFileSync(key)).asymmetricKeyType,
  );
  expect(keys).toEqual(['rsa', 'ed25519']);
  expect(rig.policyText).not.toContain(first.password);
});

test('what is secret is for the owner alone', async () => {
  using rig = new CliRig(null);
  await start(rig);
  const umask = process.umask(0);
  process.umask(umask);
  expect(modes(rig.folder)).toMatchObject({
    'config/relevo.yaml': '600',
    'certs/relay.key': '600',
    'certs/dkim': '700',
    'certs/dkim/example.com.rsa2026.pem': '600',
    'certs/dkim/example.com.ed2026.pem': '600',
    data: '700',
  });
  expect(Object.keys(modes(rig.folder)).filter((name) => /\.tmp$|\.first$/.test(name))).toEqual([]);
});

test('the operator is shown user, password, and lines to paste', async () => {
  using rig = new CliRig(null);
  const first = await start(rig, STANDARD_PORTS);
  if (first.kind !== 'written') throw new Error(first.kind);
  expect(first.text).toMatch(/^ {2}user +app$/m);
  expect(first.text).toContain(`password  ${first.password}`);
  expect(first.text).toMatch(/^ {2}swaks --server 127\.0\.0\.1:587 --tls .* --to you@demo\.test$/m);
  expect(first.text).toMatch(
    /^ {2}printf '.*' \| curl .* --url smtp:\/\/127\.0\.0\.1:587 .*--mail-rcpt you@demo\.test/m,
  );
  expect(first.text).toContain('relevo user add NAME --role admin');
  expect(first.text).not.toContain('below 1024');
  using high = new CliRig(null);
  const other = await start(high);
  if (other.kind !== 'written') throw new Error(other.kind);
  expect(other.text).toContain('2587, 2465 and 2525 instead of 587, 465 and 25');
  expect(other.password).not.toBe(first.password);
});

test('nothing that is there is touched', async () => {
  using rig = new CliRig('hostname: mine.test\n');
  expect(await start(rig)).toEqual({ kind: 'not-first' });
  expect(readdirSync(rig.folder)).toEqual(['config']);

  using other = new CliRig(null);
  await start(other);
  const certs = join(other.folder, 'certs');
  const before = readFileSync(join(certs, 'relay.key'), 'utf8') + readFileSync(join(certs, 'relay.crt'), 'utf8');
  rmSync(other.policyFile);
  expect((await start(other)).kind).toBe('written');
  expect(readFileSync(join(certs, 'relay.key'), 'utf8') + readFileSync(join(certs, 'relay.crt'), 'utf8')).toBe(before);
});

test('a first start that was interrupted anywhere is done again and ends well', async () => {
  using whole = new CliRig(null);
  await start(whole);
  // In the order in which they are made; the certificate waits under another name until its key is there.
  const made = ['certs/relay.crt.first', 'certs/relay.key', 'certs/relay.crt', 'certs/dkim/example.com.rsa2026.pem'];
  for (let count = 0; count <= made.length; count++) {
    using rig = new CliRig(null);
    for (const name of made.slice(0, count)) {
      mkdirSync(dirname(join(rig.folder, name)), { recursive: true });
      cpSync(join(whole.folder, name.replace('.first', '')), join(rig.folder, name));
    }
    expect(await start(rig)).toMatchObject({ kind: 'written' });
    expect(loadPolicyFile(cliOf(rig), rig).kind).toBe('loaded');
    const certificate = new X509Certificate(readFileSync(join(rig.folder, 'certs/relay.crt')));
    const key = createPrivateKey(readFileSync(join(rig.folder, 'certs/relay.key')));
    expect(certificate.checkPrivateKey(key)).toBe(true);
    expect(readdirSync(join(rig.folder, 'certs/dkim'))).toHaveLength(2);
  }
});

test.each(['relay.key', 'relay.crt'])('a lone %s of the operator is not matched with a half of ours', async (name) => {
  using rig = new CliRig(null);
  mkdirSync(join(rig.folder, 'certs'));
  writeFileSync(join(rig.folder, 'certs', name), 'mine');
  const first = await start(rig);
  expect(first).toMatchObject({ kind: 'failed', cause: expect.stringContaining(`certs/${name} is there, but no`) });
  expect(readdirSync(join(rig.folder, 'config'))).toEqual([]);
  expect(readFileSync(join(rig.folder, 'certs', name), 'utf8')).toBe('mine');
});

test.runIf(process.getuid?.() !== 0)('a folder that may not be written is told', async () => {
  using rig = new CliRig(null);
  chmodSync(rig.folder, 0o500);
  expect(await start(rig)).toMatchObject({ kind: 'failed', cause: expect.stringContaining('EACCES') });
  chmodSync(rig.folder, 0o700);
});

test('who may not bind the standard ports gets others; one that is only taken stays', async () => {
  expect(await choosePorts(async () => 'free')).toEqual(STANDARD_PORTS);
  expect(await choosePorts(async (port) => (port === 25 ? 'denied' : 'free'))).toEqual(HIGH_PORTS);
  expect(await choosePorts(async (port) => (port === 587 ? 'taken' : 'free'))).toEqual(STANDARD_PORTS);
});

test('a port is probed by binding it', async () => {
  const server = createServer().listen(0);
  await new Promise((done) => server.once('listening', done));
  const { port } = server.address() as AddressInfo;
  expect(await probePort(port)).toBe('taken');
  await new Promise((done) => server.close(done));
  expect(await probePort(port)).toBe('free');
});
