import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CliRig } from '../../../tests/fakes/cli-rig.ts';
import { TALLY_CLIENT } from '../../feedback/suppression/tally.ts';

/** A relay ran there once. */
async function started(): Promise<CliRig> {
  const rig = new CliRig();
  await using spool = await rig.openSpool();
  // A count of soft bounces is no suppression, and never shown as one.
  const count = { address: 'soft@dest.example', client: TALLY_CLIENT, stream: null, reason: 'soft-bounces' } as const;
  await spool.suppressions.suppress([{ ...count, evidence: '1; x', source: 'bounce', atMs: 1, untilMs: 9e12 }]);
  return rig;
}

test('addresses are added, listed, filtered, paged and taken back', async () => {
  using rig = await started();
  expect((await rig.run(['suppress', 'list'])).stdout).toBe('Nothing.\n');
  const added = await rig.run([
    'suppress',
    'add',
    'Ann@Dest.example',
    'bob@dest.example',
    '--note',
    'asked us',
    '--keep',
    '90d',
  ]);
  expect(added).toMatchObject({ code: 0, stdout: 'Suppressed: 2.\n' });
  await rig.run([
    'suppress',
    'add',
    'ann@dest.example',
    '--client',
    'shop',
    '--stream',
    'news',
    '--reason',
    'unsubscribe',
  ]);
  const { stdout } = await rig.run(['suppress', 'list', '--domain', 'dest.example']);
  expect(stdout).toMatch(/^ann@dest\.example +manual +2026-01-01 +2026-04-01 +any +any +operator +asked us$/m);
  expect(stdout).toMatch(/^ann@dest\.example +unsubscribe +2026-01-01 +- +shop +news +operator$/m);
  const page = JSON.parse((await rig.run(['suppress', 'list', '--limit', '2', '--json'])).stdout);
  expect(page.suppressions).toHaveLength(2);
  const rest = JSON.parse((await rig.run(['suppress', 'list', '--after', page.next, '--json'])).stdout);
  expect([rest.suppressions, rest.next]).toEqual([[expect.objectContaining({ address: 'bob@dest.example' })], null]);
  const removed = await rig.run(['suppress', 'remove', 'ANN@dest.example', '--stream', 'news']);
  expect(removed).toMatchObject({ code: 0, stdout: '1 entry taken back.\n' });
  expect((await rig.run(['suppress', 'remove', 'ann@dest.example', 'bob@dest.example', '--json'])).stdout).toContain(
    '2',
  );
  expect((await rig.run(['suppress', 'remove', 'ann@dest.example'])).code).toBe(1);
});

test('a stream that the policy has not is told: it would hold nothing back', async () => {
  using rig = await started();
  const { code, stderr } = await rig.run(['suppress', 'add', 'eve@far.example', '--stream', 'marketng']);
  expect([code, stderr]).toEqual([
    0,
    'relevo: the policy has no stream marketng (did you mean marketing?): until it has, this holds nothing back\n',
  ]);
});

test('a list is imported whole or not at all, and says what is in it', async () => {
  using rig = await started();
  const file = join(rig.folder, 'list.csv');
  writeFileSync(file, 'email,created\nann@dest.example,1\nnobody,1\n');
  const refused = await rig.run(['suppress', 'import', 'list.csv', '--stream', 'news']);
  expect(refused).toMatchObject({
    code: 1,
    stdout: '1 entry (SendGrid unsubscribes 1): unsubscribe 1.\n1 line cannot be read.\nNothing was imported.\n',
    stderr: `${file}: line 3: "nobody" is no address\n`,
  });
  const dry = await rig.run(['suppress', 'import', 'list.csv', '--stream', 'news', '--dry-run', '--json']);
  expect(JSON.parse(dry.stdout)).toMatchObject({ imported: 0, read: 1, bad: 1 });
  expect((await rig.run(['suppress', 'list'])).stdout).toBe('Nothing.\n');
  const done = await rig.run(['suppress', 'import', 'list.csv', '--stream', 'news', '--skip-bad']);
  expect(done).toMatchObject({ code: 1, stdout: expect.stringMatching(/Imported\.\n$/) });

  const out = await rig.run(['suppress', 'export']);
  expect(out.stdout).toBe(
    'address,client,stream,reason,evidence,source,at,until\n' +
      'ann@dest.example,,news,unsubscribe,,import,1970-01-01T00:00:01.000Z,\n',
  );
  expect(JSON.parse((await rig.run(['suppress', 'export', '--json'])).stdout)).toMatchObject({ stream: 'news' });
  await rig.run(['suppress', 'export', '--format', 'ses', '--out', 'ses.csv']);
  expect(readFileSync(join(rig.folder, 'ses.csv'), 'utf8')).toBe('ann@dest.example,COMPLAINT\n');
});

test('thousands are imported and exported in order', async () => {
  using rig = await started();
  const lines = Array.from({ length: 2_500 }, (_one, n) => `n${String(n).padStart(4, '0')}@dest.example`);
  writeFileSync(join(rig.folder, 'list'), lines.join('\r\n'));
  expect(await rig.run(['suppress', 'import', 'list'])).toMatchObject({ code: 0 });
  const out = await rig.run(['suppress', 'export', '--format', 'sendgrid', '--domain', 'dest.example']);
  expect(out.stdout).toBe(`email\n${lines.join('\n')}\n`);
});

test('what is not meant is refused by name', async () => {
  using rig = await started();
  for (const [args, error] of [
    [['add', 'nobody'], '"nobody" is no address'],
    [['add', 'a@b.example', '--reason', 'x'], '--reason "x": the reasons are hard-bounce'],
    [['add', 'a@b.example', '--keep', '0s'], '--keep "0s"'],
    [['import', 'nowhere'], 'nowhere cannot be read: ENOENT'],
    [['import', 'x', '--global', '--client', 'shop'], '--global or --client and --stream'],
    [['export', '--format', 'x'], '--format "x": the formats are csv'],
  ] as const)
    expect(await rig.run(['suppress', ...args])).toMatchObject({ code: 2, stderr: expect.stringContaining(error) });
});
