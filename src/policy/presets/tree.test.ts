import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadText } from '../../../tests/fakes/policy-text.ts';
import { exitsTo, HEAD, hosts, policyOf, problemsOf, warningsOf } from '../../../tests/fakes/preset-policy.ts';
import { presetText } from './text.ts';
import { presetOf, PRESETS } from './presets.ts';

test('hybrid-basic is three servers of 500 a day that warm up, and SendGrid for what exceeds them', () => {
  const policy = policyOf('preset: hybrid-basic\n', hosts(3, { SMTP_USER_2: 'u2', SMTP_PASSWORD_2: 'secret2' }));
  expect(Object.keys(policy.egress)).toEqual(['smtp-1', 'smtp-2', 'smtp-3', 'sendgrid']);
  const common = { type: 'smtp', enabled: true, port: 587, tls: 'starttls', dailyLimit: 500, warmup: {} };
  expect(policy.egress['smtp-1']).toMatchObject({ ...common, host: 'm1.example.com', username: null, password: null });
  expect(policy.egress['smtp-2']).toMatchObject({
    ...common,
    host: 'm2.example.com',
    username: 'u2',
    password: 'secret2',
  });
  expect(policy.egress['smtp-3']).toMatchObject({ cost: { amount: 25, currency: 'USD', per: 'month' }, region: null });
  expect(policy.egress['sendgrid']).toMatchObject({ type: 'sendgrid', apiKeys: ['SG.secret'], dailyLimit: 1500 });
  expect(policy.pools['owned']?.members).toEqual(['smtp-1', 'smtp-2', 'smtp-3']);
  expect(policy.pools['owned']?.strategy).toBe('round-robin');
  expect(policy.pools['cloud']?.members).toEqual(['sendgrid']);
  expect(policy.routes.map(({ name, use }) => [name, use])).toEqual([['preset', ['owned', 'cloud']]]);
  expect(policy.preset).toBe('hybrid-basic');
});

test('every preset loads with its servers alone, and is what `preset show` prints', () => {
  for (const preset of PRESETS) {
    const env = hosts(preset.servers, {
      SMTP_PORT_1: '2525',
      SMTP_TLS_1: 'implicit',
      SMTP_IP_1: '192.0.2.1',
      SMTP_USER_1: 'user',
      SMTP_PASSWORD_1: '${not a variable} "\' #',
      ...(preset.regions.length === 0 ? {} : { SMTP_REGION_1: 'latam', SMTP_REGION_12: 'us' }),
    });
    const { preset: name, ...policy } = policyOf(`preset: ${preset.name}\n`, env);
    const { preset: none, ...shown } = policyOf(presetText(preset, env), env);
    expect([name, none]).toEqual([preset.name, null]);
    expect(shown).toEqual(policy);
    const servers = Object.values(policy.egress).filter(({ type }) => type === 'smtp');
    expect(servers).toHaveLength(preset.servers);
    expect(servers[0]).toMatchObject({ port: 2525, tls: 'implicit', address: '192.0.2.1', username: 'user' });
    expect(servers.every(({ dailyLimit }) => dailyLimit === preset.dailyLimit)).toBe(true);
    expect(presetText(preset, env)).not.toContain('not a variable');
  }
});

test('geographic: .com leaves by US servers, .es and .eu by European, .mx, .br and .ar by Latin American, others by all', () => {
  const policy = policyOf('preset: geographic\n', hosts(12));
  const [us, eu, latam] = [
    'owned-us: smtp-1 smtp-2 smtp-3 smtp-4',
    'owned-eu: smtp-5 smtp-6 smtp-7 smtp-8',
    'owned-latam: smtp-9 smtp-10 smtp-11 smtp-12',
  ];
  expect(exitsTo(policy, 'gmail.com')).toEqual([us, eu, latam]);
  for (const domain of ['correo.es', 'europa.eu']) expect(exitsTo(policy, domain)).toEqual([eu, us, latam]);
  for (const domain of ['a.mx', 'a.com.br', 'a.com.ar']) expect(exitsTo(policy, domain)).toEqual([latam, us, eu]);
  const all = Array.from({ length: 12 }, (_, index) => `smtp-${index + 1}`).join(' ');
  expect(exitsTo(policy, 'a.example')).toEqual([`owned: ${all}`]);
  expect(policy.egress['smtp-5']?.region).toBe('eu');
});

test('SMTP_REGION_n says where a server stands', () => {
  const env = hosts(12, { SMTP_REGION_1: 'latam', SMTP_REGION_12: 'us' });
  const policy = policyOf('preset: geographic\n', env);
  expect(policy.pools['owned-us']?.members).toEqual(['smtp-2', 'smtp-3', 'smtp-4', 'smtp-12']);
  expect(policy.pools['owned-latam']?.members).toEqual(['smtp-1', 'smtp-9', 'smtp-10', 'smtp-11']);
  expect(policy.egress['smtp-1']?.region).toBe('latam');
});

