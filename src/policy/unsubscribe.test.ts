import { expect, test } from 'vitest';
import { problemsIn } from '../../tests/fakes/policy-text.ts';

const STREAMS = 'hostname: a\nstreams: { transactional: {}, marketing: { unsubscribe: add } }\n';

test('fields for unsubscribing are added only where they lead somewhere, and to something', () => {
  expect(problemsIn(STREAMS)).toEqual([
    '2:57 streams.marketing.unsubscribe: add needs http.publicUrl: the address by which those who unsubscribe reach the HTTP listener',
  ]);
  const reached = `${STREAMS}http: { publicUrl: "https://mail.example.com/" }\n`;
  expect(problemsIn(reached)).toEqual([]);
  expect(problemsIn(`${reached}suppression: { unsubscribes: { scope: off } }\n`)).toEqual([
    expect.stringContaining('streams.marketing.unsubscribe: add promises that whoever unsubscribes gets no more'),
  ]);
});

test.each([
  'http://mail.example.com',
  'https://',
  'mail.example.com',
  'https://a:b@mail.example.com',
  'https://m.example/?x',
  'https://m.example/#x',
  'https://m.example/ x',
])('a public address is none of the kind of %s', (url) => {
  expect(problemsIn(`hostname: a\nhttp: { publicUrl: "${url}" }\n`)).toEqual([
    expect.stringContaining('http.publicUrl: expected an address such as https://mail.example.com'),
  ]);
});
