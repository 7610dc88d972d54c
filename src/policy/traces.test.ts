import { expect, test } from 'vitest';
import { loaded, problemsIn } from '../../tests/fakes/policy-text.ts';

const SAFE = 'url: "https://otel.example/v1/traces"';
const traces = (terms: string): string => `hostname: a\ntraces: { ${terms} }\n`;

test.each([
  ['no URL', 'sample: 10%', 'url'],
  ['something that is no URL', 'url: nowhere', 'expected an https URL'],
  ['another protocol', 'url: "file:///etc/passwd"', 'expected an https URL'],
  ['http over a network', 'url: "http://otel.example:4318/v1/traces"', 'expected an https URL'],
  ['http to what only looks like this machine', 'url: "http://127.0.0.1.example/v1"', 'expected an https URL'],
  ['a password in the URL', 'url: "https://me:hush@otel.example/"', 'expected an https URL'],
  ['a header that makes another', `${SAFE}, headers: { "x: y": z }`, 'expected the name of an HTTP header'],
  ['a header with a line end', `${SAFE}, headers: { x: "a\\r\\nhost: b" }`, 'expected printable ASCII'],
  ['a header of the post itself', `${SAFE}, headers: { Content-Length: "7" }`, 'that posting does not make itself'],
  ['more than all', `${SAFE}, sample: 101%`, 'expected a share such as 10%'],
  [
    'a secret in clear text',
    'url: "http://otel:4318/v1/traces", clearText: true, headers: { authorization: "Bearer hush" }',
    'expected no headers',
  ],
])('traces with %s are refused, and no secret is shown', (_, terms, problem) => {
  const [first = ''] = problemsIn(traces(terms));
  expect(first).toMatch(/^2:/);
  expect(first).toContain(problem);
  expect(first).not.toContain('hush');
});

test.each([
  ['to this machine', 'url: "http://127.0.0.1:4318/v1/traces", headers: { authorization: x }'],
  ['to this machine by IPv6', 'url: "http://[::1]:4318/v1/traces"'],
  ['over a network of one’s own', 'url: "http://otel-collector:4318/v1/traces", clearText: true'],
  ['with a token', `${SAFE}, headers: { authorization: "Bearer hush" }, sample: 0.1%`],
])('traces %s are taken', (_, terms) => {
  expect(loaded(traces(terms)).policy.traces).toMatchObject({ parents: true, passOn: false, addresses: false });
});

test('traces are off where nothing is said, and keep all where no share is named', () => {
  expect(loaded('hostname: a\n').policy.traces).toBeNull();
  expect(loaded(traces(SAFE)).policy.traces?.sample).toBe(100);
});
