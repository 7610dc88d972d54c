import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { CliRig, MINIMAL_POLICY } from '../../tests/fakes/cli-rig.ts';
import { verifyPassword } from '../policy/password.ts';

test('a client is added with a random password, shown once and kept as a hash', async () => {
  using rig = new CliRig(`${MINIMAL_POLICY}domains:\n  example.com: {}\n`);
  const added = await rig.run(['client', 'add', 'crm']);
  expect(added).toMatchObject({ code: 0, stderr: '' });
  const password = /^password {2}(\S{24}) /m.exec(added.stdout)?.[1] ?? '';
  const { clients } = parse(rig.policyText);
  expect(clients.crm.senders).toEqual(['*@example.com']);
  expect(await verifyPassword(password, clients.crm.password)).toBe(true);
  expect(rig.policyText).not.toContain(password);
  expect(rig.policyText).toContain('hostname: relay.example.com # our own name\n');
  expect(rig.policyText).toContain('  shop: # the web shop\n    networks: [192.0.2.0/24]   # no password needed\n');
  const other = await rig.run(['client', 'add', 'crm2', '--json']);
  expect(JSON.parse(other.stdout).password).not.toBe(password);
});

test('mode, owner and links of the policy file stay, and nothing is left beside it', async () => {
  using rig = new CliRig();
  const real = join(rig.folder, 'real.yaml');
  writeFileSync(real, MINIMAL_POLICY);
  chmodSync(real, 0o604);
  unlinkSync(rig.policyFile);
  symlinkSync(real, rig.policyFile);
  expect((await rig.run(['client', 'add', 'crm'])).code).toBe(0);
  expect(statSync(real).mode & 0o777).toBe(0o604);
  expect(readFileSync(real, 'utf8')).toContain('crm:');
  expect(readdirSync(join(rig.folder, 'config'))).toEqual(['relevo.yaml']);
  expect(readdirSync(rig.folder).toSorted()).toEqual(['config', 'real.yaml']);
});

test('--print shows the line and leaves the file alone', async () => {
  using rig = new CliRig();
  const printed = await rig.run(['client', 'add', 'crm', '--print', '--senders', 'a@example.com', '*@b.test']);
  expect(printed.code).toBe(0);
  expect(printed.stdout).toMatch(
    /^ {2}crm: \{ password: "\$scrypt\$[^"]+", senders: \["a@example\.com", "\*@b\.test"\] \}\n$/,
  );
  expect(printed.stderr).toMatch(/password {2}\S{24} /);
  expect(rig.policyText).toBe(MINIMAL_POLICY);
  using without = new CliRig(null);
  expect((await without.run(['client', 'add', 'crm', '--print'])).code).toBe(0);
  expect(existsSync(without.policyFile)).toBe(false);
});

test('everything that a client can have is written', async () => {
  using rig = new CliRig();
  const options = ['--networks', '10.0.0.0/8', '::1', '--senders', '*', '--stream', 'marketing', '--priority', 'low'];
  const added = await rig.run(['client', 'add', 'hosts', '--no-password', '--quota', '5000/d', ...options]);
  expect(added.stdout).not.toContain('password');
  expect(parse(rig.policyText).clients.hosts).toEqual({
    networks: ['10.0.0.0/8', '::1'],
    senders: ['*'],
    stream: 'marketing',
    priority: 'low',
    quota: '5000/d',
  });
});

test('an edit that the relay would refuse is not written', async () => {
  using rig = new CliRig();
  for (const args of [
    ['add', 'crm', '--quota', 'lots'],
    ['add', 'crm', '--priority', 'huge'],
    ['add', 'crm', '--networks', 'everywhere'],
    ['add', 'crm', '--no-password'],
    ['add', 'shop'],
    ['password', 'crm'],
    ['remove', 'crm'],
  ]) {
    const refused = await rig.run(['client', ...args]);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(rig.policyText).toBe(MINIMAL_POLICY);
  }
  expect((await rig.run(['client', 'add', '../x'])).code).toBe(2);
  expect((await rig.run(['client', 'add', 'crm', '--quota', 'lots'])).stderr).toContain('clients.crm.quota');
});

test('what was wrong before the edit does not stand in its way', async () => {
  const exits = 'egress:\n  up: { type: smtp, host: up.test, password: "${UP_PASSWORD}" }\n';
  using rig = new CliRig(MINIMAL_POLICY + exits);
  expect((await rig.run(['check'])).code).toBe(1);
  expect((await rig.run(['client', 'add', 'crm'])).code).toBe(0);
  expect(parse(rig.policyText).clients.crm).toBeDefined();
});

test('a client gets a new password, and the old one ends', async () => {
  using rig = new CliRig();
  const first = JSON.parse((await rig.run(['client', 'add', 'crm', '--json'])).stdout).password;
  const second = JSON.parse((await rig.run(['client', 'password', 'crm', '--json'])).stdout).password;
  const { password } = parse(rig.policyText).clients.crm;
  expect([await verifyPassword(first, password), await verifyPassword(second, password)]).toEqual([false, true]);
});

test('a password may be brought along, unless it is a poor one', async () => {
  using rig = new CliRig();
  await rig.run(['client', 'add', 'crm', '--password-file', '-'], 'correct horse battery staple\n');
  expect(await verifyPassword('correct horse battery staple', parse(rig.policyText).clients.crm.password)).toBe(true);
  expect((await rig.run(['client', 'password', 'crm', '--password-file', '-'], 'short\n')).code).toBe(2);
  expect((await rig.run(['client', 'password', 'crm', '--password-file', 'nowhere'])).code).toBe(2);
});

test('a client is removed', async () => {
  using rig = new CliRig();
  expect(await rig.run(['client', 'remove', 'shop'])).toMatchObject({ code: 0, stderr: '' });
  expect(parse(rig.policyText).clients).toEqual({});
  expect((await rig.run(['check'])).code).toBe(0);
});

test('without a policy file that is said', async () => {
  using rig = new CliRig(null);
  const refused = await rig.run(['client', 'add', 'crm']);
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toContain('ENOENT');
});
