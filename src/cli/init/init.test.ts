import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CliRig } from '../../../tests/fakes/cli-rig.ts';
import { freePort } from '../../../tests/fakes/postfix.ts';
import { startSmtpSink } from '../../../tests/fakes/smtp-sink.ts';

let rig: CliRig;
beforeEach(() => {
  rig = new CliRig(null);
});
afterEach(() => rig[Symbol.dispose]());

const BASICS = ['--yes', '--hostname', 'relay.shop.test', '--domain', 'shop.test', '--ports', '2587,2465,2525'];

test('a first policy is made, tested and sound, with a client, a user of the pages, keys and a certificate', async () => {
  await using sink = await startSmtpSink();
  const provider = `smtp,host=127.0.0.1,port=${sink.port},tls=none`;
  const { code, stdout, stderr } = await rig.run([
    'init',
    ...BASICS,
    '--provider',
    provider,

    '--json',
  ]);
  expect([code, stderr]).toEqual([0, '']);
  const told = JSON.parse(stdout);
  expect(told).toMatchObject({
    client: 'app',
    password: expect.stringMatching(/^\w{24}$/),
    admin: { name: 'admin', password: expect.stringMatching(/\S{16,}/) },
    trial: {
      exits: [
        { egress: 'sandbox', isWell: true },
        { egress: 'smtp', isWell: true },
      ],
      message: null,
    },
  });
  expect(statSync(rig.policyFile).mode & 0o777).toBe(0o600);
  expect((await rig.run(['check'])).stdout).toContain('is sound');
  expect(rig.policyText).toContain('port: 2587');
  expect(readdirSync(join(rig.folder, 'certs/dkim'))).toHaveLength(2);
  expect(existsSync(join(rig.folder, 'certs/relay.crt'))).toBe(true);
  const records = told.trial.records.map(({ record }: { record: { purpose: string } }) => record.purpose);
  expect(records).toEqual(expect.arrayContaining(['dkim', 'spf', 'dmarc']));
  const users = JSON.parse((await rig.run(['user', 'list', '--json'])).stdout).users;
  expect(users).toMatchObject([{ name: 'admin', role: 'admin' }]);
});

test('what is printed says what to do next', async () => {
  const { code, stdout } = await rig.run(['init', ...BASICS, '--no-test', '--no-admin']);
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /swaks --server 127.0.0.1:2587 .*--auth-user app --auth-password \w{24} --from postmaster@shop.test/,
  );
  expect(stdout).toContain('relevo dns shop.test');
});

test('a policy that is there is left alone, and with --force replaced and kept as a version', async () => {
  writeFileSync(rig.policyFile, 'hostname: old.test\n');
  const refused = await rig.run(['init', ...BASICS]);
  expect([refused.code, rig.policyText]).toEqual([1, 'hostname: old.test\n']);
  expect(refused.stderr).toContain('--force');
  expect((await rig.run(['init', ...BASICS, '--no-test', '--no-admin', '--force'])).code).toBe(0);
  expect(rig.policyText).toContain('hostname: relay.shop.test');
  const { stdout } = await rig.run(['policy', 'versions']);
  expect(stdout).toMatch(/^1 +.* edit/m);
  expect((await rig.run(['policy', 'rollback', '1'])).code).toBe(0);
  expect(rig.policyText).toBe('hostname: old.test\n');
});

test('secrets go into files of their own, and variables stay names', async () => {
  rig.env = { SG_KEY: 'SG.from-env' };
  const providers = ['smtp,host=192.0.2.1,username=u,password=hunter2hunter2', 'sendgrid,apiKey=${SG_KEY}'];
  const { code, stderr } = await rig.run(['init', ...BASICS, '--no-test', '--no-admin', '--provider', ...providers]);
  expect([code, stderr]).toEqual([0, '']);
  expect(rig.policyText).not.toContain('hunter2');
  expect(rig.policyText).toContain('${SG_KEY}');
  const [name = ''] = readdirSync(join(rig.dataFolder, 'secrets'));
  const path = join(rig.dataFolder, 'secrets', name);
  expect([readFileSync(path, 'utf8'), statSync(path).mode & 0o777]).toEqual(['hunter2hunter2', 0o600]);
});

test('answers that are not sound are told with their place, and nothing is written', async () => {
  const { code, stderr } = await rig.run(['init', '--yes', '--hostname', 'not a name', '--provider', 'smtp,host=']);
  expect(code).toBe(2);
  expect(stderr).toContain('basics.hostname: expected a domain');
  expect(stderr).toContain('providers.0.host: is needed');
  expect([existsSync(rig.policyFile), existsSync(rig.dataFolder)]).toEqual([false, false]);
});

test('an exit that does not work is told, and the policy is written all the same', async () => {
  const provider = `smtp,host=127.0.0.1,port=${await freePort()},tls=none`;
  const { code, stdout } = await rig.run(['init', ...BASICS, '--no-admin', '--provider', provider]);
  expect([code, existsSync(rig.policyFile)]).toEqual([0, true]);
  expect(stdout).toMatch(/FAILED: smtp: connect/);
});