describe('custom', () => {
  test('makes a preset of a few figures', () => {
    const text = 'custom: { servers: 8, dailyLimit: 600, sendgrid: 2000, warmup: true, regions: [us, eu, latam] }\n';
    const policy = policyOf(text, hosts(8));
    const sizes = ['owned-us', 'owned-eu', 'owned-latam'].map((pool) => policy.pools[pool]?.members.length);
    expect(sizes).toEqual([3, 3, 2]);
    expect(policy.egress['smtp-8']).toMatchObject({ dailyLimit: 600, warmup: {}, region: 'latam' });
    expect(policy.egress['sendgrid']).toMatchObject({ dailyLimit: 2000, cost: null });
    expect(policy.routes.map(({ use }) => use.at(-1))).toEqual(['cloud', 'cloud', 'cloud', 'cloud']);
  });

  test('needs only the number of servers, which may come from a variable', () => {
    const policy = policyOf('custom: { servers: "${SERVERS}" }\n', hosts(2, { SERVERS: '2' }));
    expect(Object.keys(policy.egress)).toEqual(['smtp-1', 'smtp-2']);
    expect(policy.egress['smtp-1']).toMatchObject({ dailyLimit: 500, warmup: {} });
    const cold = policyOf('custom: { servers: 1, warmup: false }\n', hosts(1));
    expect(cold.egress['smtp-1']?.warmup).toBeNull();
  });

  test.each([
    ['{ servers: 0 }', '2:20 custom.servers: expected a positive number, found 0'],
    ['{ servers: 101 }', '2:20 custom.servers: expected at most 100 servers, found 101'],
    ['{ dailyLimit: 5 }', '2:1 custom.servers: is required'],
    ['{ servers: 2, sendgird: 5 }', '2:23 custom.sendgird: unknown key, did you mean "sendgrid"?'],
    ['{ servers: 2, regions: [us, asia] }', '2:37 custom.regions[1]: expected one of us, eu, latam, found "asia"'],
    ['{ servers: 2, regions: [us, us] }', '2:32 custom.regions: expected each region once, found a list'],
    [
      '{ servers: 2, regions: [us, eu, latam] }',
      '2:9 custom: no server is in region latam: expected at least one (SMTP_REGION_n says which)',
    ],
    ['8', '2:9 custom: expected a mapping, found a single value'],
  ])('%s is refused', (custom, problem) => {
    expect(problemsOf(`custom: ${custom}\nroutes: [{ name: r, use: [owned] }]\n`, hosts(2))).toEqual([problem]);
  });

  test('and preset do not go together', () => {
    expect(problemsOf('preset: starter\ncustom: { servers: 2 }\n', hosts(2))).toEqual([
      '3:1 custom: does not go together with preset, which is on line 2: one of them is null',
    ]);
    expect(Object.keys(policyOf('preset: null\ncustom: { servers: 2 }\n', hosts(2)).egress)).toHaveLength(2);
  });
});

describe('what is missing is named', () => {
  test('servers and key, at the line of the preset', () => {
    expect(problemsOf('preset: hybrid-basic\n', {})).toEqual([
      '2:9 preset: hybrid-basic needs 3 servers and SendGrid: SMTP_HOST_1, SMTP_HOST_2, SMTP_HOST_3 and SENDGRID_API_KEY are not set in the environment of this process',
    ]);
    expect(problemsOf('preset: hybrid-basic\n', { ...hosts(3), SENDGRID_API_KEY: undefined })).toEqual([
      '2:9 preset: hybrid-basic needs 3 servers and SendGrid: SENDGRID_API_KEY is not set in the environment of this process',
    ]);
    expect(problemsOf('preset: starter\n', {})).toEqual([
      '2:9 preset: starter needs a server: SMTP_HOST_1 is not set in the environment of this process',
    ]);
  });

  test('a variable that is set to nothing is not set', () => {
    expect(problemsOf('preset: basic-dual\n', hosts(2, { SMTP_HOST_2: ' ' }))).toHaveLength(1);
    const env = hosts(2, { SMTP_PORT_1: '', SMTP_USER_1: '', SMTP_PASSWORD_1: '' });
    expect(policyOf('preset: basic-dual\n', env).egress['smtp-1']).toMatchObject({ port: 587, username: null });
  });

  test('a hole in the numbers', () => {
    expect(problemsOf('preset: basic-dual\n', { SMTP_HOST_1: 'a', SMTP_HOST_3: 'c' })).toEqual([
      '2:9 preset: basic-dual needs 2 servers: SMTP_HOST_2 is not set in the environment of this process; SMTP_HOST_3 is: numbers run from 1 without a hole',
    ]);
  });

  test.each(['SMTP_HOST', 'SMTP_HOST1', 'SMTP_HOST_01', 'smtp_host_1'])(
    'a variable with nearly the name: %s',
    (name) => {
      expect(problemsOf('preset: starter\n', { [name]: 'a.example' })).toEqual([
        `2:9 preset: starter needs a server: SMTP_HOST_1 is not set in the environment of this process; ${name} is: the name is SMTP_HOST_1`,
      ]);
    },
  );

  test('more servers than the preset has are no mistake', () => {
    expect(Object.keys(policyOf('preset: basic-dual\n', hosts(5)).egress)).toEqual(['smtp-1', 'smtp-2']);
    expect(warningsOf('preset: basic-dual\n', hosts(5))).toEqual([]);
  });
});

