import { expect, test } from 'vitest';
import type { z } from 'zod';
import { HOOK, ONCALL, openAlertingWorld } from '../../../tests/fakes/alerting-rig.ts';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { MemoryMarks } from '../../../tests/fakes/marks.ts';
import { alertOperations } from '../../operations/alert-operations.ts';
import { clientOperations } from '../../operations/client-operations.ts';
import type { Operations } from '../../operations/operations.ts';
import { policySchema } from '../../policy/schema.ts';
import type { Count } from '../../spool/tallies.ts';
import type { ApiRoute } from '../route.ts';
import { alertRoutes } from './alerts.ts';
import { clientRoutes } from './clients.ts';

/** Runs a call, and holds what it answers to its own schema. */
async function run(routes: readonly ApiRoute[], call: string, params: Readonly<Record<string, string>> = {}) {
  const route = routes.find(({ method, path }) => `${method} ${path}` === call);
  if (route === undefined) throw new Error(`no ${call}`);
  const principal = { kind: 'user', name: 'ana', scopes: [], peer: '192.0.2.1' } as const;
  const asked = { principal, params, query: {}, body: {}, header: () => null, signal: new AbortController().signal };
  const reply = await route.run(asked as unknown as Parameters<ApiRoute['run']>[0]);
  if (reply.kind !== 'json')
    return { status: reply.kind === 'answer' ? reply.answer.status : 0, value: null, change: null };
  return { status: 200, value: (route.answer as z.ZodType).parse(reply.value), change: reply.change ?? null };
}

test('alerts are listed with what is known of each, acknowledged once, and known when they are over', async () => {
  const world = openAlertingWorld({ to: [ONCALL, HOOK] });
  await using node = world.start();
  const { marks, clock } = world;
  const operations = alertOperations({
    marks,
    clock,
    isShared: false,
    test: () => node.test(),
  }) as unknown as Operations;
  const routes = alertRoutes({ operations });
  node.raise('egress-down:ip-1', 'ip-1 is down');
  await clock.advance(1_000);
  const fresh = await run(routes, 'GET /api/v1/alerts');
  expect(fresh.value).toMatchObject({
    alerts: [{ name: 'egress-down:ip-1', kind: 'egress-down', about: 'ip-1', toldAtMs: null }],
  });
  await clock.advance(60_000);
  expect((await run(routes, 'GET /api/v1/alerts')).value).toMatchObject({
    alerts: [{ toldAtMs: expect.any(Number) }],
    past: [],
  });
  const acknowledge = (name: string) => run(routes, 'POST /api/v1/alerts/{name}/acknowledge', { name });
  expect((await acknowledge('egress-down:ip-9')).status).toBe(404);
  const seen = await acknowledge('egress-down:ip-1');
  expect(seen).toMatchObject({ value: { changed: 1 }, change: { what: 'alert.acknowledge', on: 'egress-down:ip-1' } });
  expect((await acknowledge('egress-down:ip-1')).value).toMatchObject({ changed: 0 });
  expect((await run(routes, 'GET /api/v1/alerts')).value).toMatchObject({ alerts: [{ acknowledged: { by: 'ana' } }] });
  node.clear('egress-down:ip-1', 'ip-1 works again');
  await clock.advance(600_000);
  expect((await run(routes, 'GET /api/v1/alerts')).value).toMatchObject({
    alerts: [],
    past: [{ name: 'egress-down:ip-1', text: 'ip-1 works again', overAtMs: expect.any(Number) }],
  });
  const tried = await run(routes, 'POST /api/v1/alerts/test');
  expect(tried.value).toEqual({
    destinations: [
      { to: ONCALL, kind: 'mail', problem: null },
      { to: 'hooks.example.com', kind: 'webhook', problem: null },
    ],
    sent: 2,
    failed: 0,
    failures: '',
  });
  world.answer = 403;
  const refused = await run(routes, 'POST /api/v1/alerts/test');
  expect(refused.value).toMatchObject({
    sent: 1,
    failed: 1,
    failures: expect.stringMatching(/^hooks\.example\.com: .*403/),
  });
});

test('clients are listed with what is held and what their software does, and let go by name', async () => {
  const clock = new FakeClock();
  const marks = new MemoryMarks();
  const counts: Count[] = [
    { account: 'habit:crm:message', startsAtMs: 0, amount: 40 },
    { account: 'habit:crm:session', startsAtMs: 0, amount: 40 },
    { account: 'habit:crm:old-tls', startsAtMs: 0, amount: 10 },
    { account: 'guard:crm:recipients', startsAtMs: clock.nowMs(), amount: 7 },
  ];
  const policy = policySchema.parse({ hostname: 'a', clients: { crm: { networks: ['10.0.0.0/24'], senders: ['*'] } } });
  const released: object[] = [];
  const spool = {
    hold: async () => 0,
    release: async (filter: object) => released.push(filter),
    list: async () => [],
    story: async () => null,
  };
  const tallies = { counts: async (prefix: string) => counts.filter(({ account }) => account.startsWith(prefix)) };
  const operations = clientOperations({
    policy: () => policy,
    clock,
    marks,
    tallies,
    spool,
    wake: () => {},
  }) as unknown as Operations;
  const routes = clientRoutes({ operations, policy: () => policy });
  await marks.mark([
    { name: 'guard-hold:crm', text: '{"client":"crm","id":"x","sinceMs":5,"reason":"9000 recipients"}', atMs: 5 },
  ]);
  const { value } = await run(routes, 'GET /api/v1/clients');
  expect(value).toMatchObject({
    clients: [
      {
        client: 'crm',
        held: { sinceMs: 5, reason: '9000 recipients' },
        hour: { recipients: 7, fresh: 0 },
        guard: { enabled: true, knownSinceMs: null },
        profile: {
          messages: 40,
          habits: [
            { habit: 'old-tls', messages: 10, share: 0.25, needsAttention: true },
            { habit: 'one-message', needsAttention: false },
          ],
        },
      },
    ],
  });
  const release = (name: string) => run(routes, 'POST /api/v1/clients/{name}/release', { name });
  expect((await release('nobody')).status).toBe(404);
  expect(await release('crm')).toMatchObject({
    value: { released: true },
    change: { what: 'client.release', on: 'crm' },
  });
  expect(await release('crm')).toMatchObject({ value: { released: false }, change: null });
});
