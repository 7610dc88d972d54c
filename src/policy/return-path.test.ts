import { expect, test } from 'vitest';
import { warningsIn } from '../../tests/fakes/policy-text.ts';
import { hasReturnPaths, isReturnPath, returnPathFor } from './return-path.ts';
import { policySchema } from './schema.ts';

const POLICY = policySchema.parse({
  hostname: 'relay.test',
  domains: { 'example.com': { returnPath: 'Bounces.Example.COM' }, 'plain.example.com': {}, 'böse.example': {} },
});

test('the longest domain decides, even where it has no return path', () => {
  expect(returnPathFor(POLICY, 'a.b.example.com')).toBe('bounces.example.com');
  for (const other of ['x.plain.example.com', 'xn--bse-sna.example', 'com', 'constructor', '', null])
    expect(returnPathFor(POLICY, other), String(other)).toBeNull();
});

test('only the domain itself is a return path', () => {
  expect(isReturnPath(POLICY, 'bounces.example.com')).toBe(true);
  for (const other of ['example.com', 'x.bounces.example.com', '']) expect(isReturnPath(POLICY, other)).toBe(false);
  expect(hasReturnPaths(POLICY)).toBe(true);
  expect(hasReturnPaths(policySchema.parse({ hostname: 'relay.test' }))).toBe(false);
});

test('a return path that bounces cannot reach, or that takes a domain’s own mail, is told of', () => {
  const text = 'hostname: a\nlisten: [{ port: 587 }]\ndomains: { example.com: { returnPath: example.com } }\n';
  expect(warningsIn(text)).toEqual([
    '3:39 domains."example.com".returnPath: no listener takes bounces: it takes one with auth: none',
    '3:39 domains."example.com".returnPath: mail to any other address at example.com is refused: take a domain of its own, such as bounces.example.com',
  ]);
  expect(warningsIn('hostname: a\ndomains: { example.com: { returnPath: bounces.example.com } }\n')).toEqual([]);
});
