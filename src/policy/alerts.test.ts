import { expect, test } from 'vitest';
import { problemsIn } from '../../tests/fakes/policy-text.ts';
import { policySchema } from './schema.ts';

const alertsOf = (alerts: object, more: object = {}) =>
  policySchema.parse({ hostname: 'a.example', alerts, ...more }).alerts;

test('who is told: addresses, URLs, those of Slack in its form, and each from a severity on', () => {
  const to = [
    'oncall@example.com',
    'https://hooks.example.com/relevo',
    'https://hooks.slack.com/services/T/B/x',
    { mail: 'boss@example.com', severity: 'critical' },
    { url: 'https://chat.example.com/in', form: 'slack', secret: 'hush', severity: 'warning' },
  ];
  const webhook = { kind: 'webhook', secret: null, least: 'info' };
  expect(alertsOf({ to }).to).toEqual([
    { kind: 'mail', address: 'oncall@example.com', least: 'info' },
    { ...webhook, url: to[1], form: 'json' },
    { ...webhook, url: to[2], form: 'slack' },
    { kind: 'mail', address: 'boss@example.com', least: 'critical' },
    { kind: 'webhook', url: 'https://chat.example.com/in', form: 'slack', secret: 'hush', least: 'warning' },
  ]);
});

test('a postmaster whom the policy names is told where it says nobody, and no other is', () => {
  expect(alertsOf({}, { postmaster: 'post@example.com' }).to).toEqual([
    { kind: 'mail', address: 'post@example.com', least: 'info' },
  ]);
  expect(alertsOf({}).to).toEqual([]);
  expect(alertsOf({ to: [] }, { postmaster: 'post@example.com' }).to).toEqual([]);
});

test('rules have sane defaults, and are switched off one by one', () => {
  expect(alertsOf({})).toMatchObject({ failureRate: 10, queueAge: 1_800_000, repeat: 86_400_000, off: [] });
  expect(alertsOf({ failureRate: null, queueAge: null, off: ['budget'] })).toMatchObject({ failureRate: null });
});

test.each([
  ['a kind that there is not', 'alerts: { off: [budgets] }', 'alerts.off[0]: expected one of egress-down, '],
  ['clear text over the net', 'alerts: { to: ["http://hooks.example.com/x"] }', 'alerts.to[0]: expected'],
  ['no time', 'alerts: { quiet: [{ from: "24:00", to: "07:00" }] }', 'alerts.quiet[0].from: expected a time'],
  ['a quiet time without end', 'alerts: { quiet: [{ from: "07:00", to: "07:00" }] }', 'expected another time'],
  ['a report to nobody', 'reports: [{ every: day, to: [] }]', 'reports[0].to: expected at least one address'],
])('%s is refused, with its place', (_, line, problem) => {
  expect(problemsIn(`hostname: a\n${line}\n`).join('\n')).toContain(problem);
});
