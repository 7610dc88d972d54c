import { expect, test } from 'vitest';
import { problemsIn, warningsIn } from '../../tests/fakes/policy-text.ts';
import {
  complaintAddressFor,
  hasReturnPaths,
  isComplaintAddress,
  isPathPerRecipient,
  isReturnPath,
  returnPathFor,
} from './return-path.ts';
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

const WITH_COMPLAINTS = policySchema.parse({
  hostname: 'relay.test',
  domains: {
    'example.com': { returnPath: 'bounces.example.com', complaints: ['fbl', 'abuse'] },
    'shop.example.com': { returnPath: 'bounces.example.com', verp: 'delivery' },
    'lone.test': { complaints: ['fbl'] },
  },
});

test('complaints are taken at the return-path domain of the From domain, its first name is told', () => {
  expect(complaintAddressFor(WITH_COMPLAINTS, 'example.com')).toBe('fbl@bounces.example.com');
  expect(complaintAddressFor(WITH_COMPLAINTS, 'deep.example.com')).toBe('fbl@bounces.example.com');
  for (const none of ['a.shop.example.com', 'lone.test', 'other.test', null]) {
    expect(complaintAddressFor(WITH_COMPLAINTS, none)).toBeNull();
  }
  expect(
    ['fbl', 'Abuse', 'postmaster'].map((local) => isComplaintAddress(WITH_COMPLAINTS, `${local}@bounces.example.com`)),
  ).toEqual([true, true, false]);
  expect(isComplaintAddress(WITH_COMPLAINTS, 'fbl@lone.test')).toBe(false);
});

test('recipients have paths of their own where there is a path, unless the policy has them share one', () => {
  const domains = ['example.com', 'deep.example.com', 'shop.example.com', 'lone.test', null];
  expect(domains.map((domain) => isPathPerRecipient(WITH_COMPLAINTS, domain))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});

test('names for complaints must be ones that survive, and do nothing without a return path', () => {
  const text = (keys: string): string =>
    `hostname: a\nlisten: [{ port: 25, auth: none, tls: opportunistic }]\ndomains: { b.test: { ${keys} } }\n`;
  for (const bad of ['Fbl', 'b+x', 'a b', '"fbl@b.test"', '.fbl']) {
    expect(problemsIn(text(`returnPath: r.b.test, complaints: [${bad}]`)), bad).toEqual([
      expect.stringContaining('expected a local part such as fbl, in lower case'),
    ]);
  }
  const warned = (keys: string): readonly string[] =>
    warningsIn(text(keys)).filter((line) => line.includes('only with a returnPath'));
  expect(warned('complaints: [fbl]')).toEqual([expect.stringContaining('domains."b.test".complaints')]);
  expect(warned('verp: delivery')).toEqual([expect.stringContaining('domains."b.test".verp')]);
  expect(warned('returnPath: r.b.test, verp: delivery, complaints: [fbl]')).toEqual([]);
  expect(warned('dkim: []')).toEqual([]);
});

test('mail must have a way to a return path', () => {
  const of = (domain: string): string => `hostname: a\ndomains: { example.com: { returnPath: ${domain} } }\n`;
  for (const domain of ['bounce_bad', 'bounces', 'a_b.example.com'])
    expect(problemsIn(of(domain)), domain).toMatchObject([expect.stringContaining('expected a host name such as')]);
  expect(problemsIn(of('bounces.example.com'))).toEqual([]);
});
