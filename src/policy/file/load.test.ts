import { describe, expect, test } from 'vitest';
import { loadText, loaded, problemsIn } from '../../../tests/fakes/policy-text.ts';

test('the smallest policy is one line, and everything else has its default', () => {
  const { policy, warnings } = loaded('hostname: Relay.Example.COM');
  expect(warnings).toEqual([]);
  expect(policy.hostname).toBe('relay.example.com');
  expect(policy.postmaster).toBe('postmaster@relay.example.com');
  expect(policy.listen.map(({ port, tls, auth, bareNewline }) => [port, tls, auth, bareNewline])).toEqual([
    [587, 'starttls', 'required', 'normalize'],
    [465, 'implicit', 'required', 'normalize'],
    [25, 'opportunistic', 'none', 'reject'],
  ]);
  expect(policy.routes).toEqual([{ name: 'default', match: {}, use: ['direct'] }]);
  expect(policy.retry.delaysMs).toEqual([1, 5, 15, 30, 60, 120, 240].map((minutes) => minutes * 60_000));
  expect(policy.historyMs).toBe(30 * 86_400_000);
});

test('the error of the README: one wrong value, its place and what was found', () => {
  const text = `hostname: a.example\n${'\n'.repeat(36)}egress:\n  ip-1:\n    type: mx\n    dailyLimit: many\n`;
  expect(problemsIn(text)).toEqual(['41:17 egress.ip-1.dailyLimit: expected a positive number, found "many"']);
});

