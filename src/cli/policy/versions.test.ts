import { mkdirSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CliRig, MINIMAL_POLICY } from '../../../tests/fakes/cli-rig.ts';
import { PolicyVersions } from '../../operations/policy/versions.ts';

let rig: CliRig;
beforeEach(() => {
  rig = new CliRig();
  mkdirSync(rig.dataFolder);
});
afterEach(() => rig[Symbol.dispose]());

/** What a relay does when it takes the file up. */
const takeUp = () =>
  new PolicyVersions(rig.dataFolder).record({ text: rig.policyText, version: 'v', atMs: rig.clock.nowMs() });

test('edits by commands are told with who made them and what they were, with no relay running', async () => {
  await takeUp();
  await rig.run(['client', 'add', 'newsletter', '--no-password', '--networks', '198.51.100.0/24']);
  await takeUp();
  await rig.run(['preset', 'use', 'none']);
  await takeUp();
  const { versions } = JSON.parse((await rig.run(['policy', 'versions', '--json'])).stdout);
  expect(versions.map(({ what, by }: { what: string; by: { kind: string } }) => [what, by.kind])).toEqual([
    ['preset none', 'cli'],
    ['client newsletter', 'cli'],
    ['edit', 'file'],
  ]);
});

test('a rollback without a relay counts from the next start, and is refused where nothing is kept of that version', async () => {
  await takeUp();
  await rig.run(['client', 'remove', 'shop']);
  await takeUp();
  const back = await rig.run(['policy', 'rollback', '1']);
  expect([back.code, rig.policyText]).toEqual([0, MINIMAL_POLICY]);
  expect(back.stdout).toContain('it counts from the next start');
  expect((await takeUp()).what).toBe('rollback to 1');
  const unknown = await rig.run(['policy', 'rollback', '7']);
  expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('there is no version 7')]);
  expect((await rig.run(['policy', 'rollback', 'last'])).code).toBe(2);
});

test('an earlier policy that would be refused now is not written', async () => {
  const versions = new PolicyVersions(rig.dataFolder);
  await versions.record({ text: 'hostname: a.test\nlimits: { recipients: many }\n', version: 'v', atMs: 0 });
  const { code, stderr } = await rig.run(['policy', 'rollback', '1']);
  expect([code, rig.policyText]).toEqual([1, MINIMAL_POLICY]);
  expect(stderr).toContain('relevo.yaml:2:23 limits.recipients: expected a positive number');
});
