import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CliRig } from '../../../tests/fakes/cli-rig.ts';
import { aSettlement, aSubmission } from '../../../tests/fakes/submission.ts';
import { openTranscripts } from '../../report/transcripts.ts';

/** Three messages: one delivered, one bounced and talked about, one that waits. */
async function filled(rig: CliRig) {
  await using spool = await rig.openSpool();
  const atMs = rig.clock.nowMs();
  const sent = [
    aSubmission({ atMs, to: ['ann@one.test'], client: 'crm', terms: { tag: 'june' }, leaseUntilMs: atMs + 60_000 }),
    aSubmission({ atMs: atMs + 1, to: ['bob@two.test'], leaseUntilMs: atMs + 60_000 }),
    aSubmission({ atMs: atMs + 2, to: ['cid@two.test', 'dan@two.test'] }),
  ] as const;
  for (const [place, submission] of sent.entries()) {
    const accepted = await spool.accept(submission);
    const leased = accepted.kind === 'accepted' ? accepted.leased[0] : undefined;
    if (leased === undefined) continue;
    await spool.settle(aSettlement(leased, { atMs: atMs + 3, state: place === 0 ? 'delivered' : 'bounced' }));
  }
  await using book = openTranscripts({ marks: spool.marks, clock: rig.clock });
  const lines = [
    { atMs: 0, from: 'note', text: 'connected to 192.0.2.7 port 25' },
    { atMs: 1_250, from: 'server', text: '220 \u001b[31mhello' },
    { atMs: 1_251, from: 'relay', text: 'EHLO relay.example' },
  ] as const;
  const said = () => ({ lines, isWhole: true });
  book.keep({
    isDelivered: false,
    deliveryId: `${sent[1].message.id}.1` as never,
    number: 1,
    egress: 'direct',
    atMs: atMs + 3,
    said,
  });
  return sent.map(({ message }) => message.id);
}

test('messages are found by what is known of them, for people and for programs', async () => {
  using rig = new CliRig();
  const [delivered = '', bounced = '', waiting = ''] = await filled(rig);
  const { code, stdout } = await rig.run(['message', 'search', '--domain', 'TWO.test']);
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  expect(lines[0]).toMatch(/^message +received +recipients are +client +sender +recipient +exit$/);
  expect(lines.slice(1).map((line) => line.slice(0, 26))).toEqual([waiting, bounced]);
  expect(lines[1]).toContain('queued 2');
  expect(lines[1]).toContain('cid@two.test and 1 more');
  const found = async (...args: string[]) => {
    const run = await rig.run(['message', 'search', ...args, '--json']);
    return JSON.parse(run.stdout).messages.map(({ id }: { id: string }) => id);
  };
  expect(await found('--state', 'bounced', '--since', '2h')).toEqual([bounced]);
  expect(await found('--address', '<ANN@one.test>')).toEqual([delivered]);
  expect(await found('--tag', 'june', '--client', 'crm')).toEqual([delivered]);
  expect(await found(`<${waiting}@example.com>`)).toEqual([waiting]);
  expect(await found(`${bounced}.1`)).toEqual([bounced]);
  expect(await found('--until', '2h')).toEqual([]);
});

test('it is paged, and says where it cannot be what was asked for', async () => {
  using rig = new CliRig();
  const ids = await filled(rig);
  const { next, messages } = JSON.parse((await rig.run(['message', 'search', '--limit', '2', '--json'])).stdout);
  expect(messages.map(({ id }: { id: string }) => id)).toEqual([ids[2], ids[1]]);
  const last = await rig.run(['message', 'search', '--cursor', next]);
  expect(last.stdout).toContain(ids[0]);
  expect((await rig.run(['message', 'search', '--recipient', 'nobody@one.test'])).code).toBe(1);
  const wrong = [
    ['--state', 'lost'],
    ['--since', 'yesterday'],
    ['--domain', 'a b'],
    ['--limit', '0'],
  ];
  for (const args of wrong) expect((await rig.run(['message', 'search', ...args])).code, args.join(' ')).toBe(2);
});

test('what was said in an attempt is told, with nothing in it that a terminal would obey', async () => {
  using rig = new CliRig();
  const [delivered = '', bounced = ''] = await filled(rig);
  const { stdout } = await rig.run(['message', bounced, '--transcript']);
  expect(stdout).toContain(`${bounced}.1, attempt 1 by direct`);
  expect(stdout).toContain('1.251 > EHLO relay.example');
  expect(stdout).toMatch(/1\.250 < 220 .*hello/);
  expect(stdout).not.toContain('\u001b');
  expect(JSON.parse((await rig.run(['message', bounced, '--transcript', '--json'])).stdout).transcripts).toHaveLength(
    1,
  );
  expect((await rig.run(['message', delivered, '--transcript'])).stdout).toContain('No conversation is kept');
});

test('a subject is told as its reader sees it, and moves no cursor', async () => {
  using rig = new CliRig();
  writeFileSync(rig.policyFile, `${rig.policyText}log: { subjects: true }\n`);
  const sent = aSubmission({ atMs: rig.clock.nowMs(), to: ['a@one.test'] });
  const subject = '=?UTF-8?Q?Confirmaci=C3=B3n_?= =?utf-8?B?ZGUgdmlhamU=?= =?utf-8?Q?=1B[2J=E2=80=8F=EF=BB=BF?=';
  {
    await using spool = await rig.openSpool();
    await spool.accept({ ...sent, message: { ...sent.message, subject } });
  }
  const { stdout } = await rig.run(['message', sent.message.id]);
  expect(stdout).toMatch(/^subject +Confirmación de viaje\?\[2J\?\?$/m);
});