describe('what is wrong with a variable is told by its name, and never what it holds', () => {
  test.each([
    [
      'SMTP_HOST_2',
      'hunter2 x',
      'preset: SMTP_HOST_2: expected a host name or an address alone; its port is SMTP_PORT_2',
    ],
    [
      'SMTP_HOST_2',
      'hunter2:25',
      'preset: SMTP_HOST_2: expected a host name or an address alone; its port is SMTP_PORT_2',
    ],
    [
      'SMTP_PORT_2',
      'hunter2',
      'egress.smtp-2.port: expected a port from 1 to 65535, found the value of ${SMTP_PORT_2}',
    ],
    ['SMTP_PORT_2', '70000', 'egress.smtp-2.port: expected a port from 1 to 65535, found the value of ${SMTP_PORT_2}'],
    [
      'SMTP_TLS_2',
      'hunter2',
      'egress.smtp-2.tls: expected one of starttls, implicit, opportunistic, none, found the value of ${SMTP_TLS_2}',
    ],
    ['SMTP_IP_2', 'hunter2', 'egress.smtp-2.address: expected an IP address, found the value of ${SMTP_IP_2}'],
    ['SMTP_REGION_2', 'hunter2', 'preset: SMTP_REGION_2: expected one of us, eu, latam'],
    [
      'SMTP_USER_2',
      'hunter2',
      'preset: SMTP_USER_2 is set and SMTP_PASSWORD_2 is not: a server has both, or neither and is used without AUTH',
    ],
    [
      'SMTP_PASSWORD_2',
      'hunter2',
      'preset: SMTP_PASSWORD_2 is set and SMTP_USER_2 is not: a server has both, or neither and is used without AUTH',
    ],
  ])('%s=%s', (name, value, problem) => {
    expect(problemsOf('preset: geographic\n', hosts(12, { [name]: value }))).toEqual([`2:9 ${problem}`]);
  });

  test('whatever the environment holds', () => {
    const names = ['HOST', 'PORT', 'TLS', 'IP', 'REGION', 'USER', 'PASSWORD'].map((name) => `SMTP_${name}_1`);
    const text = fc.string().map((noise) => `hunter2${noise}`);
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names, 'SENDGRID_API_KEY'), text), (env) => {
        const result = loadText(`${HEAD}preset: geographic\n`, { ...hosts(12), ...env });
        const told = result.kind === 'refused' ? JSON.stringify(result.problems) : result.warnings.join('\n');
        expect(told).not.toContain('hunter2');
      }),
    );
  });
});

test('an unknown preset is refused with the nearest name, and nothing else is held against the file', () => {
  const problems = problemsOf('preset: hybrid-basc\nroutes: [{ name: r, use: [owned] }]\n', hosts(3));
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(
    /^2:9 preset: expected one of starter, .*, found "hybrid-basc", did you mean "hybrid-basic"\?$/,
  );
});

test('a preset may come from a variable', () => {
  expect(policyOf('preset: ${PRESET}\n', hosts(2, { PRESET: 'basic-dual' })).preset).toBe('basic-dual');
});

test('one server under two numbers is warned of', () => {
  const env = { SMTP_HOST_1: 'a.example', SMTP_HOST_2: 'A.example', SMTP_PORT_2: '587' };
  expect(warningsOf('preset: basic-dual\n', env)).toEqual([
    '2:9 preset: smtp-2 is the same server as smtp-1: its limit and its reputation are counted twice',
  ]);
});

test('the text of a preset is shown without any environment, with what it can be filled from', () => {
  const preset = presetOf('hybrid-basic');
  const text = preset === undefined ? '' : presetText(preset, {});
  for (const variable of ['SMTP_HOST_3', 'SMTP_USER_3', 'SMTP_PASSWORD_3'])
    expect(text).toContain(`: \${${variable}}\n`);
  expect(text).toContain('"${SENDGRID_API_KEY}"');
});
