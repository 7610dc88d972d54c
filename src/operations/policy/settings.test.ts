import { expect, test } from 'vitest';
import { defaultOf, settingChanges, settingsIn, SETTINGS } from './settings.ts';
import { setValues } from './values.ts';

const TEXT = `hostname: relay.test   # our own name
preset: null           # none yet
egress:
  up: { type: smtp, host: 192.0.2.1, username: u, password: "\${UP_PASSWORD}" }  # the first
  cloud:
    type: sendgrid
    apiKeys: ["\${SG}"]
    dailyLimit: 500    # of the plan
limits:
  recipients: 1000     # per message
alerts: { to: [ops@relay.test] }
`;

const secrets: string[] = [];
function edited(asked: unknown): string {
  secrets.length = 0;
  const changes = settingChanges(TEXT, SETTINGS.parse(asked), (name, text) => {
    secrets.push(`${name} ${text}`);
    return `\${file:${name}}`;
  });
  const result = setValues(TEXT, changes);
  if (result.kind !== 'edited') throw new Error(result.kind);
  return result.text;
}

const UP = { name: 'up', host: '192.0.2.1', username: 'u', tls: 'starttls' };
const CLOUD = { name: 'cloud', dailyLimit: '500' };

test('the form as it is shown changes nothing', () => {
  const found = settingsIn(TEXT);
  expect(found?.exits.map(({ name, hasSecret, dailyLimit }) => [name, hasSecret, dailyLimit])).toEqual([
    ['up', true, ''],
    ['cloud', true, '500'],
  ]);
  expect(JSON.stringify(found)).not.toContain('UP_PASSWORD');
  const asked = { preset: null, exits: { 0: UP, 1: CLOUD }, limits: found?.limits, alerts: { to: ['ops@relay.test'] } };
  expect(edited(asked)).toBe(TEXT);
});

test.each([
  ['a preset', { preset: 'starter' }, 'preset: null ', 'preset: starter '],
  ['a limit', { limits: { recipients: '50' } }, 'recipients: 1000 ', 'recipients: 50 '],
  [
    'a limit that is taken away',
    { exits: { 1: { name: 'cloud', dailyLimit: '' } } },
    '    dailyLimit: 500    # of the plan\n',
    '',
  ],
  ['an exit that rests', { exits: { 0: { ...UP, isEnabled: false } } }, '}" }', '}", enabled: false }'],
  ['who is told', { alerts: { to: ['a@b.test', 'c@d.test'] } }, '[ops@relay.test]', '["a@b.test", "c@d.test"]'],
])('%s is all that changes', (_, asked, from, to) => {
  expect(edited(asked)).toBe(TEXT.replace(from, () => to));
});

test('a secret goes elsewhere, and the policy names it', () => {
  const text = edited({
    exits: { 0: { ...UP, secret: 'hunter2' } },
    added: { type: 'ses', name: 'aws', region: 'eu-west-1', accessKeyId: 'AKIA1', secretAccessKey: 's3cret' },
  });
  expect(text).toContain('password: "${file:up.password}" }  # the first');
  expect(text).toContain('secretAccessKey: "${file:aws.key}"');
  expect(text).not.toMatch(/hunter2|s3cret/);
  expect(secrets).toEqual(['up.password hunter2', 'aws.key s3cret']);
});

test('what holds where nothing is written is known', () => {
  expect([defaultOf('limits', 'recipients'), defaultOf('alerts', 'queueAge'), defaultOf('no', 'such')]).toEqual([
    '1000',
    '30m',
    '',
  ]);
});
