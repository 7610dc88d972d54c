import { describe, expect, test } from 'vitest';
import { exitsTo, hosts, policyOf, problemsOf, warningsOf } from '../../../tests/fakes/preset-policy.ts';

describe('what the operator writes himself', () => {
  test('goes key by key before what the preset says of an exit or pool of that name', () => {
    const text = [
      'preset: starter-triple',
      'egress:',
      '  smtp-2: { dailyLimit: 40, warmup: null, host: other.example.com }',
      '  ip-1: { type: mx }',
      'pools:',
      '  owned: { strategy: least-used }',
      '  mine: { members: [ip-1] }',
      '',
    ].join('\n');
    const policy = policyOf(text, { ...hosts(3), SMTP_HOST_2: undefined });
    expect(Object.keys(policy.egress)).toEqual(['smtp-1', 'smtp-2', 'smtp-3', 'ip-1']);
    expect(policy.egress['smtp-2']).toMatchObject({
      host: 'other.example.com',
      dailyLimit: 40,
      warmup: null,
      port: 587,
    });
    expect(policy.egress['smtp-1']).toMatchObject({ dailyLimit: 500, warmup: {} });
    expect(policy.pools['owned']).toMatchObject({ members: ['smtp-1', 'smtp-2', 'smtp-3'], strategy: 'least-used' });
    expect(policy.pools['mine']?.members).toEqual(['ip-1']);
  });

  test('stands alone where it is another type of exit, which then needs nothing of the environment', () => {
    const text = 'preset: hybrid-basic\negress: { sendgrid: { type: sandbox }, smtp-3: { type: mx } }\n';
    const env = { SMTP_HOST_1: 'a', SMTP_HOST_2: 'b' };
    const policy = policyOf(text, env);
    expect(policy.egress['sendgrid']).toMatchObject({ type: 'sandbox', dailyLimit: null });
    expect(policy.egress['smtp-3']).toMatchObject({ type: 'mx', warmup: null });
    expect(exitsTo(policy, 'a.example')).toEqual(['owned: smtp-1 smtp-2 smtp-3', 'cloud: sendgrid']);
    expect(warningsOf(text, env)).toEqual([]);
  });

  test('can switch an exit off, whose variables need not be set then', () => {
    const policy = policyOf('preset: basic-dual\negress: { smtp-2: { enabled: false } }\n', hosts(1));
    expect(exitsTo(policy, 'a.example')).toEqual(['owned: smtp-1']);
  });

  test('SendGrid needs no warning', () => {
    expect(warningsOf('preset: hybrid-basic\n', hosts(3))).toEqual([]);
  });

  test('of exits that only other presets have waits for them, with a warning', () => {
    const text = [
      'preset: basic-dual',
      'egress: { smtp-4: { dailyLimit: 9 }, smtp-1: { dailyLimit: 8 }, sendgrid: { dailyLimit: 7 } }',
      'pools: { cloud: { strategy: random } }',
      'routes: [{ name: preset-latam, match: { tld: mx } }]',
      '',
    ].join('\n');
    const policy = policyOf(text, hosts(4));
    expect(Object.keys(policy.egress)).toEqual(['smtp-1', 'smtp-2']);
    expect(Object.keys(policy.pools)).toEqual(['owned']);
    expect(policy.routes.map(({ name }) => name)).toEqual(['preset']);
    const effectless = 'has no effect: the preset has none of this name';
    expect(warningsOf(text, hosts(4))).toEqual([
      `3:11 egress.smtp-4: ${effectless}`,
      `3:65 egress.sendgrid: ${effectless}`,
      `4:10 pools.cloud: ${effectless}`,
      `5:10 routes[0]: ${effectless}`,
    ]);
    expect(policyOf(text.replace('basic-dual', 'professional'), hosts(5)).egress['smtp-4']?.dailyLimit).toBe(9);
    expect(policyOf('preset: starter\negress: { smtp-7: { type: mx } }\n', hosts(1)).egress['smtp-7']?.type).toBe('mx');
  });

  test('of wrong form is told of at its own place', () => {
    expect(problemsOf('preset: starter\negress: { smtp-1: { dailyLimit: many } }\n', hosts(1))).toEqual([
      '3:33 egress.smtp-1.dailyLimit: expected a positive number, found "many"',
    ]);
    expect(problemsOf('preset: starter\npools: [owned]\n', hosts(1))).toEqual([
      '3:8 pools: expected a mapping, found a list',
    ]);
  });

  test('an exit named like a pool of the preset is refused', () => {
    expect(problemsOf('preset: starter\negress: { owned: { type: mx } }\n', hosts(1))).toEqual([
      '2:9 pools.owned: an egress has this name too: a route could mean either',
    ]);
  });
});

describe('routes of the operator', () => {
  const names = (text: string): string[] =>
    policyOf(`preset: hybrid-basic\n${text}`, hosts(3)).routes.map(({ name }) => name);

  test('with conditions come before those of the preset', () => {
    const text = 'egress: { box: { type: sandbox } }\nroutes: [{ name: trial, match: { tld: test }, use: [box] }]\n';
    expect(names(text)).toEqual(['trial', 'preset']);
  });

  test('one for every message by other exits would leave the preset without mail: it comes behind, with a warning', () => {
    const text = 'preset: hybrid-basic\negress: { direct: { type: mx } }\nroutes: [{ name: default, use: [direct] }]\n';
    expect(names(text.replace(/^.*\n/, ''))).toEqual(['preset', 'default']);
    expect(warningsOf(text, hosts(3))).toContain(
      '4:10 routes[1]: route default is never reached: all of its mail takes route preset (config/relevo.yaml:2:9)',
    );
  });

  test('one for every message by exits of the preset takes the place of the preset’s last', () => {
    expect(names('routes: [{ name: all, use: [cloud, owned] }]\n')).toEqual(['all']);
    expect(names('pools: { mine: { members: [smtp-2] } }\nroutes: [{ name: all, use: [mine] }]\n')).toEqual(['all']);
    const geographic = policyOf('preset: geographic\nroutes: [{ name: all, use: [owned-eu] }]\n', hosts(12));
    expect(geographic.routes.map(({ name }) => name)).toEqual(['preset-us', 'preset-eu', 'preset-latam', 'all']);
  });

  test('one named like a route of the preset is that route, with the operator’s keys', () => {
    const text = 'routes: [{ name: preset-latam, match: { tld: [mx, cl] } }]\n';
    const policy = policyOf(`preset: geographic\n${text}`, hosts(12));
    expect(exitsTo(policy, 'a.cl')[0]).toMatch(/^owned-latam/);
    expect(exitsTo(policy, 'a.br')[0]).toMatch(/^owned:/);
    expect(policy.routes).toHaveLength(4);
  });
});
