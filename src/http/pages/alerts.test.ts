import { expect, test } from 'vitest';
import { ask, EVIL, expectHarmless, NOW_MS, policy } from '../../../tests/fakes/hostile-records.ts';
import { profileOf } from '../../clients/profile.ts';
import type { ClientStatus } from '../../operations/client-operations.ts';
import { alertsPage } from './alerts.ts';

const alert = {
  name: `egress-down:${EVIL}`,
  kind: 'egress-down',
  about: EVIL,
  node: EVIL,
  severity: 'critical' as const,
  text: EVIL,
  todo: 'see',
  sinceMs: NOW_MS - 60_000,
  toldAtMs: null,
  acknowledged: null,
};
const client: ClientStatus = {
  client: EVIL,
  stream: 'marketing',
  held: { sinceMs: NOW_MS - 1_000, reason: EVIL },
  hour: { recipients: 12_345, fresh: 0, bounced: 0, bulk: 0 },
  guard: { enabled: true, knownSinceMs: 1, judgesFromMs: 2, usual: 20, busiest: 30, newRecipients: 0, bounces: 0 },
  profile: profileOf(
    new Map([
      ['message', 10],
      ['old-tls', 10],
    ]),
  ),
};
const page = (seen: typeof alert | null = alert) =>
  alertsPage({
    policy,
    operations: {
      alertList: async () => ({
        alerts: seen === null ? [] : [seen, { ...seen, acknowledged: { by: EVIL, atMs: 1 } }],
        past: [{ name: EVIL, node: null, severity: 'info', text: EVIL, sinceMs: 1, overAtMs: 2 }],
      }),
      clientStatuses: async () => (seen === null ? [] : [client]),
    },
  });

test.each(['en', 'es'] as const)(
  'alerts and clients are shown as text, with what can be done about them (%s)',
  async (language) => {
    const { main } = await page().render(ask('/alerts', { language, scopes: ['read', 'operate'] }));
    const text = String(await main);
    expectHarmless(text);
    expect(text).toContain(
      `data-api="POST /api/v1/alerts/${encodeURIComponent(alert.name)}/acknowledge"`.replaceAll("'", '&#39;'),
    );
    expect(text.match(/\/acknowledge"/g)).toHaveLength(1);
    expect(text).toContain('POST /api/v1/alerts/test');
    expect(text).toMatch(/data-done="[^"]*\{failed\}/);
    expect(text).toContain('data-reply="failures"');
    expect(text).toContain('/release"');
    expect(text).toContain(language === 'es' ? 'como mucho TLS 1.2' : 'TLS 1.2 at best');
    expect(text).toContain(language === 'es' ? '12.345' : '12,345');
  },
);

test('who may only read sees no buttons, and a calm relay says so', async () => {
  const { main } = await page().render(ask('/alerts', { language: 'en', scopes: ['read'] }));
  expect(String(await main)).not.toContain('data-api');
  const calm = await page(null).render(ask('/alerts', { language: 'en', scopes: ['read'] }));
  expect(String(await calm.main)).toContain('No alert is in force.');
});
