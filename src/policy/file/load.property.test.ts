import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { examplePolicy } from '../generate/example.ts';
import { loadPolicy } from './load.ts';
import { formatProblem } from './problem.ts';

const GOOD = `${examplePolicy()}
webhooks: [{ url: 'https://hooks.example.com/x', secret: "\${HOOK}", events: [delivered] }]
blocklists: { zones: &zones [zen.example] }
alerts: { to: *zones }
`;
const SECRET = 'hunter2-swordfish';
const env = { HOOK: SECRET, SMTP_HOST_1: SECRET, SMTP_USER_1: SECRET, SMTP_PASSWORD_1: SECRET };

/** What is wrong with the answer to a text: it loads, or every problem has its place and shows no secret. */
function faultsOf(text: string): string[] {
  const result = loadPolicy({ file: 'relevo.yaml', text, env, readFile: () => SECRET });
  if (result.kind === 'loaded') return /^[0-9a-f]{12}$/.test(result.version) ? [] : ['no version'];
  if (result.problems.length === 0) return ['refused without a reason'];
  const lines = text.split('\n').length;
  return result.problems.flatMap((problem) => {
    const told = formatProblem(problem);
    const isPlaced = problem.line >= 1 && problem.line <= lines && problem.column >= 1;
    const isPlain = !/\n|undefined|Invalid|\[object/.test(told);
    return isPlaced && isPlain && !told.includes(SECRET) ? [] : [told];
  });
}

const pieces = fc.constantFrom(
  '',
  '\t',
  '  ',
  '\n',
  ':',
  ': ',
  '- ',
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '#',
  '&a ',
  '*a',
  '!x ',
  '|\n',
  '>',
  '?',
  '%',
  '@',
  '`',
  '$',
  '${',
  '${HOOK}',
  '${file:x}',
  '${sealed:x}',
  '<<: ',
  '---\n',
  '...\n',
  'null',
  'true',
  '0',
  '-1',
  '1e999',
  '.nan',
  '__proto__',
  'constructor',
  '\u0000',
  '\ufeff',
  '\u2028',
  '😀',
  '\r',
  '9'.repeat(40),
);

describe('a good file that somebody changed loads, or is told what is wrong and where', () => {
  test('with some of it replaced', () => {
    fc.assert(
      fc.property(fc.nat(GOOD.length), fc.nat(40), fc.oneof(pieces, fc.string()), (start, length, piece) => {
        expect(faultsOf(GOOD.slice(0, start) + piece + GOOD.slice(start + length))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test('with lines lost, doubled or swapped', () => {
    const lines = GOOD.split('\n');
    const line = fc.nat(lines.length - 1);
    fc.assert(
      fc.property(line, line, fc.constantFrom('lose', 'double', 'swap'), (left, right, change) => {
        const next = [...lines];
        if (change === 'lose') next.splice(Math.min(left, right), Math.abs(left - right));
        if (change === 'double') next.splice(right, 0, lines[left] ?? '');
        if (change === 'swap') [next[left], next[right]] = [lines[right] ?? '', lines[left] ?? ''];
        expect(faultsOf(next.join('\n'))).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  test('with one value replaced by another kind of value', () => {
    const values = [...GOOD.matchAll(/: ([^\s#{[][^\n#]*)/g)].map(({ index, 1: value = '' }) => ({
      start: index + 2,
      value,
    }));
    const other = fc.oneof(
      fc.constantFrom(
        'null',
        '5',
        '-5',
        '0.5',
        'true',
        '[]',
        '{}',
        '[x]',
        '{ x: y }',
        '""',
        '"x"',
        '"${HOOK}"',
        '.inf',
        '1.5.5',
        '*zones',
        '~',
        '0x10',
      ),
      fc.json({ maxDepth: 2 }),
    );
    fc.assert(
      fc.property(fc.nat(values.length - 1), other, (index, replacement) => {
        const { start, value } = values[index] ?? { start: 0, value: '' };
        expect(faultsOf(GOOD.slice(0, start) + replacement + GOOD.slice(start + value.length))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});

test('a name that came from a variable is not told when another is not found', () => {
  const text = `${GOOD.slice(0, GOOD.indexOf('routes:'))}routes: [{ name: "\${HOOK}", use: [nowhere] }]
tests: [{ name: t, message: { from: a@a.example, to: b@b.example }, expect: { route: default } }]
`;
  expect(faultsOf(text)).toEqual([]);
});

test('any text at all is answered', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(pieces, fc.string(), fc.constantFrom('hostname', 'egress', 'clients', 'routes', 'a'))),
      (parts) => {
        expect(faultsOf(parts.join(''))).toEqual([]);
      },
    ),
    { numRuns: 500 },
  );
});

test('any values under any keys are answered', () => {
  const keys = fc.constantFrom(
    'hostname',
    'listen',
    'limits',
    'clients',
    'domains',
    'streams',
    'egress',
    'pools',
    'routes',
    'tests',
    'spool',
    'shaping',
    'type',
    'name',
    'use',
    'members',
    'match',
    'message',
    'expect',
    'x',
    '__proto__',
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom<unknown>(
        null,
        true,
        0,
        -1,
        1.5,
        'x',
        'mx',
        'smtp',
        'redis',
        '10.0.0.0/8',
        '*',
        'a@b.example',
        '${HOOK}',
      ),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(keys, tie('value'), { maxKeys: 5 }),
    ),
  }));
  fc.assert(
    fc.property(fc.dictionary(keys, value, { minKeys: 1, maxKeys: 8 }), (policy) => {
      expect(faultsOf(JSON.stringify(policy))).toEqual([]);
    }),
    { numRuns: 500 },
  );
});
