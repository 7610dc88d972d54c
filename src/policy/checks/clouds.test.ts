import { describe, expect, test } from 'vitest';
import { problemsIn, warningsIn } from '../../../tests/fakes/policy-text.ts';

const withExit = (exit: string): string => `hostname: a\negress:\n  x: { ${exit} }\n`;

describe('an exit by a provider is refused', () => {
  test.each([
    [
      'with a key of two lines',
      'type: mailgun, domain: m.example.com, apiKeys: ["a\\nb"]',
      'egress.x.apiKeys[0]: expected a key: letters, digits and signs without spaces',
    ],
    ['without a key', 'type: mailgun, domain: m.example.com', 'egress.x.apiKeys: is required'],
    [
      'with half a key pair',
      'type: ses, region: eu-west-1, accessKeyId: AKIA',
      'egress.x.secretAccessKey: is required',
    ],
    ['in a region without SES', 'type: ses, region: eu-west-9', 'egress.x.region: expected a region that has SES'],
    [
      'with a key that is no pair',
      'type: ses, region: eu-west-1, apiKeys: [AKIA]',
      'egress.x.apiKeys[0]: expected ACCESS_KEY_ID:SECRET_ACCESS_KEY',
    ],
    [
      'with an endpoint that is no URL',
      'type: mailgun, domain: m.example.com, apiKeys: [k], endpoint: api.mailgun.net',
      'egress.x.endpoint: expected a URL',
    ],
    [
      'with an endpoint of another kind',
      'type: ses, region: eu-west-1, endpoint: "ftp://a.example"',
      'egress.x.endpoint: expected a URL',
    ],
    [
      'with a key in its endpoint',
      'type: mailgun, domain: m.example.com, apiKeys: [k], endpoint: "https://u:p@a.example"',
      'egress.x.endpoint: expected a URL without user',
    ],
    [
      'with an endpoint of the API where it sends by SMTP',
      'type: sendgrid, apiKeys: [k], endpoint: "https://api.sendgrid.com"',
      'egress.x.endpoint: expected a URL such as smtp://smtp.example.com:587 (smtp://, smtps://) for transport smtp, found "https://api.sendgrid.com"',
    ],
    [
      'with an endpoint of SMTP where it sends by the API',
      'type: sendgrid, apiKeys: [k], transport: api, endpoint: "smtp://a.example"',
      'egress.x.endpoint: expected a URL such as https://api.example.com (https://, http://) for transport api',
    ],
    [
      'with a path in SMTP',
      'type: sendgrid, apiKeys: [k], endpoint: "smtp://a.example/v3"',
      'egress.x.endpoint: expected host and port alone',
    ],
    [
      'with the version of its API in the endpoint',
      'type: mailgun, domain: m.example.com, apiKeys: [k], endpoint: "https://api.mailgun.net/v3"',
      'egress.x.endpoint: expected a URL without /v3: the relay puts that behind it',
    ],
    [
      'with a signature that would not survive',
      'type: sendgrid, apiKeys: [k], transport: api, dkim: sign',
      'egress.x.dkim: sign needs transport: smtp',
    ],
    ['without a domain', 'type: mailgun, apiKeys: [k]', 'egress.x.domain'],
    [
      'with a header rule that is none',
      'type: mailgun, domain: m.example.com, apiKeys: [k], stripHeaders: ["a b"]',
      'egress.x.stripHeaders[0]: expected the name of a header field',
    ],
  ])('%s, at its place', (_, exit, problem) => {
    const problems = problemsIn(withExit(exit));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
    expect(problems[0]).toMatch(/^[34]:\d+ /);
  });
});

test('a key is in no message', () => {
  expect(problemsIn(withExit('type: ses, region: eu-west-1, apiKeys: [VERYSECRET]')).join()).not.toContain(
    'VERYSECRET',
  );
});

test('keys of AWS may come from its own places, and a new region has its endpoint', () => {
  const text = withExit('type: ses, region: eu-west-9, endpoint: "https://email.eu-west-9.amazonaws.com"');
  expect(problemsIn(text)).toEqual([]);
});

test('an exit that is not enabled needs no key', () => {
  const text = withExit('type: mailgun, domain: m.example.com, enabled: false');
  expect(problemsIn(`${text}  direct: { type: mx }\n`)).toEqual([]);
});

test('clear text is told of, but on this machine', () => {
  const to = (host: string): string =>
    withExit(`type: mailgun, domain: m.example.com, apiKeys: [k], endpoint: "http://${host}:8080"`);
  expect(warningsIn(to('127.0.0.1'))).toEqual([]);
  expect(warningsIn(to('mail.example'))).toEqual([
    expect.stringContaining('egress.x.endpoint: keys and mail may go out in clear text'),
  ]);
});
