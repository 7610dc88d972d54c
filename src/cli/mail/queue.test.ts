import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CliRig } from '../../../tests/fakes/cli-rig.ts';
import { aSettlement, aSubmission, deliveryOf } from '../../../tests/fakes/submission.ts';

/** A store with three messages to four domains; the last was tried once. */
async function filled(rig: CliRig) {
  await using spool = await rig.openSpool();
  const submission = (to: string[], more = {}) => aSubmission({ atMs: rig.clock.nowMs(), to, ...more });
  const first = submission(['a@one.test', 'b@one.test', 'c@two.test']);
  await spool.accept(first);
  rig.clock.jumpMs(11 * 60_000);
  const second = submission(['d@three.test'], { client: 'crm', sender: '' });
  await spool.accept(second);
  const third = submission(['e@four.test', 'f@four.test'], { leaseUntilMs: rig.clock.nowMs() + 60_000 });
  const accepted = await spool.accept(third);
  if (accepted.kind !== 'accepted' || accepted.leased[0] === undefined) throw new Error('not leased');
  await spool.settle(aSettlement(accepted.leased[0], { atMs: rig.clock.nowMs(), addresses: ['e@four.test'] }));
  return { first, second, third };
}

test('the queue is listed for people, newest first, without a relay running', async () => {
  using rig = new CliRig();
  const { first, third } = await filled(rig);
  const { code, stdout } = await rig.run(['queue', 'list']);
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(5);
  expect(lines[0]).toMatch(/^id +age +state +tries +size +client +sender +recipients +last reply$/);
  expect(lines[1]).toContain(deliveryOf(third));
  expect(lines[1]).toContain('450 4.4.1 greylisted');
  expect(lines[2]).toMatch(/crm +<> +d@three\.test$/);
  expect(lines.slice(3).some((line) => line.includes(deliveryOf(first)) && line.includes('11 min'))).toBe(true);
  expect(stdout).toContain('a@one.test and 1 more');
});

test('the queue is listed as JSON, page by page', async () => {
  using rig = new CliRig();
  const { first, second, third } = await filled(rig);
  const ids: string[] = [];
  let after: string[] = [];
  for (let page = 0; page < 4; page++) {
    const { stdout } = await rig.run(['queue', 'list', '--json', '--limit', '1', ...after]);
    const { deliveries, next } = JSON.parse(stdout);
    ids.push(...deliveries.map((one: { id: string }) => one.id));
    after = ['--after', next];
    expect(next === null).toBe(page === 3);
  }
  expect(ids.slice(0, 2)).toEqual([deliveryOf(third), deliveryOf(second)]);
  expect(ids.slice(2).toSorted()).toEqual([deliveryOf(first, 1), deliveryOf(first, 2)]);
  const { deliveries } = JSON.parse((await rig.run(['queue', 'list', '--json', '--id', second.message.id])).stdout);
  expect(deliveries).toEqual([
    {
      id: deliveryOf(second),
      messageId: second.message.id,
      domain: 'three.test',
      sender: '',
      recipients: ['d@three.test'],
      client: 'crm',
      stream: 'transactional',
      priority: 'normal',
      state: 'queued',
      attempts: 0,
      sizeBytes: second.content.length,
      createdAtMs: rig.clock.nowMs(),
      sendAtMs: null,
      dueAtMs: rig.clock.nowMs(),
      leasedUntilMs: null,
      lastReply: null,
      lastEgress: null,
    },
  ]);
});

test('filters say which deliveries are meant; ids may be in lower case', async () => {
  using rig = new CliRig();
  const { first, second, third } = await filled(rig);
  const listed = async (...args: string[]) => {
    const { stdout } = await rig.run(['queue', 'list', '--json', ...args]);
    return JSON.parse(stdout).deliveries.map((one: { id: string }) => one.id);
  };
  expect(await listed('--domain', 'TWO.test')).toEqual([deliveryOf(first, 2)]);
  expect(await listed('--client', 'crm')).toEqual([deliveryOf(second)]);
  expect(await listed('--sender', '<>')).toEqual([deliveryOf(second)]);
  expect(await listed('--recipient', 'b@one.test')).toEqual([deliveryOf(first, 1)]);
  expect(await listed('--egress', 'direct')).toEqual([deliveryOf(third)]);
  expect(await listed('--id', deliveryOf(first, 2).toLowerCase())).toEqual([deliveryOf(first, 2)]);
  expect(await listed('--id', first.message.id.toLowerCase(), second.message.id)).toHaveLength(3);
  expect(await listed('--client', 'shop', '--domain', 'three.test')).toEqual([]);
});

test('ids may stand by themselves, beside those of --id and beside filters, which must hold too', async () => {
  using rig = new CliRig();
  const { first, second, third } = await filled(rig);
  const said = async (...args: string[]) => (await rig.run(['queue', ...args])).stdout;
  expect(JSON.parse(await said('list', '--json', second.message.id)).deliveries).toHaveLength(1);
  expect(await said('hold', deliveryOf(first, 2).toLowerCase(), second.message.id)).toBe('2 deliveries held.\n');
  expect(await said('release', second.message.id, '--id', first.message.id)).toBe('2 deliveries released.\n');
  expect(await said('discard', first.message.id, '--domain', 'two.test')).toBe('1 delivery discarded.\n');
  for (const wrong of [
    ['hold', 'shop'],
    ['hold', '--all', third.message.id],
  ])
    expect(await rig.run(['queue', ...wrong])).toMatchObject({ code: 2, stdout: '' });
  expect(JSON.parse(await said('list', '--json', '--state', 'held')).deliveries).toEqual([]);
});

