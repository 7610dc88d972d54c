import { expect, test } from 'vitest';
import { CliRig } from '../../tests/fakes/cli-rig.ts';

test('what the command line changed is told, by whom and when, with no relay running', async () => {
  using rig = new CliRig('hostname: relay.example.com\n');
  await (await rig.openSpool())[Symbol.asyncDispose]();
  const where = ['--policy', rig.policyFile, '--data', rig.dataFolder];
  expect((await rig.run(['audit', 'log', ...where])).stdout).toBe('There is nothing of the kind.\n');
  for (const name of ['a', 'b', 'c']) {
    await rig.run(['token', 'create', name, '--scopes', 'read']);
    rig.clock.jumpMs(3_600_000);
  }
  await rig.run(['token', 'revoke', 'b', ...where]);
  const log = async (...args: string[]) => {
    const { entries, next } = JSON.parse((await rig.run(['audit', 'log', '--json', ...args, ...where])).stdout);
    return { told: entries.map(({ what, on }: { what: string; on: string }) => `${what} ${on}`), next };
  };
  expect(await log()).toEqual({
    told: ['token.revoke b', 'token.create c', 'token.create b', 'token.create a'],
    next: null,
  });
  expect((await log('--since', '150m', '--until', '30m', '--what', 'token.create', '--who', 'operator')).told).toEqual([
    'token.create c',
    'token.create b',
  ]);
  const { stdout } = await rig.run(['audit', 'log', '--limit', '1', ...where]);
  expect(stdout).toMatch(/operator \S+ \(uid \d+\).* +command line +token\.revoke +b/);
  expect(stdout).toMatch(/^There is more: --before \S+$/m);
  for (const wrong of [
    ['--limit', '0'],
    ['--since', 'yesterday'],
  ])
    expect((await rig.run(['audit', 'log', ...wrong])).code).toBe(2);
  // The proof that no mail was lost is as it was.
  expect(JSON.parse((await rig.run(['audit', '--json', ...where])).stdout)).toMatchObject({ holds: true });
});
