import { describe, expect, test } from 'vitest';
import { problemsIn } from '../../../tests/fakes/policy-text.ts';

const SECRET = 'hunter2-swordfish';

describe('a secret is never shown', () => {
  const variable = { S: SECRET };
  test.each([
    ['a clear-text password', `clients: { c: { password: ${SECRET}, senders: ['*'] } }`],
    ['a password from a variable', 'clients: { c: { password: "${S}", senders: ["*"] } }'],
    ['a password like an alias', `clients: { c: { password: *${SECRET}, senders: ['*'] } }`],
    ['a password like a tag', `clients: { c: { password: !${SECRET} x, senders: ['*'] } }`],
    ['a password with a colon', `egress: { s: { type: smtp, host: b, password: ${SECRET}: ${SECRET} } }`],
    ['a password with a quote left open', `egress:\n  s:\n    password: "${SECRET}\n    host: b`],
    ['a password under a misspelt key', `egress: { s: { type: smtp, host: b, pasword: ${SECRET} } }`],
    ['a password in a list', `egress: { s: { type: smtp, host: b, password: [${SECRET}] } }`],
    ['a key that is no list', `egress: { s: { type: sendgrid, apiKeys: ${SECRET} } }`],
    ['a variable in a choice', 'log: { level: "${S}" }'],
    ['a variable in a number', 'limits: { recipients: "${S}" }'],
    ['a variable in a unit', 'history: "${S}"'],
    ['a variable as a name', 'routes: [{ name: r, use: ["${S}"] }]'],
    ['a variable as an address', 'dns: { servers: ["${S}"] }'],
    [
      'a part of a password that looks like a variable',
      `egress: { s: { type: smtp, host: b, password: "a\${${SECRET} x}" } }`,
    ],
    ['a webhook’s URL', `webhooks: [{ url: "${SECRET}", secret: "", events: [] }]`],
  ])('%s', (_, text) => {
    const problems = problemsIn(`hostname: a\n${text}\n`, variable);
    expect(problems).not.toEqual([]);
    expect(problems.join('\n')).not.toContain(SECRET);
    expect(problems.join('\n')).not.toContain('swordfish');
  });

  test('the variable is named instead', () => {
    expect(problemsIn('hostname: a\nlog: { level: "${S}" }\n', variable)).toEqual([
      '2:15 log.level: expected one of debug, info, warn, error, found the value of ${S}',
    ]);
  });
});
