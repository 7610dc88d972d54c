import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadText, loaded, problemsIn } from '../../../tests/fakes/policy-text.ts';
import { NOBODYS_HASH } from '../generate/example.ts';

describe('variables', () => {
  const smtp = (rest: string) => `hostname: a\negress:\n  s: { type: smtp, host: b${rest} }\n`;

  test('text, numbers and switches may come from the environment, in quotes or not', () => {
    const text =
      'hostname: ${NAME}\nlimits:\n  recipients: ${COUNT}\n  messageSize: ${SIZE}\nlog: { subjects: "${ON}" }\npostmaster: ${WHO}@${NAME}\n';
    const env = { NAME: 'mx.example', COUNT: '25', SIZE: '3MB', ON: 'true', WHO: 'post' };
    const { policy } = loaded(text, env);
    expect(policy.hostname).toBe('mx.example');
    expect(policy.limits.recipients).toBe(25);
    expect(policy.limits.messageSizeBytes).toBe(3 * 1024 ** 2);
    expect(policy.log.subjects).toBe(true);
    expect(policy.postmaster).toBe('post@mx.example');
  });

  test('a password of digits stays text', () => {
    const { policy } = loaded(smtp(', port: "${P}", username: "${P}", password: "${P}"'), { P: '2525' });
    expect(policy.egress['s']).toMatchObject({ port: 2525, username: '2525', password: '2525' });
  });

  test('what a variable holds is not read again, and a lone $ is a $', () => {
    const { policy } = loaded(
      `${smtp(', username: "a$b", password: "${P}"')}clients: { c: { password: "${NOBODYS_HASH}", senders: ["*"] } }\n`,
      { P: '${HOME}$${x' },
    );
    expect(policy.egress['s']).toMatchObject({ username: 'a$b', password: '${HOME}$${x' });
    expect(policy.clients['c']?.password).toBe(NOBODYS_HASH);
  });

  test('$${ stands for ${', () => {
    const { policy } = loaded(smtp(', username: "$${U}", password: "x"'));
    expect(policy.egress['s']).toMatchObject({ username: '${U}' });
  });

  test('a variable that is not set is named, with its place', () => {
    expect(problemsIn(smtp(', username: "${USER_1}", password: "x${PASSWORD_1}y"'))).toEqual([
      '3:39 egress.s.username: the environment variable USER_1 is not set',
      '3:62 egress.s.password: the environment variable PASSWORD_1 is not set',
    ]);
  });

  test('an empty variable is set, but a host is not empty', () => {
    expect(problemsIn('hostname: a\negress: { s: { type: smtp, host: "${HOST}" } }\n', { HOST: '' })).toEqual([
      '2:34 egress.s.host: expected a host name or address, found the value of ${HOST}',
    ]);
  });

  test('a disabled egress may have variables that are not set, wherever they stand', () => {
    const keys = [
      'host: "${H}"',
      'port: "${P}"',
      'tls: "${T}"',
      'bind: "${B}"',
      'username: "${U}"',
      'rate: "${R}"',
      'password: "${file:no/such}"',
      'helo: "${sealed:abc}"',
      'timeouts: { data: "${D}" }',
      'address: "${A}"',
    ];
    const text = (enabled: string) =>
      `hostname: a\negress:\n  direct: { type: mx }\n  s: { enabled: ${enabled}, type: smtp, ${keys.join(', ')} }\n`;
    const { policy } = loaded(text('false'));
    expect(policy.egress['s']).toMatchObject({ enabled: false, port: 587, tls: 'starttls', bind: null });
    expect(policy.routes[0]?.use).toEqual(['direct']);
    expect(loaded(text('"${ON}"'), { ON: 'false' }).policy.egress['s']?.enabled).toBe(false);
    expect(problemsIn(text('true'))).toHaveLength(keys.length);
    expect(problemsIn(text('"${ON}"'), { ON: 'true' })).toHaveLength(keys.length);
  });

  test.each([
    ['where a domain is required', 'type: mailgun, domain: "${M}", apiKeys: ["${K}"], webhook: { signingKey: "${W}" }'],
    ['in a list of pairs', 'type: ses, region: "${R}", apiKeys: ["${K}"]'],
  ])('a disabled egress may have one that is not set %s', (_, exit) => {
    const text = `hostname: a\negress: { direct: { type: mx }, x: { enabled: false, ${exit} } }\n`;
    expect(loaded(text).policy.egress['x']).toMatchObject({ enabled: false });
  });

  test('a sealed secret, and what is no variable at all, say so', () => {
    expect(problemsIn('hostname: "${sealed:c2VjcmV0}"\npostmaster: "${A B}"\nhistory: "${x"\n')).toEqual([
      '1:11 hostname: a sealed secret cannot be opened by this version: use ${NAME} or ${file:…}',
      '2:13 postmaster: unknown kind of variable: ${NAME} and ${file:…} are known, and $${ stands for ${ itself',
      '3:10 history: ${ without its }: write $${ for the characters themselves',
    ]);
  });

  test('the prototype of the environment is not the environment', () => {
    expect(problemsIn('hostname: ${constructor}\n')).toEqual([
      '1:11 hostname: the environment variable constructor is not set',
    ]);
  });

  test('a secret comes from a file beside the policy, without its last newline, and counts for the version', () => {
    const folder = mkdtempSync(join(tmpdir(), 'relevo-policy-'));
    const file = join(folder, 'relevo.yaml');
    const text = smtp(', username: u, password: "${file:secret}"');
    writeFileSync(join(folder, 'secret'), 'one\n\n');
    const first = loadText(text, {}, file);
    writeFileSync(join(folder, 'secret'), 'two\r\n');
    const second = loadText(text, {}, file);
    if (first.kind === 'refused' || second.kind === 'refused') throw new Error('refused');
    expect(first.policy.egress['s']).toMatchObject({ password: 'one\n' });
    expect(second.policy.egress['s']).toMatchObject({ password: 'two' });
    expect(first.version).toMatch(/^[0-9a-f]{12}$/);
    expect(second.version).not.toBe(first.version);
    expect(first.includes).toEqual([join(folder, 'secret')]);
  });

  test.each([
    ['none', 'no/such/file', 'there is none'],
    ['a folder', '.', 'it is a folder'],
  ])('a secret file that is %s', (_, path, reason) => {
    expect(problemsIn(smtp(`, username: u, password: "\${file:${path}}"`))).toEqual([
      `3:52 egress.s.password: the file of \${file:${path}} cannot be read: ${reason}`,
    ]);
  });
});
