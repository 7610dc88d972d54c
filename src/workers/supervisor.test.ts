import { randomUUID } from 'node:crypto';
import { MessageChannel } from 'node:worker_threads';
import { expect, test, vi } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import type { MailPath } from '../mail-path.ts';
import type { Event } from '../message/event.ts';
import type { DeliveryId } from '../message/ids.ts';
import { type Policy, policySchema } from '../policy/schema.ts';
import { startSupervisor } from './supervisor.ts';

/** Two workers with threads of their own that take no mail: `tests/fakes/worker-entry.ts`. */
class Rig implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly events: Event[] = [];
  readonly name = `${randomUUID()}.test`;
  readonly #channel = new BroadcastChannel(this.name);
  policy = this.policyFor('fine');
  version = 'v1';
  path!: MailPath;

  static async start(manner = 'fine'): Promise<Rig> {
    const rig = new Rig();
    rig.policy = rig.policyFor(manner);
    rig.path = await startSupervisor({
      workers: 2,
      clock: rig.clock,
      emit: (event) => void rig.events.push(event),
      reach: () => ({ kind: 'port', port: new MessageChannel().port1 }),
      onReachLost: () => () => {},
      policy: () => rig.policy,
      version: () => rig.version,
      entry: new URL('../../tests/fakes/worker-entry.ts', import.meta.url),
    });
    return rig;
  }

  /** @param manner how the workers behave under it */
  policyFor(manner: string): Policy {
    return { ...policySchema.parse({ hostname: this.name, postmaster: `${manner}@relay.test` }), listen: [] };
  }

  /** What the workers said by that name, each with its worker. */
  said(where: string): string[] {
    return this.events.flatMap((one) =>
      one.event === 'failed' && one.where === where ? [`${one.worker ?? '-'} ${one.cause}`] : [],
    );
  }

  /** As the relay does it. */
  async reload(manner: string, version: string): Promise<readonly string[]> {
    const next = this.policyFor(manner);
    const prepared = await this.path.prepare(next, version);
    if (prepared.kind === 'refused') return prepared.problems;
    prepared.use();
    [this.policy, this.version] = [next, version];
    await this.path.follow();
    return [];
  }

  break(worker: number): void {
    this.#channel.postMessage(worker);
  }

  /** In real time, since threads have one of their own; `stepMs` of the clock's goes by at each look. */
  until(what: () => void, { stepMs = 0 }: { readonly stepMs?: number } = {}): Promise<void> {
    const look = async (): Promise<void> => {
      if (stepMs > 0) await this.clock.advance(stepMs);
      what();
    };
    return vi.waitFor(look, { timeout: 10_000, interval: 10 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#channel.close();
    await this.path[Symbol.asyncDispose]();
  }
}

test('every worker starts with the policy in force, and a reload reaches all with one version', async () => {
  await using rig = await Rig.start();
  await rig.until(() => expect(rig.said('start').toSorted()).toEqual(['1 v1 of 2', '2 v1 of 2']));
  expect(await rig.reload('fine', 'v2')).toEqual([]);
  await rig.until(() => expect(rig.said('swap').toSorted()).toEqual(['1 v2', '2 v2']));
  expect(rig.path.doors()).toEqual({ addresses: [], problems: [] });
});

test('a policy that one worker refuses reaches none', async () => {
  await using rig = await Rig.start();
  expect(await rig.reload('two-refuses', 'v2')).toEqual(['no such key']);
  expect(await rig.reload('fine', 'v3')).toEqual([]);
  await rig.until(() => expect(rig.said('swap')).toHaveLength(2));
  expect(rig.said('swap').toSorted()).toEqual(['1 v3', '2 v3']);
});

test('a worker that does not answer keeps a policy from being swapped in, and nothing waits for ever', async () => {
  await using rig = await Rig.start('two-silent');
  const reload = rig.reload('fine', 'v2');
  let problems: readonly string[] = [];
  void reload.then((told) => (problems = told));
  await rig.until(() => expect(problems).toEqual(['worker 2 could not make ready: no answer within 10000 ms']), {
    stepMs: 1_000,
  });
  expect(rig.said('swap')).toEqual([]);
});

test('a worker that hangs over a new policy is ended, and started again with that policy', async () => {
  await using rig = await Rig.start();
  await rig.until(() => expect(rig.said('start')).toHaveLength(2));
  const reload = rig.reload('two-hangs', 'v2');
  await rig.until(() => expect(rig.said('start').at(-1)).toBe('2 v2 of 2'), { stepMs: 500 });
  expect(await reload).toEqual([]);
  expect(rig.said('swap')).toEqual(['1 v2']);
  expect(rig.said('worker')[0]).toBe('- worker 2: it does not follow the policy: no answer within 10000 ms');
});

test('a worker that breaks is started again after a while that grows; the other goes on', async () => {
  await using rig = await Rig.start();
  await rig.until(() => expect(rig.said('start')).toHaveLength(2));
  const waits = [100, 200, 400];
  for (const [round, waitMs] of waits.entries()) {
    rig.break(2);
    await rig.until(() => expect(rig.said('worker')).toHaveLength(round + 1));
    expect(rig.said('worker').at(-1)).toContain(`started again in ${waitMs} ms: Error: worker 2 was told to break`);
    expect(await rig.path.figures()).toMatchObject({ connectionsIn: 10, connectionsOut: 1, workers: 1 });
    expect(rig.path.notReady()).toEqual([]);
    await rig.clock.advance(waitMs - 1);
    expect(rig.said('start')).toHaveLength(2 + round);
    await rig.until(() => expect(rig.said('start')).toHaveLength(3 + round), { stepMs: 1 });
    await rig.until(() =>
      expect(rig.events.filter(({ event }) => event === 'worker-restarted')).toHaveLength(round + 1),
    );
  }
  expect(await rig.path.figures()).toEqual({
    connectionsIn: 30,
    connectionsOut: 3,
    workers: 2,
    closedExits: ['of-all'],
    sites: [{ provider: 'google', inFlight: 3, slowed: 2, blocked: 0 }],
    exits: [{ egress: 'ip-1', connections: 3, nextAtMs: 500 }],
  });
  // Once is bad luck; again within a minute is for somebody to look at.
  const alerts = (): unknown[] =>
    rig.events.flatMap((one) => (one.event === 'alert' ? [[one.name, one.raised, one.text.slice(0, 30)]] : []));
  const raised = ['worker-failing:2', true, 'worker 2 ends again and again:'];
  expect(alerts()).toEqual([raised, raised]);
  const well = ['worker-failing:2', false, 'worker 2 is well again'];
  await rig.until(() => expect(alerts().at(-1)).toEqual(well), { stepMs: 1_000 });
  expect(rig.said('start')).toHaveLength(5);
});

test('a worker that hangs is ended and started again', async () => {
  await using rig = await Rig.start('two-silent');
  await rig.until(() => expect(rig.said('start')).toHaveLength(2));
  await rig.until(() => expect(rig.said('worker')[0]).toMatch(/worker 2: it hangs, and is ended: no answer/), {
    stepMs: 500,
  });
  expect(rig.clock.monotonicMs()).toBeGreaterThan(45_000);
  await rig.until(() => expect(rig.said('start')).toHaveLength(3), { stepMs: 50 });
  expect(
    rig
      .said('start')
      .map((text) => text.slice(0, 1))
      .toSorted(),
  ).toEqual(['1', '2', '2']);
});

test('the others are told of a worker that is gone and of one that comes', async () => {
  await using rig = await Rig.start();
  rig.break(1);
  await rig.until(() => expect(rig.said('gone')).toEqual(['2 ']));
  await rig.until(() => expect(rig.said('introduce')).toContain('2 '), { stepMs: 50 });
});

test('workers that cannot start at all are said to be why nothing is taken', async () => {
  await using rig = await Rig.start('dead');
  expect(rig.path.doors().addresses).toEqual([]);
  expect(rig.path.notReady()[0]).toMatch(/^no worker runs: Error: dead from the start/);
  await expect(rig.path.explain('x' as DeliveryId)).rejects.toThrow('no worker answers');
});

test('figures are the sum of those who answer; who does not is told, and not waited for', async () => {
  await using rig = await Rig.start();
  expect(await rig.path.figures()).toEqual({
    connectionsIn: 30,
    connectionsOut: 3,
    workers: 2,
    closedExits: ['of-all'],
    sites: [{ provider: 'google', inFlight: 3, slowed: 2, blocked: 0 }],
    exits: [{ egress: 'ip-1', connections: 3, nextAtMs: 500 }],
  });
  await using lame = await Rig.start('two-silent');
  let figures: unknown = null;
  void lame.path.figures().then((sum) => (figures = sum));
  const sites = [{ provider: 'google', inFlight: 1, slowed: 1, blocked: 0 }];
  const exits = [{ egress: 'ip-1', connections: 1, nextAtMs: null }];
  const ofOne = { connectionsIn: 10, connectionsOut: 1, workers: 1, closedExits: ['of-all', 'of-1'], sites, exits };
  await lame.until(() => expect(figures).toEqual(ofOne), { stepMs: 50 });
  await lame.until(() => expect(lame.said('worker')).toEqual(['- worker 2: its figures: no answer within 1000 ms']));
});

test('what one worker knows of a site is told as its own', async () => {
  await using rig = await Rig.start();
  const facts = { client: '', stream: 'x', senderDomain: 'a.test', recipientDomain: 'b.test' };
  const { site } = await rig.path.explainMail({ ...facts, priority: 'normal', tag: null, sizeBytes: 1 });
  expect(site).toBe('google: 0 of 5 connections (in one of 2 workers, which share what the site takes)');
});

test('who holds a delivery explains it', async () => {
  await using rig = await Rig.start();
  expect(await rig.path.explain('x' as DeliveryId)).toMatchObject([{ state: 'in flight', why: ['worker 2'] }]);
});

test('a stop ends all; a second signal ends those that hang', async () => {
  await using rig = await Rig.start();
  await rig.path.stop(new AbortController().signal);
  await using lame = await Rig.start('two-silent');
  const atOnce = new AbortController();
  const stopped = lame.path.stop(atOnce.signal);
  atOnce.abort();
  await lame.until(() => expect(lame.said('hurry').toSorted()).toEqual(['1 ', '2 ']));
  await lame.clock.advance(1_000);
  await stopped;
});
