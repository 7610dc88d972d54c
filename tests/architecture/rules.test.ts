import { describe, expect, test } from 'vitest';
import {
  barrelRule,
  citationRule,
  deterministicRule,
  docstringRule,
  importRule,
  nameRule,
  type Rule,
} from './rules.ts';
import { readSource } from './source-text.ts';

function problems(rule: Rule, path: string, text: string): string[] {
  return rule({ path, ...readSource(text) });
}

describe('the import table', () => {
  const rule = importRule(['zod']);

  test.each([
    ['src/message/a.ts', `import type { Clock } from '../ports.ts';`],
    ['src/message/a.ts', `import { b } from '../policy/b.ts';`],
    ['src/egress/smtp/a.ts', `import {\n  b,\n  c,\n} from '../../spool/b.ts';`],
    ['src/schedule/a.ts', `export { b } from '../ingress/b.ts';`],
    ['src/http/a.ts', `const b = await import('../ingress/b.ts');`],
    ['src/spool/a.ts', `new Worker(new URL('../egress/b.ts', import.meta.url));`],
    ['src/policy/a.ts', `import { x } from '../system.ts';`],
    ['src/sign/a.ts', `import { x } from '../../tests/fakes/x.ts';`],
    ['src/sign/a.ts', `import 'left-pad';`],
    ['src/sign/a.ts', `import { x } from 'zoda';`],
    ['src/cli/a.ts', `import { x } from '../main.ts';`],
    ['src/workers/a.ts', `import { x } from '../main.ts';`],
    ['src/spool/a.ts', `import { x } from '../foundation/b.ts';`],
    ['src/operations/a.ts', `import { x } from '../cli/b.ts';`],
    ['src/relay.ts', `import { x } from './cli/b.ts';`],
  ])('refuses in %s: %s', (path, text) => {
    expect(problems(rule, path, text)).toHaveLength(1);
  });

  test.each([
    ['src/policy/a.ts', `import { b } from '../message/b.ts';`],
    ['src/policy/deep/a.ts', `import type { Clock } from '../../ports.ts';`],
    ['src/schedule/a.ts', `import { b } from '../egress/b.ts';`],
    ['src/relay.ts', `import { b } from './ingress/b.ts';`],
    ['src/workers/a.ts', `import { b } from '../ingress/b.ts';`],
    ['src/cli/a.ts', `import { b } from '../relay.ts';`],
    ['src/cli/a.ts', `import { b } from './deep/b.ts';`],
    ['src/main.ts', `import { b } from './cli/b.ts';`],
    ['src/sign/a.ts', `import { z } from 'zod';\nimport { zz } from 'zod/mini';\nimport fs from 'node:fs';`],
    ['src/sign/a.test.ts', `import { b } from '../ingress/b.ts';`],
    ['src/sign/a.ts', `// import { b } from '../ingress/b.ts';`],
    ['src/sign/a.ts', `// architecture: the worker's entry has no one to wire it\nimport { x } from '../system.ts';`],
  ])('lets pass in %s: %s', (path, text) => {
    expect(problems(rule, path, text)).toEqual([]);
  });
});