describe('a wrong file is refused with the line that is wrong', () => {
  test.each<[name: string, text: string, problems: string[]]>([
    ['an empty file', '', ['1:1 the file is empty: a policy has at least a hostname']],
    ['only comments', '# later\n', ['1:1 the file is empty: a policy has at least a hostname']],
    ['a list', '- hostname: a\n', ['1:1 expected keys, such as hostname: …']],
    ['one word', 'relay.example.com\n', ['1:1 expected keys, such as hostname: …']],
    ['a tab', 'hostname: a\nlimits:\n\trecipients: 5\n', ['3:1 indented with a tab: use spaces']],
    ['a quote left open', 'hostname: "a\nlog: {}\n', ['3:1 a quote that was opened above is not closed']],
    ['a second document', 'hostname: a\n---\nhostname: b\n', ['2:1 a second document starts here: a policy is one']],
    ['a duplicate key', 'hostname: a\nhistory: 1d\nhostname: b\n', ['3:1 hostname: duplicate key, first on line 1']],
    [
      'a duplicate key further in, and a wrong value',
      'hostname: a\nlimits:\n  recipients: 5\n  perAddress: no\n  recipients: 6\n',
      [
        '4:15 limits.perAddress: expected a positive number, found "no"',
        '5:3 limits.recipients: duplicate key, first on line 3',
      ],
    ],
    [
      'a misspelt key at the top',
      'hostnam: a\n',
      ['1:1 hostname: is required', '1:1 hostnam: unknown key, did you mean "hostname"?'],
    ],
    [
      'a misspelt key',
      'hostname: a\negress:\n  ip-1:\n    type: mx\n    dailylimt: 5\n',
      ['5:5 egress.ip-1.dailylimt: unknown key, did you mean "dailyLimit"?'],
    ],
    [
      'a key that is like no other',
      'hostname: a\nretry: { zzzzzz: 5 }\n',
      ['2:10 retry.zzzzzz: unknown key; known here: delays, expire, warnAfter'],
    ],
    [
      'a misspelt type',
      'hostname: a\negress: { x: { type: sandbx } }\n',
      [
        '2:22 egress.x.type: expected one of mx, smtp, sandbox, sendgrid, mailgun, ses, found "sandbx", did you mean "sandbox"?',
      ],
    ],
    [
      'no type: only that is wrong, not every key of every type',
      'hostname: a\negress: { x: { host: b } }\n',
      ['2:11 egress.x.type: is required: one of mx, smtp, sandbox, sendgrid, mailgun, ses'],
    ],
    [
      'a missing key and an unknown one of one type',
      'hostname: a\negress:\n  x:\n    type: smtp\n    hots: b\n',
      ['3:3 egress.x.host: is required', '5:5 egress.x.hots: unknown key, did you mean "host"?'],
    ],
    [
      'a choice',
      'hostname: a\nlog: { level: warning }\n',
      ['2:15 log.level: expected one of debug, info, warn, error, found "warning", did you mean "warn"?'],
    ],
    ['a switch', 'hostname: a\nlog: { subjects: 1 }\n', ['2:18 log.subjects: expected true or false, found 1']],
    [
      'a half',
      'hostname: a\nlimits: { recipients: 1.5 }\n',
      ['2:23 limits.recipients: expected a whole number, found 1.5'],
    ],
    [
      'less than none',
      'hostname: a\nlimits: { recipients: -1 }\n',
      ['2:23 limits.recipients: expected a positive number, found -1'],
    ],
    [
      'a port',
      'hostname: a\nlisten: [{ port: 70000 }]\n',
      ['2:18 listen[0].port: expected a port from 1 to 65535, found 70000'],
    ],
    [
      'a duration',
      'hostname: a\nhistory: 30 days\n',
      ['2:10 history: expected a duration such as 30s, 5m, 2h or 3d, found "30 days"'],
    ],
    [
      'a size',
      'hostname: a\nlimits: { messageSize: true }\n',
      ['2:24 limits.messageSize: expected a size such as 64KB or 25MB, found true'],
    ],
    ['a mapping for text', 'hostname: { a: b }\n', ['1:11 hostname: expected a domain name, found a mapping']],
    ['text for a mapping', 'hostname: a\nlimits: 5\n', ['2:9 limits: expected a mapping, found a single value']],
    ['nothing for a mapping', 'hostname: a\nlimits:\n', ['2:8 limits: expected a mapping, found nothing']],
    [
      'a number for text',
      'hostname: a\negress: { s: { type: smtp, host: b, username: 5, password: x } }\n',
      ['2:47 egress.s.username: expected text, found 5: put it in quotes'],
    ],
    ['an empty list', 'hostname: a\nroutes: []\n', ['2:9 routes: expected at least one route, found an empty list']],
    [
      'a name',
      "hostname: a\nclients: { 'a b': { networks: [10.0.0.1], senders: ['*'] } }\n",
      ['2:12 clients."a b": expected a name of letters, digits, - _ and ., found "a b"'],
    ],
    [
      'networks with bits that do not count',
      'hostname: a\nlimits: { deny: [10.1.2.3/8, "2001:db8::7/32", "::ffff:10.1.2.3/120", 10.1.2.3/32, 10.0.0.0/8] }\n',
      [
        '2:18 limits.deny[0]: expected a network without host bits: 10.0.0.0/8, or 10.1.2.3 alone, found "10.1.2.3/8"',
        '2:30 limits.deny[1]: expected a network without host bits: 2001:db8::/32, or 2001:db8::7 alone, found "2001:db8::7/32"',
        '2:48 limits.deny[2]: expected a network without host bits: 10.1.2.0/24, or ::ffff:10.1.2.3 alone, found "::ffff:10.1.2.3/120"',
      ],
    ],
    [
      'a pattern without @',
      'hostname: a\nclients: { c: { networks: [10.0.0.1], senders: [example.com] } }\n',
      ['2:49 clients.c.senders[0]: expected "*" or a pattern such as *@example.com, found "example.com"'],
    ],
    [
      'an element of a list',
      'hostname: a\nroutes: [{ name: r, match: { priority: [high, hi] }, use: [direct] }]\n',
      ['2:47 routes[0].match.priority[1]: expected one of high, normal, low, found "hi"'],
    ],
    [
      'a client that nobody can be',
      "hostname: a\nclients: { c: { senders: ['*'] } }\n",
      ['2:15 clients.c: needs a password or networks'],
    ],
    [
      'a key with dots',
      "hostname: a\nshaping: { '*.mail.example': { connections: x } }\n",
      ['2:45 shaping."*.mail.example".connections: expected a positive number, found "x"'],
    ],
    ['a key that is no text', 'hostname: a\n? [b]\n: c\n', ['2:3 expected a name before the colon']],
    [
      'keys of JavaScript',
      'hostname: a\n__proto__: { x: 1 }\nconstructor: 5\n',
      ['2:1 __proto__: unknown key', '3:1 constructor: unknown key'],
    ],
    [
      'a variable in a flow without quotes',
      'hostname: a\negress: { s: { type: smtp, host: ${HOST} } }\n',
      ['2:35 a variable inside { } or [ ] needs quotes: "${NAME}"'],
    ],
  ])('%s', (_, text, problems) => {
    expect(problemsIn(text)).toEqual(problems);
  });

  test('everything at once, in the order of the lines', () => {
    const text = [
      'hostname: 5.5.5.5',
      'limits: { recipents: 5, messageSize: big }',
      'clients:',
      "  shop: { networks: [10.0.0.0/33], senders: ['*'], stream: transctional }",
      'egress:',
      '  out: { type: mx, bind: here }',
      'pools:',
      '  owned: { members: [outt] }',
      'routes:',
      '  - { name: all, match: { client: shpo }, use: [owned, ou] }',
      '  - { name: all, use: [owned] }',
      'tests:',
      '  - { name: t, message: { client: nobody, to: a@b.example, stream: bulk }, expect: { route: al, egress: [outt] } }',
    ].join('\n');
    expect(problemsIn(text)).toEqual([
      '1:11 hostname: expected a domain name, found "5.5.5.5"',
      '2:11 limits.recipents: unknown key, did you mean "recipients"?',
      '2:38 limits.messageSize: expected a size such as 64KB or 25MB, found "big"',
      '4:22 clients.shop.networks[0]: expected a network such as 10.0.0.0/24, or an address, found "10.0.0.0/33"',
      '4:60 clients.shop.stream: no stream is named "transctional", did you mean "transactional"?',
      '6:26 egress.out.bind: expected an IP address, found "here"',
      '8:22 pools.owned.members[0]: no egress or pool is named "outt", did you mean "out"?',
      '10:35 routes[0].match.client: no client is named "shpo", did you mean "shop"?',
      '10:56 routes[0].use[1]: no pool or egress is named "ou", did you mean "out"?',
      '11:13 routes[1].name: duplicate name, first on line 10',
      '13:35 tests[0].message.client: no client is named "nobody"; there are shop',
      '13:68 tests[0].message.stream: no stream is named "bulk"; there are transactional, marketing',
      '13:93 tests[0].expect.route: no route is named "al", did you mean "all"?',
      '13:106 tests[0].expect.egress[0]: no egress is named "outt", did you mean "out"?',
    ]);
  });

  test('a policy with its lines ended by CR LF has the same places', () => {
    expect(problemsIn('hostname: a\r\nlog:\r\n  level: loud\r\n')[0]).toMatch(/^3:10 log\.level: /);
  });
});

test('paths are those of the policy’s folder', () => {
  const text = [
    'hostname: a',
    'tls: { cert: tls/a.crt, key: /etc/a.key }',
    'domains: { example.com: { dkim: [{ selector: s, key: ../keys/s.pem }] } }',
    'egress: { s: { type: smtp, host: b, ca: ca.pem }, t: { type: sandbox, path: out } }',
    'spool: { path: spool }',
  ].join('\n');
  const result = loadText(text, {}, '/srv/relevo/config/relevo.yaml');
  if (result.kind === 'refused') throw new Error('refused');
  const { policy } = result;
  expect(policy.tls).toMatchObject({ cert: '/srv/relevo/config/tls/a.crt', key: '/etc/a.key' });
  expect(policy.domains['example.com']?.dkim[0]?.key).toBe('/srv/relevo/keys/s.pem');
  expect(policy.egress['s']).toMatchObject({ ca: '/srv/relevo/config/ca.pem' });
  expect(policy.egress['t']).toMatchObject({ path: '/srv/relevo/config/out' });
  expect(policy.spool).toMatchObject({ engine: 'embedded', path: '/srv/relevo/config/spool' });
});
