import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { aSettlement, aSubmission } from '../../../tests/fakes/submission.ts';
import { newMessageId, type MessageId } from '../../message/ids.ts';
import { PRIORITIES } from '../../message/message.ts';
import type { LeasedDelivery } from '../spool.ts';
import { openEmbeddedSpool, type EmbeddedSpool } from './spool.ts';

/** What the outside knows, to compare with what the spool tells. */
type Model = {
  spool: EmbeddedSpool;
  readonly path: string;
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
    const result = await model.spool.accept(submission);
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
    const { leased } = await model.spool.claim({ nowMs, leaseUntilMs: nowMs + 20, limit, perLane, exclude });
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
    await model.spool.settle(aSettlement(one, { atMs, addresses: ended, rest: { state, dueAtMs: atMs + dueInMs } }));
  });

const giveBack: fc.Arbitrary<Step> = fc.constant(async (model) => {
  const leases = model.leased
    .splice(0, 2)
    .map(({ delivery, lease }) => ({ deliveryId: delivery.id, token: lease.token }));
  await model.spool.giveBack(leases);
});

const extend: fc.Arbitrary<Step> = fc.constant(async (model) => {
  const leases = model.leased.map(({ delivery, lease }) => ({ deliveryId: delivery.id, token: lease.token }));
  await model.spool.extend(leases, model.clock.nowMs() + 20);
});

const operate = fc
  .record({ name: fc.constantFrom('hold', 'release', 'retry', 'discard', 'take'), domain: domains })
  .map(({ name, domain }): Step => async ({ spool, clock, leased }) => {
    const atMs = clock.nowMs();
    if (name === 'take') leased.push(...(await spool.take({ domain }, atMs + 20, 2)));
    else await spool[name as 'hold']({ domain }, atMs);
  });

const pass: fc.Arbitrary<Step> = fc.integer({ min: 1, max: 40 }).map((byMs): Step => async ({ clock, spool }) => {
  clock.jumpMs(byMs);
  await spool.reap(clock.nowMs());
});

const reopen: fc.Arbitrary<Step> = fc.constant(async (model) => {
  await model.spool[Symbol.asyncDispose]();
  agree(model.path);
  model.spool = await openEmbeddedSpool({ path: model.path, durability: 'relaxed', clock: model.clock });
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
  ),
  { minLength: 10, maxLength: 60 },
);

function must(holds: boolean, promise: string): void {
  if (!holds) throw new Error(`broken: ${promise}`);
}

/** Lanes and counters are what the rows say. */
function agree(path: string): void {
  const database = new DatabaseSync(join(path, 'spool.db'));
  const all = (sql: string): unknown[] => database.prepare(sql).all();
  const ready = 'FROM delivery WHERE state = 0 AND lease_until IS NULL';
  expect(all('SELECT domain, priority, next_due FROM lane ORDER BY 1, 2')).toEqual(
    all(`SELECT domain, priority, min(due_at) AS next_due ${ready} GROUP BY 1, 2 ORDER BY 1, 2`),
  );
  const tally = (name: string): unknown =>
    (all(`SELECT count FROM tally WHERE name = '${name}'`)[0] as { count: number } | undefined)?.count ?? 0;
  const sum = (sql: string): unknown => (all(sql)[0] as { n: number | null }).n ?? 0;
  expect(tally('messages')).toBe(sum('SELECT count(*) AS n FROM message WHERE finished_at IS NULL'));
  expect(tally('deliveries')).toBe(sum('SELECT count(*) AS n FROM delivery'));
  expect(tally('leased')).toBe(sum('SELECT count(*) AS n FROM delivery WHERE lease_until IS NOT NULL'));
  expect(tally('contentBytes')).toBe(sum('SELECT sum(length(bytes)) AS n FROM content'));
  for (const [number, name] of ['queued', 'held', 'quarantined'].entries()) {
    expect(tally(name)).toBe(sum(`SELECT count(*) AS n FROM delivery WHERE state = ${number}`));
  }
  for (const [number, name] of PRIORITIES.entries()) {
    expect(tally(name)).toBe(sum(`SELECT count(*) AS n FROM delivery WHERE priority = ${number}`));
  }
  expect(
    all('SELECT seq FROM message m WHERE open <> (SELECT count(*) FROM delivery d WHERE d.message = m.seq)'),
  ).toEqual([]);
  expect(all('SELECT seq FROM message WHERE (open = 0) <> (finished_at IS NOT NULL)')).toEqual([]);
  expect(all('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
  database.close();
}

test('whatever is done in whatever order, every recipient is accounted for', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (run) => {
      const clock = new FakeClock();
      const path = await mkdtemp(join(tmpdir(), 'relevo-property-'));
      const spool = await openEmbeddedSpool({ path, durability: 'relaxed', clock });
      const model: Model = { spool, path, clock, leased: [], accepted: new Map() };
      try {
        for (const step of run) await step(model);
        const report = await model.spool.audit();
        expect(report.violations).toEqual([]);
        expect(report.messages).toBe(model.accepted.size);
        expect(report.accepted).toBe([...model.accepted.values()].reduce((sum, count) => sum + count, 0));
        const finished = Object.values(report.finished).reduce((sum, count) => sum + count, 0);
        expect(finished + report.queued).toBe(report.accepted);
      } finally {
        await model.spool[Symbol.asyncDispose]();
      }
      agree(path);
      await rm(path, { recursive: true });
    }),
    { numRuns: 25 },
  );
});
