import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CliRig } from '../../../tests/fakes/cli-rig.ts';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { MemoryMarks } from '../../../tests/fakes/marks.ts';
import { systemRandom } from '../../system.ts';
import { type TokenOperations, tokenOperations } from '../../operations/token-operations.ts';

const POLICY = 'hostname: relay.example.com\n';
const DAY_MS = 86_400_000;

/** A relay ran there once. */
async function started(): Promise<CliRig> {
  const rig = new CliRig(POLICY);
  await (await rig.openSpool())[Symbol.asyncDispose]();
  return rig;
}

test('a token is made without a relay running; the token alone is on standard output', async () => {
  using rig = await started();
  const made = await rig.run(['token', 'create', 'ci', '--scopes', 'read,submit', '--expires', '90d']);
  expect(made.code).toBe(0);
  expect(made.stdout).toMatch(/^rlv_[A-Za-z0-9_-]{43}\n$/);
  const until = new Date(rig.clock.nowMs() + 90 * DAY_MS).toISOString();
  expect(made.stderr).toBe(`ci may submit, read, until ${until}. Keep it now: it is not shown again.\n`);
  const { tokens } = JSON.parse((await rig.run(['token', 'list', '--json'])).stdout);
  expect(tokens).toEqual([
    {
      name: 'ci',
      scopes: ['submit', 'read'],
      createdAtMs: rig.clock.nowMs(),
      rotatedAtMs: null,
      expiresAtMs: rig.clock.nowMs() + 90 * DAY_MS,
      isExpired: false,
      previousUntilMs: null,
      lastUsedAtMs: null,
      lastUsedFrom: null,
    },
  ]);
});

test('a token submits as its client, and has an access key whose secret is kept nowhere', async () => {
  using rig = await started();
  const made = await rig.run(['token', 'create', 'shop', '--scopes', 'submit', '--client', 'shop', '--aws']);
  const [, id = '', secret = ''] =
    /^rlv_\S+\nAWS_ACCESS_KEY_ID=(RLVA[A-Z2-7]{16})\nAWS_SECRET_ACCESS_KEY=(\S{40})\n$/.exec(made.stdout) ?? [];
  expect([made.code, secret.length]).toEqual([0, 40]);
  const listed = (await rig.run(['token', 'list', '--json'])).stdout;
  expect(JSON.parse(listed)).toMatchObject({ tokens: [{ name: 'shop', client: 'shop', accessKeyId: id }] });
  const file = join(rig.folder, 'certs/access-keys.keys');
  expect([statSync(file).mode & 0o777, readFileSync(file, 'utf8')]).toEqual([
    0o600,
    expect.not.stringContaining(secret),
  ]);
  const rotated = JSON.parse((await rig.run(['token', 'rotate', 'shop', '--json'])).stdout);
  expect(rotated.accessKeyId).toMatch(/^RLVA/);
  expect([rotated.accessKeyId === id, rotated.secretAccessKey === secret, rotated.client]).toEqual([
    false,
    false,
    'shop',
  ]);
  for (const text of [listed, (await rig.run(['token', 'list'])).stdout]) expect(text).not.toContain(secret);
});

test('tokens are listed, renewed and revoked by name', async () => {
  using rig = await started();
  expect((await rig.run(['token', 'list'])).stdout).toBe('There are no tokens.\n');
  const first = JSON.parse((await rig.run(['token', 'create', 'grafana', '--scopes', 'read', '--json'])).stdout);
  expect(first).toMatchObject({ token: expect.stringMatching(/^rlv_/), name: 'grafana', expiresAtMs: null });
  rig.clock.jumpMs(DAY_MS);
  const rotated = await rig.run(['token', 'rotate', 'grafana']);
  expect(rotated.stdout).not.toBe(`${first.token}\n`);
  expect(rotated.stderr).toContain('The one before is good in 60 min at the longest.\n');
  const { stdout } = await rig.run(['token', 'list']);
  expect(stdout).toMatch(/^grafana +read +\d{4}-\d\d-\d\d +\d{4}-\d\d-\d\d +never +in 60 min +never +-$/m);
  expect(stdout).not.toContain('rlv_');
  const revoked = await rig.run(['token', 'revoke', 'grafana', '--json']);
  expect(JSON.parse(revoked.stdout)).toEqual({ name: 'grafana', revoked: true });
  expect((await rig.run(['token', 'list'])).stdout).toBe('There are no tokens.\n');
  // The name is free again.
  expect((await rig.run(['token', 'create', 'grafana', '--scopes', 'read'])).code).toBe(0);
});

