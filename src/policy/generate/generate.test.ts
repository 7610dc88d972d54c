import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { loaded, problemsIn, warningsIn } from '../../../tests/fakes/policy-text.ts';
import { examplePolicy, NOBODYS_HASH } from './example.ts';
import { firstPolicy } from './first-start.ts';
import { generatedFiles } from './generate.ts';
import { policyJsonSchema } from './json-schema.ts';
import { marksOf, unwrapped, type Schema } from '../file/keys.ts';
import { isPasswordHash } from '../password.ts';
import { policyReference } from './reference.ts';
import { policySchema } from '../schema.ts';

const root = join(import.meta.dirname, '../../..');

test.each(generatedFiles())('$path is what the schema makes of it', ({ path, content }) => {
  expect(existsSync(join(root, path))).toBe(true);
  expect(readFileSync(join(root, path), 'utf8')).toBe(content);
});

/** Every key of the schema with its path; a union’s branches one after the other. */
function* keysOf(schema: Schema, path: string): Generator<{ path: string; schema: Schema }> {
  const bare = unwrapped(schema);
  if (bare instanceof z.ZodArray) yield* keysOf(bare.element, `${path}[]`);
  if (bare instanceof z.ZodRecord) yield* keysOf(bare.valueType, `${path}.*`);
  if (bare instanceof z.ZodDiscriminatedUnion)
    for (const [index, option] of bare.options.entries()) yield* keysOf(option, `${path}|${index}`);
  if (!(bare instanceof z.ZodObject)) return;
  for (const [key, child] of Object.entries(bare.shape) as [string, Schema][]) {
    yield { path: `${path}.${key}`, schema: child };
    yield* keysOf(child, `${path}.${key}`);
  }
}

const keys = [...keysOf(policySchema, '')];

test('every key says what it does', () => {
  expect(keys.length).toBeGreaterThan(150);
  expect(keys.filter(({ schema }) => marksOf(schema).description === '').map(({ path }) => path)).toEqual([]);
});

test('every key is in the reference', () => {
  const reference = policyReference();
  const missing = keys.filter(({ path }) => {
    const key = path.split('.').at(-1) ?? '';
    return !reference.includes(`${key}\``);
  });
  expect(missing).toEqual([]);
});

describe('the example', () => {
  test('loads without a warning, and names the schema for editors in its first line', () => {
    expect(examplePolicy().split('\n')[0]).toBe('# yaml-language-server: $schema=../relevo.schema.json');
    expect(problemsIn(examplePolicy())).toEqual([]);
    expect(warningsIn(examplePolicy())).toEqual([]);
  });

  test('knows every key of the top, set or in a comment', () => {
    const text = examplePolicy();
    const missing = Object.keys(policySchema.in.shape).filter((key) => !new RegExp(`^(?:# )?${key}:`, 'm').test(text));
    expect(missing).toEqual([]);
  });

  test('sets what it sets to its default, save what makes it an example', () => {
    const { policy } = loaded(examplePolicy());
    const bare = loaded('hostname: relay.example.com\n').policy;
    for (const key of [
      'listen',
      'tls',
      'limits',
      'retry',
      'shaping',
      'suppression',
      'spool',
      'historyMs',
      'http',
      'log',
      'dns',
    ] as const)
      expect({ [key]: policy[key] }).toEqual({ [key]: bare[key] });
    expect(policy.egress['direct']).toEqual(bare.egress['direct']);
  });

  test('lets nobody in', () => {
    expect(isPasswordHash(NOBODYS_HASH)).toBe(true);
    expect(loaded(examplePolicy()).policy.clients['app']?.networks).toEqual([]);
  });

  test('stays within 120 columns', () => {
    expect(
      examplePolicy()
        .split('\n')
        .filter((line) => line.length > 120),
    ).toEqual([]);
  });
});

