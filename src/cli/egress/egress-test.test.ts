import { expect, test } from 'vitest';
import { CliRig, MINIMAL_POLICY } from '../../../tests/fakes/cli-rig.ts';
import { DnsZone, fakeDns } from '../../../tests/fakes/dns.ts';
import { FakeLive } from '../../../tests/fakes/fake-live.ts';
import { loaded } from '../../../tests/fakes/policy-text.ts';
import { startSmtpSink } from '../../../tests/fakes/smtp-sink.ts';
import { startControl } from '../../control/server.ts';
import { createOperations } from '../../operations/store-operations.ts';

const UP = {
  egress: 'up',
  type: 'smtp',
  enabled: true,
  isRunning: true,
  closures: [],
  score: 100,
  successRate: null,
  limits: null,
  budget: null,
} as const;
const USERS = { auth: { users: { app: 'secret' }, mechanisms: ['PLAIN' as const] } };
const policy = (port: number, more = ''): string =>
  `${MINIMAL_POLICY}egress:\n  up: { type: smtp, host: 127.0.0.1, port: ${port}, tls: none, username: app, password: secret }\n${more}`;

test('an exit that works is told stage by stage, and nothing is sent', async () => {
  await using sink = await startSmtpSink(USERS);
  using rig = new CliRig(policy(sink.port));
  const { code, stdout } = await rig.run(['egress', 'test', 'up']);
  expect(code).toBe(0);
  expect(stdout.replace(/\d+ ms/, 'N ms')).toBe(
    `up works (N ms)\n  resolve   127.0.0.1\n  connect   127.0.0.1:${sink.port} from 127.0.0.1\n  greeting\n  ehlo\n  auth      as app\n`,
  );
  expect(sink.messages).toEqual([]);
});

test('one that does not is exit code 1, the stage and the server’s own words', async () => {
  await using sink = await startSmtpSink({ auth: { ...USERS.auth, users: {} } });
  using rig = new CliRig(policy(sink.port, '  here: { type: mx, bind: 127.0.0.1 }\n'));
  const all = await rig.run(['egress', 'test']);
  expect(all.code).toBe(1);
  expect(all.stdout).toMatch(/^up does not work\n[^]*  auth +FAILED: 127\.0\.0\.1 said: 535[^\n]*\nhere works/);
  expect(all.stdout).not.toContain('secret');
  const { exits } = JSON.parse((await rig.run(['egress', 'test', '--json'])).stdout);
  expect(exits).toMatchObject([
    { egress: 'up', result: { kind: 'failed', stage: 'auth' } },
    { egress: 'here', result: { kind: 'ok' } },
  ]);
});

test('an address in a blocklist is exit code 1', async () => {
  using rig = new CliRig(
    `${MINIMAL_POLICY}egress: { any: { type: mx, address: 198.51.100.7 } }\nblocklists: { zones: [bl.example, no.example] }\n`,
  );
  const listed = { a: ['127.0.0.2'], txt: ['ask us'] };
  rig.dns = fakeDns(new DnsZone({ '2.0.0.127.bl.example': listed, '7.100.51.198.bl.example': listed }));
  const { code, stdout } = await rig.run(['egress', 'test']);
  expect(code).toBe(1);
  expect(stdout).toContain('bl.example: 198.51.100.7 is LISTED: 127.0.0.2 (ask us)\n');
  expect(stdout).toContain('no.example: 198.51.100.7 is not known to be listed or not');
});

test('where the running relay has another policy or environment, that is said', async () => {
  await using sink = await startSmtpSink(USERS);
  using rig = new CliRig(policy(sink.port));
  const { clock, dataFolder } = rig;
  await using spool = await rig.openSpool();
  const { version } = loaded(rig.policyText, rig.env);
  const live = new FakeLive();
  let inForce = { version, target: `127.0.0.1:${sink.port}` };
  const base = createOperations({ spool, clock, showsSubjects: () => true, live });
  const operations = {
    ...base,
    status: async () => ({ ...live.status(), policyVersion: inForce.version }),
    exits: async () => [{ ...UP, target: inForce.target }],
  };
  const control = await startControl({ dataFolder, operations, clock, emit: () => {}, messageSizeBytes: () => 1 });
  if (control.kind !== 'listening') throw new Error(control.cause);
  await using _ = control.control;
  expect((await rig.run(['egress', 'test', 'up'])).stdout).toMatch(/^up works/);
  inForce = { version: 'old', target: 'mail.example.com:587' };
  expect((await rig.run(['egress', 'test', 'up'])).stdout).toMatch(
    new RegExp(
      `^The running relay has another policy in force \\(old, the file is ${version}\\): it may fare otherwise\\.\n` +
        `up: the running relay sends to mail\\.example\\.com:587, this shell has 127\\.0\\.0\\.1:${sink.port}: its environment is another\\.\nup works`,
    ),
  );
});

test('an exit that is not there is a usage that cannot be', async () => {
  using rig = new CliRig(policy(25));
  const { code, stderr } = await rig.run(['egress', 'test', 'dwon']);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: expect.stringContaining('there is no exit "dwon": the policy has up'),
  });
});
