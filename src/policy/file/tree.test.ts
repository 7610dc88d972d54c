import { describe, expect, test } from 'vitest';
import { loaded, problemsIn } from '../../../tests/fakes/policy-text.ts';

describe('hostile files end quickly', () => {
  test('a file over 1 MB is not parsed', () => {
    expect(problemsIn(`hostname: a\n#${'x'.repeat(1024 ** 2)}`)).toEqual(['1:1 the file is larger than 1 MB']);
  });

  test('aliases that would unfold to billions', () => {
    const rows = ['hostname: a', 'a: &a [1,1,1,1,1,1,1,1,1]'];
    for (let index = 1; index < 12; index++) {
      const [name, before] = [String.fromCharCode(97 + index), String.fromCharCode(96 + index)];
      rows.push(`${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(',')}]`);
    }
    expect(problemsIn(rows.join('\n')).filter((line) => line.includes('aliases'))).toHaveLength(1);
  });

  test('more aliases than anyone needs, and a few that stand for much', () => {
    const many = Array.from({ length: 101 }, () => '*x').join(', ');
    const refused = problemsIn(`hostname: &x a\ndns: { servers: [${many}] }\n`);
    expect(refused.filter((line) => line.endsWith(' dns.servers[100]: more than 100 aliases'))).toHaveLength(1);
    const long = Array.from({ length: 200 }, () => 'a').join(', ');
    const few = Array.from({ length: 60 }, () => '*x').join(', ');
    const problems = problemsIn(`hostname: a\nblocklists: { zones: &x [${long}] }\ndns: { servers: [${few}] }\n`);
    expect(problems.filter((line) => line.endsWith('aliases unfold to too much'))).toHaveLength(1);
  });

  test('an alias within itself', () => {
    expect(problemsIn('hostname: a\npostmaster: &x [*x]\n').join('\n')).toContain('nested too deeply');
  });

  test('a handful of aliases is fine', () => {
    const text =
      'hostname: a\nlisten:\n  - &in { port: 25, auth: none }\npools: { p: { members: &m [direct] } }\nroutes: [{ name: r, use: *m }]\n';
    expect(loaded(text).policy.routes[0]?.use).toEqual(['direct']);
  });

  test.each([
    ['brackets', '['.repeat(100_000)],
    ['dashes', '- '.repeat(100_000)],
    ['keys', Array.from({ length: 30_000 }, (_, index) => `k${index}: 1`).join('\n')],
    ['anchors', '&a '.repeat(50_000)],
    ['dollars', `hostname: "${'${'.repeat(100_000)}"`],
    ['stars', `hostname: a\nclients: { c: { networks: [10.0.0.1], senders: ["${'*'.repeat(50_000)}"] } }`],
    ['NULs', '\0'.repeat(1000)],
  ])('%s', (_, text) => {
    expect(problemsIn(text).length).toBeLessThan(100);
  });
});
