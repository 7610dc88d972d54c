import { expect, test } from 'vitest';
import { problemsIn, warningsIn } from '../../../tests/fakes/policy-text.ts';

const head = 'hostname: a\nblocklists: { zones: [bl.example] }\n';
const server = (more: string): string => `egress: { s: { type: smtp, host: smtp.example, tls: none${more} } }\n`;

test('an exit of an unknown address is told of where blocklists are asked, and nowhere else', () => {
  expect(warningsIn(`${head}${server('')}`)).toEqual([
    expect.stringMatching(/^3:14 egress\.s: is in no blocklist look-up.*`address`/),
  ]);
  expect(warningsIn(`${head}${server(', address: 198.51.100.7')}`)).toEqual([]);
  const off = server(', enabled: false }, kept: { type: sandbox');
  expect(warningsIn(`${head}${off}`)).not.toContainEqual(expect.stringContaining('blocklist'));
  expect(warningsIn(`hostname: a\n${server('')}`)).toEqual([]);
});

test.each([
  ['blocklists: { zones: [bl.example], quorum: 2 }', /blocklists\.quorum: expected a quorum of at most as many/],
  ['blocklists: { zones: [bl.example], every: 0s }', /blocklists\.every: expected at least 1s/],
  ['blocklists: { zones: ["not a zone"] }', /blocklists\.zones\[0\]: expected a domain name/],
  ['blocklists: { zones: [bl.example, BL.example], quorum: 2 }', /blocklists\.zones: expected each zone once/],
  ['health: { timeout: 0s }', /health\.timeout: expected at least 1s/],
  ['health: { every: 500ms }', /health\.every: expected/],
  ['health: { downAfter: 0 }', /health\.downAfter: expected a positive number/],
])('%s is refused', (line, problem) => {
  expect(problemsIn(`hostname: a\n${line}\n`)).toEqual([expect.stringMatching(problem)]);
});
