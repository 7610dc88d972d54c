import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { CliRig, MINIMAL_POLICY } from '../../../tests/fakes/cli-rig.ts';
import { hosts } from '../../../tests/fakes/preset-policy.ts';
import { loaded } from '../../../tests/fakes/policy-text.ts';
import { FakeLive } from '../../../tests/fakes/fake-live.ts';
import { examplePolicy } from '../../policy/generate/example.ts';
import { PRESETS } from '../../policy/presets/presets.ts';
import { startControl } from '../../control/server.ts';
import { createOperations } from '../../operations/store-operations.ts';

test('the list has all 15 with servers, capacity and price, the recommended ones marked, and the one in use', async () => {
  using rig = new CliRig(`${MINIMAL_POLICY}preset: professional\n`);
  const { code, stdout } = await rig.run(['preset', 'list']);
  expect(code).toBe(0);
  for (const { name } of PRESETS) expect(stdout).toContain(` ${name} `);
  expect(stdout).toMatch(/^ {2}hybrid-basic +3 × 500 +1,500 +3,000 +90,000 +95 +1\.06 +recommended first$/m);
  expect(stdout).toMatch(/^\* professional +5 × 500 +2,500 +75,000 +125 +1\.67 +recommended$/m);
  expect(stdout).toMatch(/^ {2}ultra-secure +20 × 200 +4,000 +120,000 +400 +3\.33$/m);
  expect(stdout.match(/^\*/gm)).toHaveLength(1);
});

test('the list is there as data too, without a policy', async () => {
  using rig = new CliRig(null);
  const { stdout } = await rig.run(['preset', 'list', '--json']);
  const { presets } = JSON.parse(stdout) as { presets: Record<string, unknown>[] };
  expect(presets).toHaveLength(15);
  expect(presets.find(({ name }) => name === 'high-volume-burst')).toEqual({
    name: 'high-volume-burst',
    recommended: 'no',
    servers: 15,
    perDay: 20_000,
    perMonth: 600_000,
    usdPerMonth: 450,
    usdPer1000: 0.75,
    current: false,
    sendgridPerDay: 12_500,
  });
});

test('show prints YAML with variables and without what they hold', async () => {
  using rig = new CliRig();
  rig.env = { SMTP_HOST_1: 'h.example', SMTP_USER_1: 'hunter2', SMTP_PASSWORD_1: 'hunter2', SMTP_PORT_1: '2525' };
  const { code, stdout } = await rig.run(['preset', 'show', 'hybrid-basic']);
  expect(code).toBe(0);
  expect(stdout).not.toMatch(/hunter2|h\.example|2525/);
  expect(parse(stdout).egress['smtp-1']).toEqual({
    type: 'smtp',
    host: '${SMTP_HOST_1}',
    port: '${SMTP_PORT_1}',
    username: '${SMTP_USER_1}',
    password: '${SMTP_PASSWORD_1}',
    dailyLimit: 500,
    warmup: {},
    cost: '25 USD/month',
  });
  const json = JSON.parse((await rig.run(['preset', 'show', 'hybrid-basic', '--json'])).stdout);
  expect(json).toMatchObject({
    name: 'hybrid-basic',
    recommended: 'first',
    perDay: 3_000,
    sendgridPerDay: 1_500,
    usdPer1000: 1.06,
  });
  expect(stdout.endsWith(json.yaml)).toBe(true);
});

test('use writes the preset into the policy, and leaves every other byte', async () => {
  using rig = new CliRig();
  rig.env = hosts(5) as Record<string, string>;
  const first = await rig.run(['preset', 'use', 'starter-triple']);
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout).toContain('preset none → starter-triple: 1,500 messages a day.');
  expect(first.stdout).toContain('No relay is running');
  expect(rig.policyText).toBe(`${MINIMAL_POLICY}preset: starter-triple\n`);
  writeFileSync(rig.policyFile, rig.policyText.replace('triple\n', 'triple   # three are enough\n# end\n'));
  expect((await rig.run(['preset', 'use', 'professional'])).code).toBe(0);
  expect(rig.policyText).toBe(`${MINIMAL_POLICY}preset: professional   # three are enough\n# end\n`);
  const none = await rig.run(['preset', 'use', 'none', '--json']);
  expect(JSON.parse(none.stdout)).toMatchObject({ preset: null, before: 'professional', relay: 'not-running' });
  expect(rig.policyText).toBe(`${MINIMAL_POLICY}preset: null   # three are enough\n# end\n`);
});