describe('the first policy', () => {
  const passwordHash = `$scrypt$ln=15,r=8,p=1$${'B'.repeat(22)}$${'B'.repeat(43)}`;
  const ports = { submission: 2587, submissions: 2465, relay: 2525 };
  const selectors = { rsa: 'rsa2026', ed25519: 'ed2026' };
  const text = firstPolicy({ example: examplePolicy(), passwordHash, ports, selectors, hostname: 'mx.example.org' });

  test('has this machine’s ports, password, keys and name, and loads', () => {
    const { policy, warnings } = loaded(text);
    expect(warnings).toEqual([]);
    expect(policy.hostname).toBe('mx.example.org');
    expect(policy.listen.map(({ port }) => port)).toEqual([2587, 2465, 2525]);
    expect(policy.clients['app']).toMatchObject({ password: passwordHash, senders: ['*@example.com'] });
    expect(
      policy.domains['example.com']?.dkim.map(({ selector, key }) => [selector, key.split('/').slice(-3).join('/')]),
    ).toEqual([
      ['rsa2026', 'certs/dkim/example.com.rsa2026.pem'],
      ['ed2026', 'certs/dkim/example.com.ed2026.pem'],
    ]);
    expect(policy.routes).toEqual([
      { name: 'trial', match: { recipientDomain: ['*.test', '*.example'] }, use: ['sandbox'] },
      { name: 'default', match: {}, use: ['direct'] },
    ]);
  });

  test('keeps every comment of the example but the one on its password', () => {
    const commentsOf = (yaml: string) => yaml.match(/#.*$/gm)?.filter((line) => !line.includes('hash of the password'));
    expect(commentsOf(text)).toEqual(commentsOf(examplePolicy()));
    expect(text).not.toContain('fits no password');
    expect(text).not.toContain(NOBODYS_HASH);
  });

  test('is not made of anything else than the example', () => {
    expect(() => firstPolicy({ example: 'hostname: a\n', passwordHash, ports, selectors })).toThrow(
      /the example policy has no/,
    );
  });
});

describe('the JSON Schema', () => {
  type Node = { [key: string]: unknown };
  const schema = policyJsonSchema() as Node;
  const at = (...path: string[]) => path.reduce((node, key) => (node[key] ?? {}) as Node, schema);
  /** As an editor does: the few words of JSON Schema that this one uses. */
  const accepts = (node: Node, value: unknown): boolean => {
    const unions = ['anyOf', 'oneOf'].flatMap((key) => (Array.isArray(node[key]) ? [node[key] as Node[]] : []));
    if (!unions.every((options) => options.some((option) => accepts(option, value)))) return false;
    if ('const' in node) return value === node['const'];
    if (Array.isArray(node['enum']) && !node['enum'].includes(value)) return false;
    if (typeof node['pattern'] === 'string' && !new RegExp(node['pattern'], 'u').test(String(value))) return false;
    const types = node['type'] === undefined ? [] : [node['type']].flat();
    if (types.length > 0 && !types.some((type) => isOfType(value, type as string))) return false;
    if (typeof node['minimum'] === 'number' && Number(value) < node['minimum']) return false;
    if (Array.isArray(value))
      return node['items'] === undefined || value.every((item) => accepts(node['items'] as Node, item));
    return typeof value !== 'object' || value === null || acceptsKeys(node, value as Node);
  };
  const acceptsKeys = (node: Node, value: Node): boolean => {
    const properties = (node['properties'] ?? {}) as Record<string, Node>;
    const other = node['additionalProperties'] ?? true;
    const required = (node['required'] ?? []) as string[];
    return (
      required.every((key) => key in value) &&
      Object.entries(value).every(([key, child]) => {
        const property = Object.hasOwn(properties, key) ? properties[key] : other;
        return typeof property === 'boolean' ? property : accepts(property as Node, child);
      })
    );
  };
  const isOfType = (value: unknown, type: string) => {
    if (type === 'integer') return Number.isInteger(value);
    if (type === 'array') return Array.isArray(value);
    if (type === 'null') return value === null;
    if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
    return typeof value === type;
  };

  test('has no address of its own and none of the schema’s own marks, and describes every key of the top', () => {
    expect(schema).not.toHaveProperty('$id');
    expect(/"(?:later|secret|value)":(?:true|")/.exec(JSON.stringify(schema))).toBeNull();
    const topKeys = Object.entries(at('properties')) as [string, Node][];
    expect(topKeys.filter(([, property]) => typeof property['description'] !== 'string')).toEqual([]);
  });

  test('accepts the example', () => {
    expect(accepts(schema, parse(examplePolicy()))).toBe(true);
  });

  test.each([
    ['a number', 'hostname: a\nlimits: { recipients: 5 }', true],
    ['a variable for a number', 'hostname: a\nlimits: { recipients: "${COUNT}" }', true],
    ['a word for a number', 'hostname: a\nlimits: { recipients: many }', false],
    ['a variable for a choice', 'hostname: a\nlog: { level: "${LEVEL}" }', true],
    ['a wrong choice', 'hostname: a\nlog: { level: loud }', false],
    ['a variable for a switch', 'hostname: a\nlog: { subjects: "${ON}" }', true],
    ['a variable in a list', 'hostname: a\nroutes: [{ name: r, use: ["${EXIT}"] }]', true],
    ['an unknown key', 'hostname: a\nlimits: { recipents: 5 }', false],
    ['nothing', '{}', false],
    [
      'an egress of each type',
      'hostname: a\negress: { a: { type: mx }, b: { type: smtp, host: c }, s: { type: sandbox } }',
      true,
    ],
    ['an egress with a key of another type', 'hostname: a\negress: { a: { type: mx, host: c } }', false],
    ['an egress without a type', 'hostname: a\negress: { a: { host: c } }', false],
    ['a spool without an engine', 'hostname: a\nspool: { path: x }', true],
    ['null where there may be none', 'hostname: a\negress: { a: { type: mx, bind: null, dailyLimit: null } }', true],
  ])('%s', (_, text, isAccepted) => {
    expect(accepts(schema, parse(text))).toBe(isAccepted);
  });
});
