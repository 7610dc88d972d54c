import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CliRig } from '../../tests/fakes/cli-rig.ts';

test('a command that does not exist is answered with the nearest one and exit code 2', async () => {
  using rig = new CliRig();
  const unknown = await rig.run(['quue']);
  expect(unknown).toMatchObject({ code: 2, stdout: '' });
  expect(unknown.stderr).toContain("unknown command 'quue'\n(Did you mean queue?)");
  expect((await rig.run(['queue', 'relese', '--all'])).stderr).toContain('(Did you mean release?)');
  expect((await rig.run(['audit', '--jsom'])).stderr).toContain('(Did you mean --json?)');
});

test('help and version are no errors; no command at all is', async () => {
  using rig = new CliRig();
  for (const args of [['--help'], ['queue', '--help'], ['queue', 'list', '--help'], ['help', 'queue'], ['--version']])
    expect(await rig.run(args)).toMatchObject({ code: 0, stderr: '' });
  expect((await rig.run(['--version'])).stdout).toBe('0.0.0-test\n');
  expect(await rig.run([])).toMatchObject({ code: 2, stdout: '' });
  expect(await rig.run(['queue'])).toMatchObject({ code: 2, stdout: '' });
});

test('every command has --help, and takes --policy and --data', async () => {
  using rig = new CliRig();
  const names = async (args: string[]): Promise<string[][]> => {
    const { stdout } = await rig.run([...args, '--help']);
    const below = stdout.split('\nCommands:\n')[1];
    if (below === undefined) return [args];
    const words = [...below.matchAll(/^ {2}([a-z-]+)/gm)]
      .map((match) => match[1] ?? '')
      .filter((name) => name !== 'help');
    return (await Promise.all(words.map((word) => names([...args, word])))).flat();
  };
  const commands = await names([]);
  expect(commands.map((words) => words.join(' ')).toSorted()).toEqual([
    'alert acknowledge',
    'alert list',
    'alert test',
    'audit log',
    'check',
    'client add',
    'client list',
    'client password',
    'client profile',
    'client release',
    'client remove',
    'dkim keygen',
    'dns',
    'egress list',
    'egress pause',
    'egress resume',
    'egress test',
    'explain',
    'export figures',
    'export messages',
    'init',
    'message search',
    'nodes',
    'policy check',
    'policy diff',
    'policy rollback',
    'policy schema',
    'policy simulate',
    'policy versions',
    'preset list',
    'preset show',
    'preset use',
    'queue bounce',
    'queue cancel',
    'queue discard',
    'queue hold',
    'queue list',
    'queue release',
    'queue reschedule',
    'queue retry',
    'queue shape',
    'report bounces',
    'report costs',
    'report send',
    'report traffic',
    'send',
    'simulate-provider',
    'spool move',
    'start',
    'stats',
    'suppress add',
    'suppress export',
    'suppress import',
    'suppress list',
    'suppress remove',
    'token create',
    'token list',
    'token revoke',
    'token rotate',
    'user add',
    'user disable',
    'user enable',
    'user list',
    'user password',
    'user remove',
    'user role',
    'user totp',
    'webhook list',
    'webhook replay',
    'webhook resume',
  ]);
  for (const words of commands) {
    const { code, stdout } = await rig.run([...words, '--help']);
    expect(code).toBe(0);
    for (const option of words.join() === 'start' ? ['--policy', '--data'] : ['--policy', '--data', '--json'])
      expect(stdout).toContain(option);
  }
});

test('start gets absolute paths; without --data the data are beside the policy', async () => {
  using rig = new CliRig();
  await rig.run(['start']);
  await rig.run(['start', '--policy', 'etc/r.yaml', '--data', 'var', '--node', 'n1', '--workers', '3']);
  await rig.run(['start', '--policy', '/srv/relevo/config/r.yaml']);
  expect(rig.starts).toEqual([
    { policyFile: rig.policyFile, dataFolder: rig.dataFolder, node: null, workers: 'auto' },
    { policyFile: join(rig.folder, 'etc/r.yaml'), dataFolder: join(rig.folder, 'var'), node: 'n1', workers: 3 },
    { policyFile: '/srv/relevo/config/r.yaml', dataFolder: '/srv/relevo/data', node: null, workers: 'auto' },
  ]);
});

test.each(['0', 'x', '500', '-1', '1.5', ''])('--workers %s is not understood, and says what is', async (workers) => {
  using rig = new CliRig();
  const { code, stderr } = await rig.run(['start', `--workers=${workers}`]);
  expect([code, stderr]).toEqual([2, `error: --workers ${workers}: give a number from 1 to 64, or auto\n`]);
  expect(rig.starts).toEqual([]);
});

test('a sound policy is said to be so, with what has no effect yet', async () => {
  using rig = new CliRig('hostname: relay.example.com\negress: { out: { type: mx, region: eu } }\n');
  const checked = await rig.run(['check']);
  expect(checked.code).toBe(0);
  expect(checked.stdout).toContain('relevo.yaml:2:28 egress.out.region: has no effect yet');
  expect(checked.stdout).toMatch(/is sound \(version [0-9a-f]{12}\)\.\n$/);
  const plain = JSON.parse((await rig.run(['check', '--json'])).stdout);
  expect(plain).toMatchObject({ file: rig.policyFile, valid: true, problems: [], version: expect.any(String) });
  expect(plain.warnings).toHaveLength(1);
});

test('everything that is wrong with a policy is told with its line, and exit code 1', async () => {
  using rig = new CliRig('hostname: relay.example.com\nlisten:\n  - { port: many }\nrutes: []\n');
  const checked = await rig.run(['policy', 'check', rig.policyFile]);
  expect(checked.code).toBe(1);
  expect(checked.stdout).toContain('relevo.yaml:3:13 listen[0].port: ');
  expect(checked.stdout).toMatch(/relevo\.yaml:4:1 .*routes/);
  expect(checked.stdout).toMatch(/2 problems\.\n$/);
  expect(await rig.run(['check', 'nowhere.yaml'])).toMatchObject({ code: 1 });
});

test('the JSON Schema of policies is printed for editors', async () => {
  using rig = new CliRig(null);
  const schema = JSON.parse((await rig.run(['policy', 'schema'])).stdout);
  expect(schema.properties.hostname).toBeDefined();
});
