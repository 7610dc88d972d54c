import { describe, expect, test } from 'vitest';
import { problemsIn, warningsIn } from '../../../tests/fakes/policy-text.ts';

describe('warnings', () => {
  test('keys of later versions validate, and say that they have no effect yet', () => {
    const text = [
      'hostname: a',
      'alerts: { to: [a@b.example] }',
      'streams: { transactional: { unsubscribe: warn } }',
      'domains: { example.com: {} }',
      'egress:',
      '  out: { type: mx, dailyLimit: 5, rate: 5/m, warmup: { start: 2026-11-20 }, region: eu }',
      'pools: { p: { members: [out], strategy: random } }',
      'reputation: { slowBelow: 90 }',
    ].join('\n');
    expect(warningsIn(text)).toEqual(['6:77 egress.out.region: has no effect yet in this version']);
  });

  test('a later key that asks for nothing says nothing', () => {
    const text = [
      'hostname: a',
      'preset: null',
      'egress: { out: { type: mx, hourlyLimit: null, delay: 0s, warmup: null } }',
      'pools: { p: { members: [out], strategy: round-robin } }',
      'alerts: { to: [] }',
    ].join('\n');
    expect(warningsIn(text)).toEqual([]);
  });

  test('a later key that asks for something is told of where it stands', () => {
    expect(warningsIn('hostname: a\negress: { out: { type: mx,\n  region: eu } }\n')).toEqual([
      '3:3 egress.out.region: has no effect yet in this version',
    ]);
  });

  test('a wrong value of a later key is refused like any other', () => {
    expect(problemsIn('hostname: a\nreputation: { slowBelow: 101 }\n')).toEqual([
      '2:26 reputation.slowBelow: expected a number from 0 to 100, found 101',
    ]);
  });

  test('mail without a way out is told of', () => {
    const text =
      'hostname: a\negress: { g: { type: mx } }\nroutes: [{ name: r, match: { stream: marketing }, use: [g] }]\n';
    expect(warningsIn(text)).toEqual([
      '3:9 routes: no route takes every message: what matches none has no exit, waits, and bounces when it expires',
    ]);
  });

  test.each([
    [
      'HTTP for all',
      'hostname: a\nhttp: { listen: 0.0.0.0:8080 }\n',
      expect.stringMatching(/^2:17 http\.listen: 0\.0\.0\.0:8080 is not a loopback address.*http\.tls: true/) as string,
    ],
    [
      'a password in clear text',
      'hostname: a\negress: { o: { type: smtp, host: b, tls: none, username: u, password: p } }\n',
      '2:42 egress.o.tls: the password may go out in clear text',
    ],
    [
      'a pool that rests',
      'hostname: a\negress: { o: { type: mx }, p: { type: mx, enabled: false } }\npools: { q: { members: [p] } }\n',
      '3:13 pools.q: every member is disabled',
    ],
    [
      'a notice that comes too late',
      'hostname: a\nretry: { expire: 1h }\n',
      '2:1 retry.warnAfter: no notice is ever sent: mail expires before',
    ],
  ])('%s', (_, text, warning) => {
    expect(warningsIn(text)).toContainEqual(warning);
  });
});
