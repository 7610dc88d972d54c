/** What every engine keeps whatever is done in whatever order. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { aSettlement, aSubmission } from '../../tests/fakes/submission.ts';
import { newMessageId, type MessageId } from '../message/ids.ts';
import { PRIORITIES } from '../message/message.ts';
import type { LeasedDelivery, Spool } from './spool.ts';

/** An engine that can be looked into. */
export type OpenedEngine = {
  readonly spool: Spool;
  /** As a relay that was shut down and started. */
  reopened(): Promise<OpenedEngine>;
  /** Fails where indexes and counters are not what the records say; called with the spool closed. */
  agree(): Promise<void>;
  /** Removes it, closed before. */
  remove(): Promise<void>;
};

/** What the outside knows, to compare with what the spool tells. */
type Model = {
  engine: OpenedEngine;
  readonly clock: FakeClock;
  readonly leased: LeasedDelivery[];
  readonly accepted: Map<MessageId, number>;
};

type Step = (model: Model) => Promise<void>;

const domains: fc.Arbitrary<string> = fc.constantFrom('one.test', 'two.test', 'three.test');
const addresses = fc.uniqueArray(fc.tuple(fc.constantFrom('ann', 'bob', 'cid'), domains), {
  minLength: 1,
  maxLength: 5,
  selector: String,
});

const accept = fc
  .record({
    to: addresses,
    priority: fc.constantFrom(...PRIORITIES),
    client: fc.constantFrom('shop', 'crm'),
    lease: fc.boolean(),
    dueInMs: fc.integer({ min: -5, max: 50 }),
    dedupe: fc.option(fc.constantFrom('k1', 'k2'), { nil: null }),
  })
  .map(({ to, priority, client, lease, dueInMs, dedupe }): Step => async (model) => {
    const atMs = model.clock.nowMs();
    const submission = aSubmission({
      atMs,
      id: newMessageId(atMs, randomBytes(10)),
      to: to.map(([local, domain]) => `${local}@${domain}`),
      priority,
      client,
      leaseUntilMs: lease ? atMs + 20 : null,
      dueAtMs: atMs + dueInMs,
      dedupe: dedupe === null ? null : { key: dedupe, windowMs: 30 },
    });
    const result = await model.engine.spool.accept(submission);
    if (result.kind === 'duplicate') {
      must(model.accepted.has(result.of), 'a duplicate is one of a message that is known');
      return;
    }
    if (result.kind === 'known') throw new Error('each message has an id of its own');
    model.accepted.set(submission.message.id, to.length);
    model.leased.push(...result.leased);
  });

const claim = fc
  .record({
    limit: fc.integer({ min: 1, max: 6 }),
    perLane: fc.integer({ min: 1, max: 4 }),
    exclude: fc.uniqueArray(domains, { maxLength: 1 }),
  })
  .map(({ limit, perLane, exclude }): Step => async (model) => {
    const nowMs = model.clock.nowMs();
    const { leased } = await model.engine.spool.claim({ nowMs, leaseUntilMs: nowMs + 20, limit, perLane, exclude });
    must(leased.length <= limit, 'a claim keeps to its limit');
    must(!leased.some(({ delivery }) => exclude.includes(delivery.domain)), 'excluded lanes are left alone');
    must(!leased.some(({ delivery }) => delivery.dueAtMs > nowMs), 'only what is due is claimed');
    model.leased.push(...leased);
  });

const settle = fc
  .record({
    pick: fc.nat(),
    ends: fc.nat(5),
    state: fc.constantFrom('queued', 'held', 'quarantined'),
    dueInMs: fc.integer({ min: 0, max: 30 }),
  })
  .map(({ pick, ends, state, dueInMs }): Step => async (model) => {
    const one = model.leased[pick % Math.max(1, model.leased.length)];
    if (one === undefined) return;
    // Sometimes a second time: the token must not be good for it any more.
    if (pick % 3 !== 0) model.leased.splice(model.leased.indexOf(one), 1);
    const atMs = model.clock.nowMs();
    const ended = one.delivery.recipients.map(({ address }) => address).slice(0, ends);
    await model.engine.spool.settle(
      aSettlement(one, { atMs, addresses: ended, rest: { state, dueAtMs: atMs + dueInMs } }),
    );
  });