test('use refuses what the environment has no servers for, names them, and leaves the file alone', async () => {
  using rig = new CliRig();
  rig.env = hosts(3) as Record<string, string>;
  const { code, stderr } = await rig.run(['preset', 'use', 'professional']);
  expect(code).toBe(1);
  expect(stderr).toContain('professional needs 5 servers: SMTP_HOST_4 and SMTP_HOST_5 are not set');
  expect(stderr).toContain('--force');
  expect(rig.policyText).toBe(MINIMAL_POLICY);
  expect((await rig.run(['preset', 'use', 'professional', '--force'])).code).toBe(0);
  expect(rig.policyText).toBe(`${MINIMAL_POLICY}preset: professional\n`);
});

test('use refuses a preset that the policy’s own tests do not allow', async () => {
  const tests = 'tests: [{ name: out, message: { client: shop, to: a@b.example }, expect: { route: default } }]\n';
  using rig = new CliRig(`${MINIMAL_POLICY}${tests}`);
  rig.env = hosts(1) as Record<string, string>;
  const { code, stderr } = await rig.run(['preset', 'use', 'starter']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/is left as it was.*\n.*tests\[0\]/);
  expect(rig.policyText).toBe(`${MINIMAL_POLICY}${tests}`);
});

/** A relay that runs on the data folder, with that version of the policy in force. */
async function runningWith(rig: CliRig, policyVersion: () => string, things: AsyncDisposableStack): Promise<void> {
  const spool = things.use(await rig.openSpool());
  const live = new FakeLive();
  const { dataFolder, clock } = rig;
  const status = () => ({ ...live.status(), policyVersion: policyVersion() });
  const operations = createOperations({ spool, clock, showsSubjects: () => true, live });
  const binding = await startControl({
    dataFolder,
    operations: { ...operations, status: async () => status() },
    clock,
    emit: () => {},
    messageSizeBytes: () => 1_000,
  });
  if (binding.kind !== 'listening') throw new Error(binding.cause);
  things.use(binding.control);
}

test('a preset that is in force already is said to be so at once, whatever this shell lacks', async () => {
  using rig = new CliRig(`${MINIMAL_POLICY}preset: professional\n`);
  await using things = new AsyncDisposableStack();
  rig.env = hosts(5) as Record<string, string>;
  const { version } = loaded(rig.policyText, rig.env);
  await runningWith(rig, () => version, things);
  const well = await rig.run(['preset', 'use', 'professional']);
  expect(well).toMatchObject({ code: 0, stderr: '' });
  expect(well.stdout).toMatch(
    /preset professional already: 2,500 messages a day\.\nIt is in force already: nothing changes\.\n$/,
  );
  rig.env = hosts(4) as Record<string, string>;
  const beganMs = performance.now();
  const lacking = await rig.run(['preset', 'use', 'professional']);
  expect(performance.now() - beganMs).toBeLessThan(5_000);
  expect(lacking.code).toBe(0);
  expect(lacking.stdout).toContain('It is in force already: nothing changes.\n');
  expect(lacking.stderr).toMatch(
    /^relevo: with the environment of this process it would be refused:\n.*SMTP_HOST_5 is not set/,
  );
});

test('without a preset the exits that are left are named', async () => {
  using rig = new CliRig(`${MINIMAL_POLICY}preset: starter\n`);
  rig.env = hosts(1) as Record<string, string>;
  const { stdout } = await rig.run(['preset', 'use', 'none']);
  expect(stdout).toContain('Mail goes by what is left: direct (straight to the recipients’ servers).\n');
});

test('an unknown name is a usage that is not understood, and the nearest one is told', async () => {
  using rig = new CliRig();
  for (const command of ['show', 'use']) {
    const { code, stderr } = await rig.run(['preset', command, 'hybrid-basc']);
    expect(code).toBe(2);
    expect(stderr).toContain('no preset is named "hybrid-basc", did you mean "hybrid-basic"?');
  }
  expect(rig.policyText).toBe(MINIMAL_POLICY);
});

test('without a policy file nothing is written', async () => {
  using rig = new CliRig(null);
  const { code, stderr } = await rig.run(['preset', 'use', 'starter']);
  expect(code).toBe(1);
  expect(stderr).toContain(join(rig.folder, 'config/relevo.yaml'));
  expect(existsSync(rig.policyFile)).toBe(false);
});

test('the policy of a first start takes a preset: its servers get all mail but that for trial domains', async () => {
  using rig = new CliRig(examplePolicy());
  rig.env = hosts(3) as Record<string, string>;
  const { code, stdout } = await rig.run(['preset', 'use', 'starter-triple']);
  expect({ code, stdout }).toMatchObject({ code: 0 });
  const { routes } = loaded(rig.policyText, rig.env).policy;
  expect(routes.map(({ name, use }) => `${name}: ${use.join(' ')}`)).toEqual([
    'trial: sandbox',
    'preset: owned',
    'default: direct',
  ]);
  const lines = (text: string): string[] => text.split('\n').filter((line) => !line.startsWith('preset:'));
  expect(lines(rig.policyText)).toEqual(lines(examplePolicy()));
});
