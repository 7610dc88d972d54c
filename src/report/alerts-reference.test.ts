import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ALERT_KIND_NAMES } from '../message/alert-kind.ts';
import { alertsReference } from './alerts-reference.ts';

const SRC = join(import.meta.dirname, '..');
const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && !/alert-kind|alerts-reference/.test(path))
  .map((path) => ({ path, text: readFileSync(join(SRC, path), 'utf8') }));

test('the relay raises every alert that the table has', () => {
  const never = ALERT_KIND_NAMES.filter(
    (kind) => !sources.some(({ text }) => new RegExp(`['\`]${kind}['\`:]`).test(text)),
  );
  expect(never).toEqual([]);
});

test('the table has every alert that the relay raises', () => {
  const NAMED =
    /(?:name[:=] |name = |ALERT = |#alert\(|ProviderAlert\(|#?raised\.set\(|wanted\.set\()['`]([a-z]+(?:-[a-z]+)*)(?:['`]|:\$)/g;
  const raised = sources
    .filter(({ text }) => /event: 'alert'|new Raised\(|new ProviderAlert\(/.test(text))
    .flatMap(({ text }) =>
      text
        .split('\n')
        .filter((line) => !/return '|kind: '/.test(line))
        .flatMap((line) => [...line.matchAll(NAMED)]),
    )
    .map(([, name = '']) => name);
  expect(new Set(raised).size).toBeGreaterThan(25);
  expect([...new Set(raised)].filter((name) => !(ALERT_KIND_NAMES as readonly string[]).includes(name))).toEqual([]);
});

test('the reference tells of each', () => {
  const text = alertsReference();
  for (const kind of ALERT_KIND_NAMES) expect(text).toContain(`| \`${kind}\` |`);
});
