import { expect, test } from 'vitest';
import { CliRig, MINIMAL_POLICY } from '../../../tests/fakes/cli-rig.ts';
import { FakeLive } from '../../../tests/fakes/fake-live.ts';
import { aSubmission, deliveryOf, type SubmissionOptions } from '../../../tests/fakes/submission.ts';
import type { Event } from '../../message/event.ts';
import type { Spool, Submission } from '../../spool/spool.ts';
import { startControl } from '../../control/server.ts';
import { createOperations } from '../../operations/store-operations.ts';

const HOUR_MS = 3_600_000;

async function schedule(
  { spool, rig }: { readonly spool: Spool; readonly rig: CliRig },
  inMs: number,
  options: Partial<SubmissionOptions> = {},
): Promise<Submission> {
  const sendAtMs = rig.clock.nowMs() + inMs;
  const submission = aSubmission({ atMs: rig.clock.nowMs(), dueAtMs: sendAtMs, terms: { sendAtMs }, ...options });
  await spool.accept(submission);
  return submission;
}

/** Two scheduled messages and one that is due, in a store that nobody has open. */
async function filled(rig: CliRig) {
  await using spool = await rig.openSpool();
  const soon = await schedule({ spool, rig }, HOUR_MS, { to: ['a@one.test', 'b@two.test'] });
  const late = await schedule({ spool, rig }, 48 * HOUR_MS, { client: 'crm' });
  const due = aSubmission({ atMs: rig.clock.nowMs() });
  await spool.accept(due);
  return { soon, late, due };
}

async function listed(rig: CliRig, ...args: string[]) {
  const { stdout } = await rig.run(['queue', 'list', '--json', ...args]);
  return JSON.parse(stdout).deliveries as { id: string; sendAtMs: number | null; dueAtMs: number }[];
}

test('scheduled mail is listed, without a relay running', async () => {
  using rig = new CliRig();
  const { soon, late } = await filled(rig);
  const found = await listed(rig, '--scheduled');
  expect(found.map(({ id }) => id).toSorted()).toEqual(
    [deliveryOf(soon, 1), deliveryOf(soon, 2), deliveryOf(late)].toSorted(),
  );
  expect(found.find(({ id }) => id === deliveryOf(late))?.sendAtMs).toBe(rig.clock.nowMs() + 48 * HOUR_MS);
  expect(await listed(rig, '--scheduled', '--client', 'crm')).toHaveLength(1);
  rig.clock.jumpMs(2 * HOUR_MS);
  expect(await listed(rig, '--scheduled')).toHaveLength(1);
});

test('it is moved, to a time or by so much from now, and why it waits is told', async () => {
  using rig = new CliRig();
  const { soon, late } = await filled(rig);
  const at = new Date(rig.clock.nowMs() + 5 * HOUR_MS).toISOString();
  const moved = await rig.run(['queue', 'reschedule', '--id', deliveryOf(soon, 2), '--at', at]);
  expect(moved).toMatchObject({ code: 0, stdout: `2 deliveries moved to ${at}.\n` });
  expect((await rig.run(['explain', soon.message.id])).stdout).toContain(`scheduled: not to be sent before ${at}`);
  expect((await rig.run(['message', soon.message.id])).stdout).toContain(`an operator moved it to ${at}`);
  const both = ['--id', soon.message.id, late.message.id];
  const json = await rig.run(['queue', 'reschedule', ...both, '--at', '30m', '--json']);
  expect(JSON.parse(json.stdout)).toEqual({
    changed: 3,
    isWhole: true,
    busy: 0,
    sendAtMs: rig.clock.nowMs() + HOUR_MS / 2,
  });
  await rig.run(['queue', 'reschedule', ...both, '--at', 'now']);
  expect(await listed(rig, '--scheduled')).toEqual([]);
  expect((await listed(rig)).map(({ dueAtMs }) => dueAtMs)).toEqual(Array.from({ length: 4 }, () => rig.clock.nowMs()));
});