test('a change without a filter is refused, for the whole queue must be meant', async () => {
  using rig = new CliRig();
  await filled(rig);
  for (const action of ['hold', 'release', 'retry', 'bounce', 'discard']) {
    const refused = await rig.run(['queue', action]);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('--all');
  }
  expect((await rig.run(['queue', 'hold', '--all', '--domain', 'one.test'])).code).toBe(2);
  expect(JSON.parse((await rig.run(['queue', 'list', '--json', '--state', 'held'])).stdout).deliveries).toEqual([]);
});

test('deliveries are held, released, made due and discarded, and the audit holds', async () => {
  using rig = new CliRig();
  const { first } = await filled(rig);
  // One waits for its next attempt; the others are due already.
  expect((await rig.run(['queue', 'retry', '--all', '--json'])).stdout).toBe('{\n  "changed": 1,\n  "busy": 0\n}\n');
  expect((await rig.run(['queue', 'hold', '--client', 'shop'])).stdout).toBe('3 deliveries held.\n');
  expect((await rig.run(['queue', 'list', '--state', 'held'])).stdout.match(/ held /g)).toHaveLength(3);
  expect((await rig.run(['queue', 'release', '--id', first.message.id])).stdout).toBe('2 deliveries released.\n');
  expect((await rig.run(['queue', 'release', '--all'])).stdout).toBe('1 delivery released.\n');
  expect((await rig.run(['queue', 'retry', '--all'])).stdout).toBe('0 deliveries due now.\n');
  expect((await rig.run(['queue', 'discard', '--domain', 'one.test'])).stdout).toBe('1 delivery discarded.\n');
  const audit = await rig.run(['audit', '--json']);
  expect(audit.code).toBe(0);
  expect(JSON.parse(audit.stdout)).toEqual({
    holds: true,
    messages: 3,
    accepted: 6,
    finished: { delivered: 1, bounced: 0, expired: 0, suppressed: 0, discarded: 2 },
    queued: 3,
    possibleDuplicates: 0,
    violations: [],
  });
  expect((await rig.run(['audit'])).stdout).toContain('The sum holds for every recipient.');
});

test('a change that is asked for by id and hits nothing ends with 1', async () => {
  using rig = new CliRig();
  await filled(rig);
  expect(await rig.run(['queue', 'hold', '--id', '01HF7YAT000W3GE1R70W3GE1R7'])).toMatchObject({ code: 1 });
  expect(await rig.run(['queue', 'hold', '--domain', 'nowhere.test'])).toMatchObject({ code: 0 });
});

test('the shape of the queue tells where it is stuck', async () => {
  using rig = new CliRig();
  await filled(rig);
  const { stdout } = await rig.run(['queue', 'shape']);
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/));
  expect(rows[0]?.slice(0, 4)).toEqual(['domain', 'deliveries', '< 5 min', '< 10 min']);
  expect(rows[1]?.slice(0, 5)).toEqual(['all', '4', '2', '0', '2']);
  const shape = JSON.parse((await rig.run(['queue', 'shape', '--json', '--domain', 'one.test'])).stdout);
  expect(shape).toMatchObject({
    isWhole: true,
    rows: [{ domain: 'one.test', total: 1, byAge: [0, 0, 1, 0, 0, 0, 0, 0, 0, 0] }],
  });
});

test('what only a running relay can do is refused with the reason', async () => {
  using rig = new CliRig();
  await filled(rig);
  for (const args of [
    ['queue', 'bounce', '--all'],
    ['send', '--from', 'a@example.com', '--to', 'b@one.test', '--subject', 'x'],
  ]) {
    const refused = await rig.run(args);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('no relay is running');
  }
});

test('where there is no store, or no policy that says where it is, that is said and nothing is made', async () => {
  using rig = new CliRig();
  const none = await rig.run(['queue', 'list']);
  expect(none).toMatchObject({ code: 1, stdout: '' });
  expect(none.stderr).toContain('no store in');
  using bad = new CliRig('hostname: [\n');
  const refused = await bad.run(['audit']);
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toMatch(/relevo\.yaml:\d+:\d+/);
});