describe('what is not deterministic', () => {
  test.each([
    'Date.now()',
    'new Date()',
    'new Date( ).getTime()',
    'Date()',
    'Math.random()',
    'setTimeout(run, 1)',
    `import { setInterval } from 'node:timers/promises';`,
    'AbortSignal.timeout(5)',
    'performance.now()',
    `process.env['HOME']`,
    'process.hrtime.bigint()',
    'const text = `${Date.now()} is the time`;',
  ])('is refused: %s', (text) => {
    expect(problems(deterministicRule, 'src/egress/a.ts', text)).toHaveLength(1);
    expect(problems(deterministicRule, 'src/system.ts', text)).toEqual([]);
    expect(problems(deterministicRule, 'src/cli/policy/check.ts', text)).toEqual([]);
    expect(problems(deterministicRule, 'src/egress/a.test.ts', text)).toEqual([]);
  });

  test.each([
    'new Date(atMs)',
    'socket.setTimeout(0)',
    '// Date.now() is not for us',
    `const text = 'Date.now()';`,
    'const text = `Date.now()`;',
    'const pattern = /Date.now/;',
    'const x = a / b; // Date.now()',
    '/* a\n Math.random() */ const half = 1 / 2 / 3;',
    '// architecture: a worker thread has no ports\nconst t = Date.now();',
    'const t = Date.now(); // architecture: a worker thread has no ports',
  ])('is not this: %s', (text) => {
    expect(problems(deterministicRule, 'src/egress/a.ts', text)).toEqual([]);
  });

  test('needs a reason, not only the word', () => {
    expect(problems(deterministicRule, 'src/egress/a.ts', 'Date.now(); // architecture: yes')).toHaveLength(1);
  });
});

describe('names', () => {
  test.each([
    'const jobs = 1;',
    'class MailManager {}',
    'type HTTPService = 1;',
    'function retry_helper() {}',
    'class Lane { #items = []; }',
  ])('that say nothing are refused: %s', (text) => {
    expect(problems(nameRule, 'src/egress/a.ts', text)).toHaveLength(1);
  });

  test.each(['handler_STARTTLS() {}', 'node.items;', '// a job', `const a = 'service';`, 'const itemise = 1;'])(
    'may be: %s',
    (text) => {
      expect(problems(nameRule, 'src/egress/a.ts', text)).toEqual([]);
    },
  );

  test('count in paths as well', () => {
    expect(problems(nameRule, 'src/egress/dns-utils.ts', '')).toHaveLength(1);
    expect(problems(nameRule, 'src/helpers/dns.ts', '')).toHaveLength(1);
    expect(problems(nameRule, 'src/egress/utility.ts', '')).toHaveLength(1);
  });
});

describe('a docstring', () => {
  const long = 'export function send(): void {\n  connect();\n  talk();\n}\n';

  test('is asked of an exported function and class', () => {
    expect(problems(docstringRule, 'src/a.ts', `const a = 1;\n\n${long}`)).toHaveLength(1);
    expect(problems(docstringRule, 'src/a.ts', `\nexport class Lane {\n  a = 1;\n  b = 2;\n}\n`)).toHaveLength(1);
    expect(problems(docstringRule, 'src/a.ts', `/** Of the first. */\n\n${long}\n${long}`)).toHaveLength(1);
  });

  test('is there, or is not needed', () => {
    expect(problems(docstringRule, 'src/a.ts', `const a = 1;\n\n/** Sends. */\n${long}`)).toEqual([]);
    expect(problems(docstringRule, 'src/a.ts', `/** Of the first. */\n\n${long}`)).toEqual([]);
    expect(
      problems(docstringRule, 'src/a.ts', 'const a = 1;\nexport function b(): number {\n  return a;\n}\n'),
    ).toEqual([]);
    expect(problems(docstringRule, 'src/a.ts', 'const a = 1;\nfunction b(): void {\n  c();\n  d();\n}\n')).toEqual([]);
  });
});

test('barrels and exports of everything are refused', () => {
  expect(problems(barrelRule, 'src/policy/index.ts', '')).toHaveLength(1);
  expect(problems(barrelRule, 'src/policy/a.ts', `export * from './b.ts';`)).toHaveLength(1);
  expect(problems(barrelRule, 'src/policy/a.ts', `export { b } from './b.ts';`)).toEqual([]);
});

test('RFCs are cited in one form', () => {
  for (const text of ['RFC5321 §4', 'RFC 5321, section 4.2', 'RFC-5321', 'RFC 5321 Appendix A']) {
    expect(problems(citationRule, 'src/a.ts', `// ${text}`)).toHaveLength(1);
  }
  expect(problems(citationRule, 'src/a.ts', `// RFC 5321 §4.2.4, RFC 3464\nconst type = 'rfc822';`)).toEqual([]);
});
