import { describe, expect, test } from 'vitest';
import { httpPair, httpRefusal, isOwnHost } from './http-exposure.ts';
import { loadPolicy } from './file/load.ts';
import type { Policy } from './schema.ts';

function policyOf(http: string): Policy {
  const text = `hostname: relay.example.com\nhttp: { ${http} }\n`;
  const loaded = loadPolicy({ file: '/etc/relevo/relevo.yaml', text, env: {}, readFile: () => '' });
  if (loaded.kind === 'refused') throw new Error(loaded.problems.map((problem) => problem.text).join());
  return loaded.policy;
}

describe('whom the listener may be open to', () => {
  test.each([
    'listen: 127.0.0.1:8080',
    'listen: "[::1]:8080"',
    'listen: localhost:8080',
    'listen: 0.0.0.0:8080, tls: true',
    'listen: 0.0.0.0:8080, tls: { cert: a.crt, key: a.key }',
    'listen: 10.0.0.5:8080, trustedProxies: [10.0.0.2]',
  ])('%s is opened', (http) => {
    expect(httpRefusal(policyOf(http))).toBeNull();
  });

  test.each(['listen: 0.0.0.0:8080', 'listen: "[::]:8080"', 'listen: 10.0.0.5:8080, tls: false'])(
    '%s stays closed, and what to do is said',
    (http) => {
      const refusal = httpRefusal(policyOf(http));
      expect(refusal).toContain('in clear text');
      for (const way of ['http.tls: true', 'http.trustedProxies', 'http.listen: 127.0.0.1:8080', '/metrics'])
        expect(refusal).toContain(way);
    },
  );
});

test('the pair is that of SMTP, or one of its own beside the policy file', () => {
  expect(httpPair(policyOf('tls: false'))).toBeNull();
  expect(httpPair(policyOf('tls: true'))).toEqual({ cert: '/etc/certs/relay.crt', key: '/etc/certs/relay.key' });
  expect(httpPair(policyOf('tls: { cert: a.crt, key: /k/a.key }'))).toEqual({
    cert: '/etc/relevo/a.crt',
    key: '/k/a.key',
  });
});

describe('a name that somebody else made lead here', () => {
  const policy = policyOf('publicUrl: "https://mail.example.com:8443/x", names: [Status.Example.org]');

  test.each([
    'relay.example.com',
    'RELAY.example.com:8080',
    'relay.example.com.',
    'mail.example.com',
    'status.example.org:443',
    'localhost:8080',
    'relevo.localhost',
    '127.0.0.1:8080',
    '[::1]:8080',
    '192.0.2.7',
  ])('%s is ours', (host) => {
    expect(isOwnHost(host, policy)).toBe(true);
  });

  test.each(['evil.example', '127.0.0.1.evil.example:8080', 'relay.example.com.evil.example', 'example.com', ''])(
    '%s is not',
    (host) => {
      expect(isOwnHost(host, policy)).toBe(false);
    },
  );

  test('what is no browser may name none', () => {
    expect(isOwnHost(undefined, policy)).toBe(true);
  });
});