const giveBack: fc.Arbitrary<Step> = fc.constant(async (model) => {
  const leases = model.leased
    .splice(0, 2)
    .map(({ delivery, lease }) => ({ deliveryId: delivery.id, token: lease.token }));
  await model.engine.spool.giveBack(leases);
});

const extend: fc.Arbitrary<Step> = fc.constant(async (model) => {
  const leases = model.leased.map(({ delivery, lease }) => ({ deliveryId: delivery.id, token: lease.token }));
  await model.engine.spool.extend(leases, model.clock.nowMs() + 20);
});

const operate = fc
  .record({ name: fc.constantFrom('hold', 'release', 'retry', 'discard', 'take'), domain: domains })
  .map(({ name, domain }): Step => async ({ engine: { spool }, clock, leased }) => {
    const atMs = clock.nowMs();
    if (name === 'take') leased.push(...(await spool.take({ domain }, atMs + 20, 2)));
    else await spool[name as 'hold']({ domain }, atMs);
  });

const pass: fc.Arbitrary<Step> = fc.integer({ min: 1, max: 40 }).map((byMs): Step => async ({ clock, engine }) => {
  clock.jumpMs(byMs);
  await engine.spool.reap(clock.nowMs());
});

const reopen: fc.Arbitrary<Step> = fc.constant(async (model) => {
  await model.engine.spool[Symbol.asyncDispose]();
  await model.engine.agree();
  model.engine = await model.engine.reopened();
});

/** The same as counting them one by one; ages are right to some seconds, which no run takes. */
const shape: fc.Arbitrary<Step> = fc.constant(async ({ engine: { spool }, clock }) => {
  const rows = await spool.shape?.({ nowMs: clock.nowMs(), agesMs: [600_000] });
  if (rows === undefined) return;
  const counted = new Map<string, number>();
  for (const { delivery } of await spool.list({}, { limit: 10_000 })) {
    counted.set(delivery.domain, (counted.get(delivery.domain) ?? 0) + 1);
  }
  expect(new Map(rows.map(({ domain, total }) => [domain, total]))).toEqual(counted);
  expect(rows.every(({ total, byAge }) => byAge[0] === total)).toBe(true);
});

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: accept },
    { weight: 5, arbitrary: claim },
    { weight: 6, arbitrary: settle },
    { weight: 1, arbitrary: giveBack },
    { weight: 1, arbitrary: extend },
    { weight: 2, arbitrary: operate },
    { weight: 3, arbitrary: pass },
    { weight: 1, arbitrary: reopen },
    { weight: 2, arbitrary: shape },
  ),
  { minLength: 10, maxLength: 60 },
);

function must(holds: boolean, promise: string): void {
  if (!holds) throw new Error(`broken: ${promise}`);
}

/** @param fresh opens a new, empty one */
export function testConservation(name: string, fresh: (clock: FakeClock) => Promise<OpenedEngine>): void {
  test(
    `${name}: whatever is done in whatever order, every recipient is accounted for`,
    { timeout: 60_000 },
    async () => {
      await fc.assert(
        fc.asyncProperty(steps, async (run) => {
          const clock = new FakeClock();
          const model: Model = { engine: await fresh(clock), clock, leased: [], accepted: new Map() };
          try {
            for (const step of run) await step(model);
            const report = await model.engine.spool.audit();
            expect(report.violations).toEqual([]);
            expect(report.messages).toBe(model.accepted.size);
            expect(report.accepted).toBe([...model.accepted.values()].reduce((sum, count) => sum + count, 0));
            const finished = Object.values(report.finished).reduce((sum, count) => sum + count, 0);
            expect(finished + report.queued).toBe(report.accepted);
          } finally {
            await model.engine.spool[Symbol.asyncDispose]();
          }
          await model.engine.agree();
          await model.engine.remove();
        }),
        { numRuns: 25 },
      );
    },
  );
}