test('it is not moved further ahead than the policy lets clients schedule', async () => {
  using rig = new CliRig(`${MINIMAL_POLICY}limits: { futureRelease: 10d }\n`);
  const { late } = await filled(rig);
  const move = (at: string) => rig.run(['queue', 'reschedule', '--id', late.message.id, '--at', at]);
  const refused = await move('11d');
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toMatch(
    /^relevo: not moved: \S+ is further ahead than limits\.futureRelease \(10 d\) of the policy allows\n$/,
  );
  expect((await listed(rig, '--scheduled')).find(({ id }) => id === deliveryOf(late))?.sendAtMs).toBe(
    rig.clock.nowMs() + 48 * HOUR_MS,
  );
  expect(await move('10d')).toMatchObject({ code: 0 });
});

test('it is cancelled before its time, and what is due already is left alone', async () => {
  using rig = new CliRig();
  const { late, due } = await filled(rig);
  expect((await rig.run(['queue', 'cancel', '--id', late.message.id])).stdout).toBe('1 delivery cancelled.\n');
  expect((await rig.run(['message', late.message.id])).stdout).toContain(
    'cancelled by an operator before its time came',
  );
  expect((await rig.run(['queue', 'cancel', '--id', due.message.id])).code).toBe(1);
  expect((await rig.run(['queue', 'cancel', '--all'])).stdout).toBe('2 deliveries cancelled.\n');
  expect((await listed(rig)).map(({ id }) => id)).toEqual([deliveryOf(due)]);
  expect((await rig.run(['audit'])).code).toBe(0);
});

test('what cannot be meant is refused with a word', async () => {
  using rig = new CliRig();
  const { due } = await filled(rig);
  for (const time of ['tomorrow', '2026-12-24', '2026-12-24T08:00:00', '-2h'])
    expect(await rig.run(['queue', 'reschedule', '--id', due.message.id, `--at=${time}`])).toMatchObject({ code: 2 });
  expect((await rig.run(['queue', 'reschedule', '--id', due.message.id])).code).toBe(2);
  expect((await rig.run(['queue', 'reschedule', '--at', '2h'])).code).toBe(2);
  const nobody = aSubmission({ atMs: 0 }).message.id;
  expect(await rig.run(['queue', 'reschedule', '--id', nobody, '--at', '2h'])).toMatchObject({ code: 1 });
});

test('the running relay does the same over its socket, tells of it, and wakes up', async () => {
  using rig = new CliRig();
  await using things = new AsyncDisposableStack();
  const spool = things.use(await rig.openSpool());
  const [live, events] = [new FakeLive(), [] as Event[]];
  const emit = (event: Event) => void events.push(event);
  const operations = createOperations({ spool, clock: rig.clock, showsSubjects: () => true, live, emit });
  const { dataFolder, clock } = rig;
  const binding = await startControl({ dataFolder, operations, clock, emit, messageSizeBytes: () => 1_000 });
  if (binding.kind !== 'listening') throw new Error(binding.cause);
  things.use(binding.control);
  const one = await schedule({ spool, rig }, HOUR_MS);
  const other = await schedule({ spool, rig }, HOUR_MS);
  expect(await listed(rig, '--scheduled')).toHaveLength(2);
  await rig.run(['queue', 'reschedule', '--id', one.message.id, '--at', 'now']);
  expect(live.wakes).toBe(1);
  await rig.run(['queue', 'cancel', '--scheduled']);
  const mail = ['send', '--from', 'shop@example.com', '--to', 'bob@dest.test'];
  expect((await rig.run([...mail, '--at', '2h', '--expires', '10m'])).code).toBe(0);
  const at = new Date(clock.nowMs() + 2 * HOUR_MS).toISOString();
  expect(String(live.mails[0]?.content)).toMatch(`X-Relevo-Send-At: ${at}\r\nX-Relevo-Expires: 10m\r\n`);
  for (const bad of ['--at=soon', '--expires=soon', '--expires=0s', '--expires=1m\r\nBcc: x@y.test'])
    expect(await rig.run([...mail, bad])).toMatchObject({ code: 2 });
  expect(live.mails).toHaveLength(1);
  expect(events).toMatchObject([
    { event: 'rescheduled', messageId: one.message.id, recipients: ['bob@dest.test'] },
    { event: 'discarded', messageId: other.message.id, reply: { code: 554, detail: '7.0' } },
  ]);
});
