import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { CliRig, MINIMAL_POLICY } from '../../../tests/fakes/cli-rig.ts';
import { aSettlement, aSubmission } from '../../../tests/fakes/submission.ts';
import { ofMail } from '../../message/event.ts';
import { deliveryIdOf, newMessageId } from '../../message/ids.ts';
import { loaded } from '../../../tests/fakes/policy-text.ts';
import { RollupBook } from '../../report/rollups/book.ts';
import { openRollups } from '../../report/rollups/rollups.ts';

const HOSTILE = '=cmd|"x"!A1';

/** What a relay counted of one message, and keeps of it. */
async function counted(rig: CliRig): Promise<string> {
  await using spool = await rig.openSpool();
  const book = new RollupBook();
  const { clock } = rig;
  const policy = () => loaded(MINIMAL_POLICY).policy;
  const needs = { book, marks: spool.marks, spool, feed: null, policy, clock, emit: () => {}, node: 'relay' };
  await using _ = await openRollups(needs);
  const atMs = clock.nowMs();
  const submission = aSubmission({ atMs, to: ['ann@a.test'], leaseUntilMs: atMs + 1_000, terms: { tag: HOSTILE } });
  const accepted = await spool.accept(submission);
  if (accepted.kind !== 'accepted') throw new Error(accepted.kind);
  book.sink(ofMail(submission.received, submission.message));
  for (const leased of accepted.leased) await spool.settle(aSettlement(leased, { atMs }));
  const id = newMessageId(atMs - 700, randomBytes(10));
  const of = { atMs, messageId: id, deliveryId: deliveryIdOf(id, 1), domain: 'a.test', egress: 'direct' };
  const reply = { code: 550, detail: '1.1', text: '<bob@a.test>: no such user' };
  book.sink(ofMail({ event: 'delivered', ...of, recipients: ['ann@a.test'], reply: null }, submission.message));
  book.sink(ofMail({ event: 'bounced', ...of, recipients: ['bob@a.test'], reply }, submission.message));
  return submission.message.id;
}

test('reports are printed as tables, CSV and JSON, with no relay running', async () => {
  using rig = new CliRig();
  await counted(rig);
  const traffic = (await rig.run(['report', 'traffic'])).stdout;
  expect(traffic).toMatch(/^From 2025-12-02 00:00 to 2026-01-02 00:00 UTC\.\n/);
  expect(traffic).toMatch(/^EXIT +ACCEPTED.*\ndirect +- +- +1 +0 +1 +0 +50\.0 % +/m);
  expect(traffic).toMatch(/^DESTINATION .*\na\.test +1 +1 +1 /m);
  const bounces = (await rig.run(['report', 'bounces', '--since', '24h'])).stdout;
  expect(bounces).toMatch(/^CLIENT +BOUNCED .*UNKNOWN.*\nshop +1 +0 .* 50\.0 %$/m);
  expect(bounces).toContain('550 5.1.1 (address): no such user');
  const csv = (await rig.run(['report', 'bounces', '--month', '2026-01', '--csv'])).stdout;
  expect(csv).toContain(`tag,"'=cmd|""x""!A1",1,0,`);
  const { total } = JSON.parse((await rig.run(['report', 'traffic', '--json'])).stdout) as {
    total: { figures: object };
  };
  expect(total.figures).toMatchObject({ accepted: 1, delivered: 1, bounced: 1, unknownUser: 1 });
  expect((await rig.run(['report', 'bounces', '--month', '2025-11'])).stdout).toContain('Nothing bounced.');
  expect((await rig.run(['report', 'costs', '--month', '2025-11'])).stdout).toContain('2025-11');
  const none = await rig.run(['report', 'send', 'weekly', '--to', 'boss@a.test']);
  expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('no relay is running: nothing could be sent')]);
  for (const args of [['yearly'], ['daily', '--to', 'nobody']])
    expect((await rig.run(['report', 'send', ...args])).code).toBe(2);
  for (const args of [
    ['--since', 'soon'],
    ['--month', '2026'],
    ['--top', '0'],
    ['--csv', '--json'],
  ]) {
    const run = await rig.run(['report', 'bounces', ...args]);
    expect([run.code, run.stdout], args.join(' ')).toEqual([2, '']);
  }
});

test('figures and messages are exported as lines', async () => {
  using rig = new CliRig();
  const id = await counted(rig);
  const figures = (await rig.run(['export', 'figures', '--by', 'tag', '--since', '2d'])).stdout.trim().split('\n');
  expect(figures.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { time: '2026-01-01T00:00:00.000Z', by: 'tag', name: HOSTILE, accepted: 1, delivered: 1 },
  ]);
  const hours = await rig.run(['export', 'figures', '--step', '1h', '--since', '2h', '--csv']);
  expect(hours.stdout).toMatch(/^time,by,name,accepted,.*\r\n2026-01-01T00:00:00\.000Z,all,all,1,1,/);
  const messages = (await rig.run(['export', 'messages', '--csv'])).stdout.split('\r\n');
  expect(messages[0]).toMatch(/^id,received,client,.*,delivery,domain,/);
  expect(messages[1]).toContain(
    `${id},2026-01-01T00:00:00.000Z,shop,transactional,normal,shop@example.com,"'=cmd|""x""!A1"`,
  );
  expect(messages[1]).toMatch(/,a\.test,1,.*,delivered,2026-01-01T00:00:00\.000Z$/);
  const [line = ''] = (await rig.run(['export', 'messages'])).stdout.split('\n');
  expect(JSON.parse(line)).toMatchObject({ id, deliveries: [{ domain: 'a.test', end: 'delivered' }] });
  expect((await rig.run(['export', 'figures', '--by', 'moon'])).code).toBe(2);
});
