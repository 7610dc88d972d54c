import { describe, expect, test } from 'vitest';
import { DnsZone, fakeDns } from '../../../tests/fakes/dns.ts';
import { exitPorts, mailTo, NEVER, smtpPolicy } from '../../../tests/fakes/exits.ts';
import { kinds, replies } from '../../../tests/fakes/mx-rig.ts';
import { startSmtpSink } from '../../../tests/fakes/smtp-sink.ts';
import type { Dial } from '../../ports.ts';
import { systemDial } from '../../system.ts';
import { openSmtpEgress } from './smtp-egress.ts';

const PASSWORD = 'sécret with spaces';
const users = { relay: PASSWORD };
type Mechanism = 'PLAIN' | 'LOGIN' | 'CRAM-MD5';

async function signIn(
  mechanisms: readonly Mechanism[],
  { password = PASSWORD, tls = 'none', far = false }: { password?: string; tls?: string; far?: boolean } = {},
) {
  await using sink = await startSmtpSink({ auth: { users, mechanisms } });
  const dns = fakeDns(new DnsZone({ 'mail.example.org': { a: [far ? '192.0.2.1' : '127.0.0.1'] } }));
  // As if the far address were the sink's.
  const dial: Dial = (target, signal) => systemDial({ ...target, address: '127.0.0.1' }, signal);
  const policy = smtpPolicy(sink.port, { host: 'mail.example.org', tls, username: 'relay', password });
  await using egress = openSmtpEgress('upstream', policy, exitPorts({ dns, dial }));
  const result = await egress.attempt(mailTo(), NEVER);
  return { ...result, commands: sink.commands, user: sink.messages[0]?.user };
}

describe('signing in', () => {
  test.each<Mechanism>(['PLAIN', 'LOGIN', 'CRAM-MD5'])('by %s', async (mechanism) => {
    const result = await signIn([mechanism]);
    expect(kinds(result)).toEqual(['delivered']);
    expect(result.user).toBe('relay');
  });

  test('in clear text by the mechanism that does not show the password', async () => {
    const { commands } = await signIn(['PLAIN', 'LOGIN', 'CRAM-MD5']);
    expect(commands[1]).toBe('1 AUTH CRAM-MD5');
  });

  test.each<Mechanism>(['PLAIN', 'LOGIN', 'CRAM-MD5'])(
    'with a wrong password (%s): the exit is out, the mail waits',
    async (mechanism) => {
      const result = await signIn([mechanism], { password: 'wrong' });
      expect(kinds(result)).toEqual(['deferred egress']);
      expect(replies(result)).toEqual(['535 7.8 no such user or password']);
      expect(result.commands.some((command) => command.includes('MAIL'))).toBe(false);
    },
  );

  test('where AUTH, or a mechanism that we know, is not offered', async () => {
    expect(kinds(await signIn([]))).toEqual(['deferred egress']);
    const unknown = await signIn(['SCRAM-SHA-256' as Mechanism]);
    expect(replies(unknown)[0]).toContain('no AUTH mechanism of PLAIN, LOGIN, CRAM-MD5');
  });
});

describe('a password in clear text', () => {
  test('is not sent away from this machine', async () => {
    const result = await signIn(['PLAIN', 'CRAM-MD5'], { tls: 'opportunistic', far: true });
    expect(kinds(result)).toEqual(['deferred egress']);
    expect(replies(result)[0]).toContain('unless the policy says tls: none');
    expect(result.commands.some((command) => command.includes('AUTH'))).toBe(false);
  });

  test('unless the policy says so', async () => {
    expect(kinds(await signIn(['PLAIN'], { tls: 'none', far: true }))).toEqual(['delivered']);
  });

  test('or nobody else can listen', async () => {
    expect(kinds(await signIn(['PLAIN'], { tls: 'opportunistic' }))).toEqual(['delivered']);
  });
});

test('the server wants a sign-in that the policy does not have: the exit is out, the mail waits', async () => {
  await using sink = await startSmtpSink({ auth: { users, mechanisms: ['PLAIN'] } });
  await using egress = openSmtpEgress('upstream', smtpPolicy(sink.port), exitPorts());
  expect(kinds(await egress.attempt(mailTo(), NEVER))).toEqual(['deferred egress']);
});
