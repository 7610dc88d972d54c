import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loaded, problemsIn, warningsIn } from '../../../tests/fakes/policy-text.ts';
import { matchesGlob } from '../../message/address.ts';
import { covers, meet } from './match-cover.ts';

const EXITS =
  'hostname: a\negress:\n  us: { type: mx }\n  eu: { type: mx }\n  news: { type: mx, streams: [marketing] }\n';

/** A policy whose routes begin on line 7; without a catch-all it has one. */
function policy(...routes: string[]): string {
  const all = [...routes, '{ name: all, use: [us] }'];
  return `${EXITS}routes:\n${all.map((route) => `  - ${route}\n`).join('')}`;
}

describe('routes that do not come into play', () => {
  test.each<[name: string, routes: string[], warnings: string[]]>([
    [
      'a route behind one that takes everything',
      ['{ name: first, use: [us] }', '{ name: second, match: { tag: x }, use: [eu] }'],
      [
        '8:5 routes[1]: route second is never reached: all of its mail takes route first (config/relevo.yaml:7:5)',
        '9:5 routes[2]: route all is never reached: all of its mail takes route first (config/relevo.yaml:7:5)',
      ],
    ],
    [
      'a narrower route behind a wider one',
      [
        '{ name: high, match: { priority: [high, normal] }, use: [us] }',
        '{ name: mex, match: { priority: high, tld: mx }, use: [eu] }',
      ],
      ['8:5 routes[1]: route mex is never reached: all of its mail takes route high (config/relevo.yaml:7:5)'],
    ],
    [
      'a top-level domain that an earlier route has',
      ['{ name: latam, match: { tld: [mx, br] }, use: [us] }', '{ name: rest, match: { tld: [es, mx] }, use: [eu] }'],
      [
        '8:38 routes[1].match.tld[1]: mail to .mx never takes this route: it takes route latam, which comes first (config/relevo.yaml:7:5)',
      ],
    ],
    [
      'a domain below a top-level domain that an earlier route has',
      [
        '{ name: latam, match: { tld: mx }, use: [us] }',
        '{ name: unam, match: { recipientDomain: ["*.unam.mx", "*.csic.es"] }, use: [eu] }',
      ],
      [
        '8:46 routes[1].match.recipientDomain[0]: mail to *.unam.mx never takes this route: it takes route latam, which comes first (config/relevo.yaml:7:5)',
      ],
    ],
    [
      'patterns that meet, of which neither is the narrower',
      [
        '{ name: mails, match: { recipientDomain: "mail*" }, use: [us] }',
        '{ name: mex, match: { tld: mx }, use: [eu] }',
      ],
      [
        '8:32 routes[1].match.tld: some mail to .mx does not take this route: it takes route mails, which comes first (config/relevo.yaml:7:5)',
      ],
    ],
  ])('%s', (_, routes, warnings) => {
    expect(warningsIn(policy(...routes))).toEqual(warnings);
  });

  test.each<[name: string, routes: string[]]>([
    [
      'an exception before its rule',
      [
        '{ name: unam, match: { recipientDomain: "*.unam.mx" }, use: [us] }',
        '{ name: mex, match: { tld: mx }, use: [eu] }',
      ],
    ],
    [
      'one place for two streams',
      [
        '{ name: mex, match: { tld: mx, stream: transactional }, use: [us] }',
        '{ name: news, match: { tld: mx, stream: marketing }, use: [eu] }',
      ],
    ],
    [
      'one that is told apart by a header',
      [
        '{ name: lists, match: { tld: mx, header: { List-Id: "*" } }, use: [us] }',
        '{ name: mex, match: { tld: [mx, br] }, use: [eu] }',
      ],
    ],
    [
      'the geographic table',
      [
        '{ name: us, match: { tld: com }, use: [us] }',
        '{ name: eu, match: { tld: [es, eu] }, use: [eu] }',
        '{ name: latam, match: { tld: [mx, br, ar] }, use: [us] }',
      ],
    ],
  ])('but not %s', (_, routes) => {
    expect(warningsIn(policy(...routes))).toEqual([]);
  });
});

test('the table by country that the documentation shows loads as it stands, and its own test holds', () => {
  const page = readFileSync(new URL('../../../docs/routing.md', import.meta.url), 'utf8');
  const [, table = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
  expect(warningsIn(table)).toEqual([]);
  const { policy } = loaded(table);
  expect(policy.pools['world']?.members).toEqual(['us-1', 'us-2', 'eu-1', 'latam-1', 'latam-2']);
  expect(policy.tests).toHaveLength(1);
});

describe('routes whose exits cannot take a stream', () => {
  test('that can never send anything are refused, with both places', () => {
    expect(problemsIn(policy('{ name: codes, match: { stream: transactional }, use: [news] }'))).toEqual([
      '7:59 routes[0].use: no exit of route codes can ever take its mail: none carries transactional, nor does news (config/relevo.yaml:5:30)',
    ]);
  });

  test('that strand some of their mail are told of', () => {
    expect(warningsIn(policy('{ name: mex, match: { tld: mx }, use: [news] }'))).toEqual([
      '7:43 routes[0].use: mail of transactional that takes route mex waits, and bounces when it expires: no exit of it carries that, nor does news (config/relevo.yaml:5:30)',
    ]);
  });

  test('are sound where that stream takes an earlier route', () => {
    const routes = [
      '{ name: codes, match: { stream: transactional }, use: [us] }',
      '{ name: rest, match: { tld: mx }, use: [news] }',
    ];
    expect(warningsIn(policy(...routes))).toEqual([]);
  });
});

describe('what patterns have in common', () => {
  const label = fc.stringMatching(/^[ab*]{1,3}$/);
  const glob = fc.tuple(label, label).map((labels) => labels.join('.'));
  const domain = fc.stringMatching(/^[ab]{1,4}\.[ab]{1,4}$/);

  test('a domain that is like both patterns is never missed', () => {
    const property = fc.property(glob, glob, domain, (left, right, one) => {
      fc.pre(matchesGlob(left, one) && matchesGlob(right, one));
      return meet({ kind: 'recipientDomain', glob: left }, { kind: 'recipientDomain', glob: right });
    });
    expect(fc.check(property)).toMatchObject({ failed: false });
  });

  test('no domain of a pattern that is said to be covered is left out', () => {
    const property = fc.property(glob, glob, domain, (wide, narrow, one) => {
      fc.pre(covers({ recipientDomain: [wide] }, { recipientDomain: [narrow] }));
      return !matchesGlob(narrow, one) || matchesGlob(wide, one);
    });
    expect(fc.check(property)).toMatchObject({ failed: false });
  });

  test.each([
    ['a*', '*b', true],
    ['a*', 'b*', false],
    ['*.a', 'a', false],
    ['*', 'x', true],
    ['a*c', 'ab*', true],
    ['a', 'ab', false],
    ['*a*', '*b*', true],
  ])('%s and %s: %s', (left, right, met) => {
    expect(meet({ kind: 'recipientDomain', glob: left }, { kind: 'recipientDomain', glob: right })).toBe(met);
  });
});