test('what is no scope, no name and no time is refused by name', async () => {
  using rig = await started();
  const all = 'the scopes are submit, read, operate, admin';
  const wrong = async (...args: string[]) => {
    const { code, stdout, stderr } = await rig.run(['token', ...args]);
    expect([code, stdout]).toEqual([2, '']);
    return stderr;
  };
  const create = (scopes: string, ...more: string[]) => wrong('create', 'ci', '--scopes', scopes, ...more);
  expect(await create('read,reed')).toBe(`error: --scopes: unknown scope "reed", did you mean "read"?; ${all}\n`);
  expect(await create('everything')).toBe(`error: --scopes: unknown scope "everything"; ${all}\n`);
  expect(await create('READ')).toContain('did you mean "read"?');
  expect(await create('')).toBe(`error: --scopes "": a scope is missing; ${all}\n`);
  expect(await create('read,')).toContain('a scope is missing');
  expect(await wrong('create', 'ci')).toContain("required option '--scopes <list>' not specified");
  const times = 'give a time from 1s to 3650d, such as 30m, 12h or 90d';
  for (const time of ['90', 'soon', '0s', '999ms', '4000d'])
    expect(await create('read', '--expires', time)).toBe(`error: --expires "${time}": ${times}\n`);
  expect(await wrong('rotate', 'ci', '--overlap', '1 month')).toContain('--overlap "1 month": give a time from 0s');
  for (const name of ['', '.', '../x', 'a b', 'a:b', '-', 'é', 'x'.repeat(65), 'a\n'])
    expect(await wrong('create', '--scopes', 'read', '--', name)).toContain('cannot be the name of a token');
  expect((await rig.run(['token', 'list'])).stdout).toBe('There are no tokens.\n');
});

test('a name is taken once; one that is not there can be neither renewed nor revoked', async () => {
  using rig = await started();
  await rig.run(['token', 'create', 'grafana', '--scopes', 'read']);
  const again = await rig.run(['token', 'create', 'grafana', '--scopes', 'admin']);
  expect(again).toMatchObject({ code: 1, stdout: '' });
  expect(again.stderr).toContain('there is a token grafana: `relevo token rotate grafana` renews it');
  expect((await rig.run(['token', 'revoke', 'grafna'])).stderr).toBe(
    'relevo: there is no token grafna (did you mean grafana?)\n',
  );
  expect(await rig.run(['token', 'rotate', 'other'])).toMatchObject({
    code: 1,
    stderr: 'relevo: there is no token other\n',
  });
});

function operating(marks = new MemoryMarks(), clock = new FakeClock()) {
  return { marks, clock, tokens: tokenOperations({ marks, clock, random: systemRandom, changed: () => {} }) };
}

const READ = { name: 'ci', scopes: ['read'], lifetimeMs: null } as const;

test('of those who make a token of one name at once one has it', async () => {
  const { tokens } = operating();
  const made = await Promise.allSettled(Array.from({ length: 5 }, () => tokens.createToken(READ)));
  expect(made.map(({ status }) => status).toSorted()).toEqual(['fulfilled', ...Array(4).fill('rejected')]);
});

test('who was overtaken by another node is told of no token that opens nothing', async () => {
  class Overtaken extends MemoryMarks {
    override async mark(marks: Parameters<MemoryMarks['mark']>[0]): Promise<void> {
      await super.mark(marks);
      await super.mark(marks.map((mark) => ({ ...mark, text: mark.text.replace(/[0-9a-f]{64}/, 'f'.repeat(64)) })));
    }
  }
  const { tokens } = operating(new Overtaken());
  await expect(tokens.createToken(READ)).rejects.toThrow('somebody else changed the token ci');
});

test('a token that was made by a clock ahead of this one can be renewed', async () => {
  const marks = new MemoryMarks();
  const ahead = new FakeClock();
  ahead.jumpMs(DAY_MS);
  await operating(marks, ahead).tokens.createToken(READ);
  const { tokens } = operating(marks);
  expect((await tokens.rotateToken({ name: 'ci', overlapMs: 0 })).token).toMatch(/^rlv_/);
});

test('of a token that is renewed again and again within the overlap the last five open', async () => {
  const { tokens, marks } = operating();
  const hashes = async (operations: TokenOperations, overlapMs: number) => {
    await operations.rotateToken({ name: 'ci', overlapMs });
    return (marks.read('token:ci') as { secrets: { expiresAtMs: number | null }[] }).secrets;
  };
  await tokens.createToken(READ);
  for (let count = 0; count < 10; count++) await hashes(tokens, 3_600_000);
  expect(await hashes(tokens, 3_600_000)).toHaveLength(5);
  // None of them gets more time by a longer overlap later.
  const [current, ...before] = await hashes(tokens, 86_400_000);
  expect(current?.expiresAtMs).toBeNull();
  expect(before.filter(({ expiresAtMs }) => (expiresAtMs ?? 0) > new FakeClock().nowMs() + 3_600_000)).toHaveLength(1);
  expect(await hashes(tokens, 0)).toHaveLength(1);
});

test('there is an end to how many tokens there are', async () => {
  const { tokens } = operating();
  for (let count = 0; count < 500; count++) await tokens.createToken({ ...READ, name: `t${count}` });
  await expect(tokens.createToken(READ)).rejects.toThrow('there are 500 tokens');
});

test('what is there under the name and cannot be read is replaced, and can be revoked', async () => {
  const { tokens, marks, clock } = operating();
  const broken = { name: 'token:ci', text: '?', atMs: clock.nowMs() + 5 };
  await marks.mark([broken]);
  expect(await tokens.tokens()).toEqual([]);
  expect((await tokens.createToken(READ)).name).toBe('ci');
  await marks.mark([{ ...broken, name: 'token:other' }]);
  expect(await tokens.revokeToken({ name: 'other' })).toEqual({ name: 'other', revoked: true });
  expect(marks.all().map(({ name }) => name)).toEqual(['token:ci']);
});
