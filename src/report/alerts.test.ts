import { expect, test } from 'vitest';
import { createAlerts } from './alerts.ts';

test('an alert is in force from the first raising until it is cleared', () => {
  const alerts = createAlerts();
  alerts.sink({ event: 'alert', atMs: 10, name: 'disk', text: 'nearly full', raised: true });
  alerts.sink({ event: 'alert', atMs: 20, name: 'disk', text: 'full', raised: true });
  alerts.sink({ event: 'alert', atMs: 30, name: 'dns', text: 'no answer', raised: true });
  expect(alerts.raised()).toEqual([
    { name: 'disk', text: 'full', sinceMs: 10 },
    { name: 'dns', text: 'no answer', sinceMs: 30 },
  ]);
  alerts.sink({ event: 'alert', atMs: 40, name: 'disk', text: 'space again', raised: false });
  expect(alerts.raised().map((alert) => alert.name)).toEqual(['dns']);
});

test('other events raise nothing', () => {
  const alerts = createAlerts();
  alerts.sink({ event: 'failed', atMs: 1, where: 'here', cause: 'x' });
  expect(alerts.raised()).toEqual([]);
});

test('however many alerts of one kind there are, one of another is kept, and of their own the newest', () => {
  const alerts = createAlerts();
  const raise = (name: string, raised = true): void =>
    alerts.sink({ event: 'alert', atMs: 1, name, text: name, raised });
  raise('disk');
  for (let count = 0; count < 5_000; count++) raise(`site-blocked:ip-${count}`);
  raise('egress-down:ip-1');
  const names = alerts.raised().map(({ name }) => name);
  expect(names).toHaveLength(202);
  expect(names).toEqual(expect.arrayContaining(['disk', 'egress-down:ip-1', 'site-blocked:ip-4999']));
  for (let count = 0; count < 5_000; count++) raise(`site-blocked:ip-${count}`, false);
  expect(alerts.raised().map(({ name }) => name)).toEqual(['disk', 'egress-down:ip-1']);
});
