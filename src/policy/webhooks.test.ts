import { expect, test } from 'vitest';
import { loaded, problemsIn } from '../../tests/fakes/policy-text.ts';

const hook = (terms: string): string => `hostname: a\nwebhooks:\n  - { ${terms}, secret: s, events: [delivered] }\n`;

test.each([
  ['http over a network', hook('url: "http://app.example.com/x"'), 'expected an https URL'],
  ['no URL', hook('url: nowhere'), 'expected a URL'],
  [
    'an event that there is not',
    hook('url: "https://a.example"').replace('[delivered]', '[deliverd]'),
    'expected one of received, delivered',
  ],
  ['another with the same URL', hook('url: "https://a.example"').replace(/( {2}- .*\n)/, '$1$1'), 'has this URL'],
  [
    'another with the same name',
    hook('url: "https://a.example", name: app').replace(/( {2}- .*\n)/, (line) => line + line.replace('//a', '//b')),
    'has the name app',
  ],
  ['no events', hook('url: "https://a.example"').replace('[delivered]', '[]'), 'expected at least one event'],
])('%s is refused', (_, text, problem) => {
  expect(problemsIn(text)[0]).toMatch(/^[34]:/);
  expect(problemsIn(text)[0]).toContain(problem);
});

test('a webhook has the name of its host, and a number where that is taken', () => {
  const text =
    'hostname: a\nwebhooks: [{ url: "https://a.example/1", secret: s, events: [bounced] }, { url: "https://a.example/2", secret: s, events: [bounced] }, { url: "http://127.0.0.1:9/", secret: s, events: [bounced], name: here }]\n';
  expect(loaded(text).policy.webhooks.map(({ name }) => name)).toEqual(['a.example', 'a.example-2', 'here']);
});
