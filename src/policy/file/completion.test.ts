import { expect, test } from 'vitest';
import { examplePolicy } from '../generate/example.ts';
import { completionsAt } from './completion.ts';

/** What is offered at `|`. */
function offers(text: string): string[] {
  const before = text.slice(0, text.indexOf('|')).split('\n');
  const at = { line: before.length, column: (before.at(-1) ?? '').length + 1 };
  return completionsAt(text.replace('|', ''), at).completions.map(({ label }) => label);
}

test.each([
  ['a key at the top', 'hostname: a.test\npost|', ['postmaster']],
  ['a key below another', 'limits:\n  recip|', ['recipients']],
  ['a value of a few', 'log:\n  level: |', ['debug', 'info', 'warn', 'error']],
  ['the rest of a value', 'log:\n  level: w|', ['warn']],
  ['a switch', 'log:\n  subjects: |', ['true', 'false']],
  ['the type of an exit', 'egress:\n  a:\n    type: s|', ['smtp', 'sandbox', 'sendgrid', 'ses']],
  ['a key of an exit of that type', 'egress:\n  a:\n    type: sandbox\n    pa|', ['path']],
  ['a key inside braces', 'egress:\n  a: { type: smtp, hos| }', ['host']],
  ['a value inside braces', 'egress:\n  a: { type: smtp, tls: i|', ['implicit']],
  ['a key of an element of a list', 'listen:\n  - port: 25\n    tls: none\n    au|', ['auth']],
  ['the same where the dash stands below the key', 'listen:\n- port: 25\n  au|', ['auth']],
  ['the first key of an element', 'listen:\n  - po|', ['port']],
  ['a preset', 'preset: hybrid-b|', ['hybrid-basic']],
])('%s is offered', (_, text, expected) => {
  expect(offers(text)).toEqual(expect.arrayContaining(expected));
});

test('a key that is there already is not offered again, nor one of another type of exit', () => {
  expect(offers('log:\n  level: info\n  |')).toEqual(['subjects']);
  expect(offers('egress:\n  a:\n    type: sandbox\n    |')).not.toContain('host');
});

const NAMES = `egress:
  east: { type: mx }
  west: { type: mx }
pools:
  both: { members: [east, west] }
streams: { news: { priority: low } }
clients:
  shop: { networks: [192.0.2.0/24], senders: ['*'], stream: news }
routes:
`;

test.each([
  ['exits and pools of a route', `${NAMES}  - name: all\n    use: [|]`, ['both', 'east', 'west']],
  ['the second of them', `${NAMES}  - name: all\n    use: [east, w|]`, ['west']],
  ['those in a list of lines', `${NAMES}  - name: all\n    use:\n      - e|`, ['east']],
  ['streams that a route matches', `${NAMES}  - match: { stream: |`, ['news']],
  ['clients that a route matches', `${NAMES}  - match:\n      client: s|`, ['shop']],
])('names of the file are offered: %s', (_, text, expected) => {
  expect(offers(text)).toEqual(expect.arrayContaining(expected));
});

test('what is typed is no YAML, and keys are still offered', () => {
  expect(offers('clients: { a: [\nlog:\n  lev|')).toEqual(['level']);
});

test('nothing is offered in a comment, and for a place that the schema does not know', () => {
  expect(offers('hostname: a.test # pos|')).toEqual([]);
  expect(offers('nothing:\n  like: |')).toEqual([]);
});

test('a key comes with what it means and with what replaces what was typed', () => {
  const { column, completions } = completionsAt('limits:\n  recip', { line: 2, column: 8 });
  expect(column).toBe(3);
  expect(completions[0]).toMatchObject({ insert: 'recipients: ', description: 'Per message; beyond it 452 4.5.3.' });
});

test('whatever the place in the example, something is said or nothing, and nothing fails', () => {
  const lines = examplePolicy().split('\n');
  for (const [place, line] of lines.entries())
    for (const column of [1 + (place % 6), line.length + 1].slice(place % 3 === 0 ? 0 : 2)) {
      const found = completionsAt(lines.slice(0, place + 1).join('\n'), { line: place + 1, column });
      expect(found.column).toBeLessThanOrEqual(column);
    }
});
