import { expect, test } from 'vitest';
import { WorkerAlerts } from './worker-alerts.ts';

function alert(raised: boolean, text = 'one rests', name = 'egress-resting:one') {
  return { event: 'alert', atMs: 1, name, text, raised } as const;
}

test('an alert that two workers raise is told once, and is over with the last of them', () => {
  const alerts = new WorkerAlerts();
  expect(alerts.merge(1, alert(true))).toEqual(alert(true));
  expect(alerts.merge(2, alert(true))).toBeNull();
  expect(alerts.merge(2, alert(true, 'one rests longer'))).toEqual(alert(true, 'one rests longer'));
  expect(alerts.merge(1, alert(false))).toBeNull();
  expect(alerts.merge(2, alert(false))).toEqual(alert(false));
});

test('one that was never raised may be over, as with one worker', () => {
  expect(new WorkerAlerts().merge(1, alert(false))).toEqual(alert(false));
});

test('what only a dead worker had raised is over', () => {
  const alerts = new WorkerAlerts();
  alerts.merge(1, alert(true));
  alerts.merge(2, alert(true));
  alerts.merge(2, alert(true, 'no key', 'dkim-key:a'));
  expect(alerts.forget(2, 9)).toEqual([{ ...alert(false, 'no key', 'dkim-key:a'), atMs: 9 }]);
  expect(alerts.forget(1, 9)).toEqual([{ ...alert(false), atMs: 9 }]);
});
