import { expect, test } from 'vitest';
import { CliRig, MINIMAL_POLICY, type CommandRun } from '../../../tests/fakes/cli-rig.ts';
import { startSmtpSink } from '../../../tests/fakes/smtp-sink.ts';

const exit = (name: string, port: number): string =>
  `  ${name}: { type: smtp, host: 127.0.0.1, port: ${port}, tls: none }\n`;
const MAIL = ['--from', 'shop@example.com', '--to', 'ana@dest.test'];

/** Runs it while time passes. */
async function run(rig: CliRig, args: readonly string[]): Promise<CommandRun> {
  let done: CommandRun | null = null;
  const running = rig.run(['egress', 'test', ...args]).then((result) => (done = result));
  await rig.clock.advanceUntil(() => done !== null, { stepMs: 20, withinMs: 120_000 });
  return running;
}

test('a message of its own leaves by the exit that is named, and by no other', async () => {
  await using one = await startSmtpSink();
  await using two = await startSmtpSink();
  using rig = new CliRig(`${MINIMAL_POLICY}egress:\n${exit('one', one.port)}${exit('two', two.port)}`);
  const { code, stdout } = await run(rig, ['two', ...MAIL]);
  expect(stdout).toMatch(
    /^To ana@dest\.test by the route default:\n  two: 250 .*\(127\.0\.0\.1, clear text\), \d+ ms\nIt was delivered by two\.\n$/,
  );
  expect(code).toBe(0);
  expect(one.messages).toEqual([]);
  expect(two.messages).toMatchObject([{ sender: 'shop@example.com', recipients: [{ address: 'ana@dest.test' }] }]);
});

test('with the first exit made unreachable it leaves by the next, and says so', async () => {
  await using one = await startSmtpSink();
  await using two = await startSmtpSink();
  using rig = new CliRig(
    `${MINIMAL_POLICY}egress:\n${exit('one', one.port)}${exit('two', two.port)}pools: { own: { members: [one, two] } }\nroutes: [{ name: all, use: [own] }]\n`,
  );
  const { code, stdout } = await run(rig, ['--failover', ...MAIL]);
  expect(stdout).toMatch(
    /^To ana@dest\.test by the route all, as if one could not be reached:\n  one: made to fail: 451 .*\n  two: 250 .*\nFailover works: it left by two\.\n$/,
  );
  expect(code).toBe(0);
  expect([one.messages.length, two.messages.length]).toEqual([0, 1]);
  const other = await run(rig, ['two', '--failover', '--json', ...MAIL]);
  expect(JSON.parse(other.stdout)).toMatchObject({ kind: 'tried', trial: { broken: 'two', state: 'delivered' } });
  expect([one.messages.length, two.messages.length]).toEqual([1, 1]);
});

test('where nothing is left to fail over to, that is the answer', async () => {
  await using one = await startSmtpSink();
  using rig = new CliRig(`${MINIMAL_POLICY}egress:\n${exit('one', one.port)}`);
  const { code, stderr } = await run(rig, ['--failover', ...MAIL]);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr:
      'relevo: the message was not sent: the route default has no exit beside one: there is nothing to fail over to\n',
  });
});

test('a message that no exit takes is exit code 1, with the words of the last server', async () => {
  await using one = await startSmtpSink();
  one.fault('rcpt', 550);
  using rig = new CliRig(`${MINIMAL_POLICY}egress:\n${exit('one', one.port)}`);
  const { code, stdout } = await run(rig, MAIL);
  expect(code).toBe(1);
  expect(stdout).toMatch(/It was NOT delivered.*: 550 /);
});

test('a sender that no client may use, and options without a message, are refused', async () => {
  using rig = new CliRig(`${MINIMAL_POLICY}egress:\n${exit('one', 25)}`);
  expect((await run(rig, ['--to', 'ana@dest.test'])).stderr).toContain(
    'no client of the policy may send as postmaster@',
  );
  expect((await run(rig, ['--failover'])).code).toBe(2);
});
