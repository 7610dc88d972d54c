import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { examplePolicy } from '../../policy/generate/example.ts';
import { setValues, type ValueChange } from './values.ts';

const TEXT = `hostname: relay.test   # our own name
limits:                # what one may take
  recipients: 1000     # per message
  messageSize: 25MB
egress:
  one: { type: smtp, host: 192.0.2.1 }  # the first
  two:
    type: smtp
    host: 192.0.2.2    # the second
alerts:
routes: []
`;

function set(text: string, ...changes: readonly ValueChange[]): string {
  const edited = setValues(text, changes);
  if (edited.kind !== 'edited') throw new Error(edited.kind);
  return edited.text;
}

test.each([
  ['a value', ['limits', 'recipients'], 50, 'recipients: 1000 ', 'recipients: 50 '],
  ['a text that needs quotes', ['hostname'], '${HOST}', 'relay.test   #', '"${HOST}"   #'],
  ['one in braces', ['egress', 'one', 'host'], '192.0.2.9', 'host: 192.0.2.1 ', 'host: 192.0.2.9 '],
  [
    'a key that is not there',
    ['limits', 'headerSize'],
    '1MB',
    'messageSize: 25MB\n',
    'messageSize: 25MB\n  headerSize: 1MB\n',
  ],
  ['one more in braces', ['egress', 'one', 'port'], 25, '192.0.2.1 }', '192.0.2.1, port: 25 }'],
  ['one below a key without anything', ['alerts', 'queueAge'], '1h', 'alerts:\n', 'alerts:\n  queueAge: 1h\n'],
  ['one below a key that is not there', ['log', 'level'], 'warn', 'routes: []\n', 'routes: []\nlog:\n  level: warn\n'],
  [
    'a thing in a block',
    ['egress', 'three'],
    { type: 'ses', streams: ['a'] },
    '# the second\n',
    '# the second\n  three: { type: ses, streams: [a] }\n',
  ],
])('%s changes that alone', (_, path, value, from, to) => {
  expect(set(TEXT, { path, value })).toBe(TEXT.replace(from, () => to));
});

test('a key is taken away with its line', () => {
  expect(set(TEXT, { path: ['limits', 'messageSize'], value: undefined })).toBe(
    TEXT.replace('  messageSize: 25MB\n', ''),
  );
  expect(set(TEXT, { path: ['limits', 'nothing'], value: undefined })).toBe(TEXT);
});

test('a block of several lines is replaced, and means what was asked for', () => {
  const text = set(TEXT, { path: ['egress', 'two'], value: { type: 'mx' } });
  expect(parse(text)).toMatchObject({ egress: { two: { type: 'mx' }, one: { host: '192.0.2.1' } } });
  expect(text).toContain('# per message');
});

test('whatever is set in the example, it means that, and all else means what it did', () => {
  const example = examplePolicy();
  const path = fc.constantFrom(
    ['limits', 'recipients'],
    ['egress', 'direct', 'dailyLimit'],
    ['egress', 'new', 'host'],
    ['alerts', 'failureRate'],
    ['preset'],
    ['http', 'listen'],
    ['made', 'up', 'key'],
  );
  const value = fc.oneof(fc.string(), fc.integer(), fc.array(fc.string(), { maxLength: 3 }), fc.boolean());
  fc.assert(
    fc.property(path, value, (at, wanted) => {
      const before = parse(example) as Record<string, Record<string, unknown>>;
      const after = parse(set(example, { path: at, value: wanted })) as Record<string, Record<string, unknown>>;
      expect(at.reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], after)).toEqual(wanted);
      for (const key of Object.keys(before)) if (key !== at[0]) expect(after[key]).toEqual(before[key]);
    }),
    { numRuns: 40 },
  );
});