test('the story of a message is told in order, and where it is now', async () => {
  using rig = new CliRig();
  const { third } = await filled(rig);
  const { code, stdout } = await rig.run(['message', third.message.id.toLowerCase()]);
  expect(code).toBe(0);
  const events = [...stdout.matchAll(/^\d{4}-\S+ +(\S+)/gm)].map((match) => match[1]);
  expect(events).toEqual(['received', 'delivered', 'deferred']);
  expect(stdout).toContain('e@four.test by direct');
  expect(stdout).toContain('delivered: 1 recipient\n');
  expect(stdout).toContain(`queued, due in 60 s: f@four.test (relevo explain ${deliveryOf(third)})`);
  const plain = JSON.parse((await rig.run(['message', deliveryOf(third), '--json'])).stdout);
  expect(plain.message.id).toBe(third.message.id);
  expect(plain.events.map((event: { event: string }) => event.event)).toEqual(['received', 'delivered', 'deferred']);
  expect(plain.queued).toMatchObject([{ id: deliveryOf(third), recipients: ['f@four.test'] }]);
});

test('subjects are shown only where the policy allows it', async () => {
  using rig = new CliRig();
  const { first } = await filled(rig);
  const subject = async () =>
    JSON.parse((await rig.run(['message', first.message.id, '--json'])).stdout).message.subject;
  expect(await subject()).toBeNull();
  writeFileSync(rig.policyFile, `${rig.policyText}log: { subjects: true }\n`);
  expect(await subject()).toBe('hello');
});

test('a message that is not known ends with 1, and what is no id with 2', async () => {
  using rig = new CliRig();
  await filled(rig);
  for (const command of ['message', 'explain'])
    expect(await rig.run([command, '01HF7YAT000W3GE1R70W3GE1R7'])).toMatchObject({ code: 1, stdout: '' });
  expect(await rig.run(['explain', 'nonsense'])).toMatchObject({ code: 2, stdout: '' });
  for (const [text, code] of [
    ['nonsense', 1],
    ['nobody@one.test', 1],
    [' ', 2],
  ] as const)
    expect(await rig.run(['message', text])).toMatchObject({ code, stdout: '' });
});

test('each delivery says why it is not sent yet', async () => {
  using rig = new CliRig();
  const { first, third } = await filled(rig);
  const waiting = await rig.run(['explain', deliveryOf(third)]);
  expect(waiting).toMatchObject({ code: 0, stderr: '' });
  expect(waiting.stdout).toContain('f@four.test is queued');
  expect(waiting.stdout).toContain('(after attempt 1)');
  expect(waiting.stdout).toContain('by direct got: 450 4.4.1 greylisted');
  expect(waiting.stdout).toContain('no relay is running');
  await rig.run(['queue', 'hold', '--domain', 'one.test']);
  const { deliveries } = JSON.parse((await rig.run(['explain', first.message.id, '--json'])).stdout);
  expect(deliveries.map((one: { state: string }) => one.state).toSorted()).toEqual(['held', 'queued']);
  const held = deliveries.find((one: { state: string }) => one.state === 'held');
  expect(held.reasons[0]).toContain('an operator held it');
  expect(held.reasons[0]).toContain(`relevo queue release ${held.deliveryId}`);
});

test('a delivery that was put off before it was ever tried was told nothing', async () => {
  using rig = new CliRig();
  const atMs = rig.clock.nowMs();
  const one = aSubmission({ atMs, leaseUntilMs: atMs + 60_000 });
  {
    await using spool = await rig.openSpool();
    const accepted = await spool.accept(one);
    if (accepted.kind !== 'accepted' || accepted.leased[0] === undefined) throw new Error('not leased');
    const lastReply = { code: 451, detail: '4.1', text: 'the destination cannot be reached' };
    const rest = { attempts: 0, lastReply, lastEgress: null };
    await spool.settle(aSettlement(accepted.leased[0], { atMs, addresses: [], rest }));
  }
  const { stdout } = await rig.run(['explain', deliveryOf(one)]);
  expect(stdout).toContain('(not tried yet)\n  put off: 451 4.4.1 the destination cannot be reached\n');
  expect(stdout).not.toContain('attempt');
});

test('the due time of what waits for an exit is told as the next look', async () => {
  using rig = new CliRig();
  const atMs = rig.clock.nowMs();
  const one = aSubmission({ atMs, leaseUntilMs: atMs + 60_000 });
  {
    await using spool = await rig.openSpool();
    const accepted = await spool.accept(one);
    if (accepted.kind !== 'accepted' || accepted.leased[0] === undefined) throw new Error('not leased');
    const text = 'no exit can take it now: ip-1 limited (daily limit 50/50)';
    const rest = { attempts: 0, lastReply: { code: 451, detail: '4.1', text }, lastEgress: null };
    await spool.settle(aSettlement(accepted.leased[0], { atMs, addresses: [], rest }));
  }
  expect((await rig.run(['queue', 'list'])).stdout).toContain('waits for an exit, looks in 60 s');
  const { stdout } = await rig.run(['explain', deliveryOf(one)]);
  expect(stdout).toMatch(/ {2}waits for an exit \(not tried yet\), looked at again at \S+ or sooner\n/);
});

test('what mail says cannot move the cursor of whoever looks at it', async () => {
  using rig = new CliRig();
  {
    await using spool = await rig.openSpool();
    const evil = aSubmission({ atMs: rig.clock.nowMs(), sender: 'a\u001b[2J@example.com' });
    await spool.accept(evil);
  }
  const { stdout } = await rig.run(['queue', 'list']);
  expect(stdout).toContain('a?[2J@example.com');
});
