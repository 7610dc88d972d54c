import { expect, test } from 'vitest';
import { CliRig } from '../../../tests/fakes/cli-rig.ts';
import { codeAt } from '../../http/sign-in/totp.ts';

const POLICY = 'hostname: relay.example.com\n';

/** A relay ran there once. */
async function started(): Promise<CliRig> {
  const rig = new CliRig(POLICY);
  await (await rig.openSpool())[Symbol.asyncDispose]();
  return rig;
}

test('a user is made without a relay running; the random password is printed once', async () => {
  using rig = await started();
  const made = await rig.run(['user', 'add', 'Ana', '--role', 'admin']);
  expect(made).toMatchObject({ code: 0, stderr: '' });
  const password = /^user {6}ana\nrole {6}admin\npassword {2}(\S{24}) {3}\(shown only now\)\n$/.exec(made.stdout)?.[1];
  expect(password).toBeDefined();
  const listed = await rig.run(['user', 'list', '--json']);
  expect(listed.stdout).not.toContain(password);
  expect(listed.stdout).not.toMatch(/scrypt|passwordHash|epoch|seed/);
  expect(JSON.parse(listed.stdout).users).toEqual([
    {
      name: 'ana',
      role: 'admin',
      createdAtMs: rig.clock.nowMs(),
      passwordAtMs: rig.clock.nowMs(),
      isDisabled: false,
      secondFactorSinceMs: null,
      recoveryCodesLeft: 0,
      lastSignIn: null,
    },
  ]);
  expect((await rig.run(['user', 'add', 'ANA', '--role', 'viewer'])).stderr).toContain('there is a user ana');
});

test('a password that is given is not printed, and must be one that is hard to guess', async () => {
  using rig = await started();
  const add = (password: string, ...more: string[]) =>
    rig.run(['user', 'add', 'ben', '--role', 'viewer', '--password-file', '-', ...more], password);
  expect((await add('short\n')).stderr).toContain('has 5 characters: give at least 10');
  expect((await add('a\nb\n')).stderr).toContain('expected one line');
  const made = await add('correct horse battery\n', '--json');
  expect(JSON.parse(made.stdout)).toMatchObject({ name: 'ben', role: 'viewer', password: null });
  expect((await rig.run(['user', 'password', 'ben', '--prompt'], '')).stderr).toContain('--prompt needs a terminal');
});

test('role, state and the user itself are changed by name, and misspelt ones are told', async () => {
  using rig = await started();
  expect((await rig.run(['user', 'list'])).stdout).toContain('relevo user add NAME --role admin');
  await rig.run(['user', 'add', 'carla', '--role', 'viewer']);
  expect((await rig.run(['user', 'role', 'carla', 'operator'])).stdout).toBe('carla is operator.\n');
  expect((await rig.run(['user', 'disable', 'carla'])).stdout).toBe('carla is disabled.\n');
  expect((await rig.run(['user', 'list'])).stdout).toMatch(/^carla +operator +disabled +no +never$/m);
  expect((await rig.run(['user', 'role', 'carla', 'viwer'])).stderr).toContain('did you mean "viewer"?');
  expect((await rig.run(['user', 'role', 'carlo', 'viewer'])).stderr).toContain('no user carlo (did you mean carla?)');
  expect((await rig.run(['user', 'add', '../x', '--role', 'viewer'])).stderr).toContain('cannot be the name of a user');
  const { seed } = JSON.parse((await rig.run(['user', 'totp', 'carla', '--json'])).stdout);
  const code = await codeAt(seed, rig.clock.nowMs());
  expect((await rig.run(['user', 'totp', 'carla', '--code', code])).stdout).toMatch(/(\n {2}(\w{4}-){3}\w{4}){10}\n$/);
  expect((await rig.run(['user', 'remove', 'carla'])).stdout).toBe('carla is removed.\n');
});
