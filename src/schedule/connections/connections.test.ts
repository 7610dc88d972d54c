import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { fakeQuotas, type FakeQuotas } from '../../../tests/fakes/quotas.ts';
import { policySchema } from '../../policy/schema.ts';
import { Connections, type ConnectionsNeeds } from './connections.ts';

const SECOND = 1_000;
const POLICY = policySchema.parse({
  hostname: 'relay.test',
  egress: {
    'ip-1': { type: 'mx', connections: 10 },
    aside: { type: 'sandbox', path: 'aside' },
  },
});

type Process = { readonly connections: Connections; inFlight: number; sent: number };

/** One of several that always have mail for an exit, each message of which takes 300 ms. */
function processOf(
  of: { readonly clock: FakeClock; readonly quotas: FakeQuotas; readonly holder: string },
  needs: Partial<ConnectionsNeeds>,
): Process {
  const { clock } = of;
  const begin = (): void => {
    for (;;) {
      const { concurrency } = connections.of('ip-1', { most: 10, inFlight: process.inFlight });
      if (connections.stateOf('ip-1', process.inFlight) !== null) {
        connections.want('ip-1', process.inFlight);
        return;
      }
      if (process.inFlight >= concurrency) return;
      process.inFlight += 1;
      connections.used('ip-1');
      clock.after(300, () => {
        process.inFlight -= 1;
        process.sent += 1;
        begin();
      });
    }
  };
  const connections: Connections = new Connections({
    policy: () => POLICY,
    ...of,
    isShared: () => false,
    share: (limit) => limit,
    openOf: () => process.inFlight,
    inFlightOf: () => process.inFlight,
    trim: () => {},
    lost: () => {},
    changed: () => begin(),
    failed: () => {},
    ...needs,
  });
  const process: Process = { connections, inFlight: 0, sent: 0 };
  const tick = (): void => {
    connections.tick();
    begin();
    clock.after(SECOND, tick);
  };
  tick();
  return process;
}

test('a process that nobody shares with has all of an exit, and asks no one', async () => {
  const clock = new FakeClock();
  const quotas = Object.assign(fakeQuotas(clock), { failing: 'undone' });
  const one = processOf({ clock, quotas: quotas as FakeQuotas, holder: 'a' }, {});
  await clock.advance(SECOND);
  expect(one.inFlight).toBe(10);
  expect(one.connections.most('ip-1')).toBe(10);
  const half = processOf(
    { clock, quotas: quotas as FakeQuotas, holder: 'b' },
    { share: (limit) => limit / 2, paceOf: () => 0.5 },
  );
  await clock.advance(SECOND);
  expect(half.inFlight).toBe(2);
  expect([half.connections.most('ip-1'), half.connections.most('aside')]).toEqual([5, null]);
});

test('what is explained of an exit that others share is that it may be used, though nothing was asked for yet', () => {
  const clock = new FakeClock();
  const idle = { policy: () => POLICY, clock, quotas: fakeQuotas(clock), holder: 'a', share: (limit: number) => limit };
  const none = {
    openOf: () => 0,
    inFlightOf: () => 0,
    trim: () => {},
    lost: () => {},
    changed: () => {},
    failed: () => {},
  };
  const connections = new Connections({ ...idle, ...none, isShared: () => true });
  expect(connections.of('ip-1', { most: 10, inFlight: 0 })).toEqual({ concurrency: 1, sharedConcurrency: 10 });
  expect(connections.of('aside', { most: 10, inFlight: 0 })).toEqual({ concurrency: 10 });
  expect(connections.stateOf('aside', 0)).toBeNull();
});

test.each([false, true])(
  'an exit that is tried again has one message at a time of all workers, in turn; over nodes: %s',
  async (isShared) => {
    const clock = new FakeClock();
    const quotas = Object.assign(fakeQuotas(clock), { latencyMs: () => 3 });
    let isProbed = true;
    const needs = { isShared: () => isShared, isProbed: () => isProbed };
    const all = ['a', 'b', 'c'].map((holder) => processOf({ clock, quotas, holder }, needs));
    let most = 0;
    for (let step = 0; step < 300; step++) {
      await clock.advance(100);
      most = Math.max(
        most,
        all.reduce((sum, { inFlight }) => sum + inFlight, 0),
      );
    }
    expect(most).toBe(1);
    for (const { sent } of all) expect(sent).toBeGreaterThan(5);
    isProbed = false;
    await clock.advance(10 * SECOND);
    expect(all.reduce((sum, { inFlight }) => sum + inFlight, 0)).toBe(isShared ? 10 : 30);
  },
);
