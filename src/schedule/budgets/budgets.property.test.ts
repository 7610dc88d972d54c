import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { fakeQuotas, type FakeQuotas } from '../../../tests/fakes/quotas.ts';
import { budgetWindow } from '../../policy/money.ts';
import { policySchema, type Policy } from '../../policy/schema.ts';
import { type BudgetBooking, Budgets } from './budgets.ts';

const SECOND = 1_000;
const PROCESSES = 4;
const ZONE = 'Europe/Berlin';
/** A fortnight into the month in which Berlin puts its clocks forward. */
const MARCH = Date.UTC(2026, 2, 14, 12);

type Terms = { readonly cost: string; readonly budget: string };

function policyOf({ cost, budget }: Terms): Policy {
  return policySchema.parse({
    hostname: 'relay.test',
    timeZone: ZONE,
    streams: { urgent: { priority: 'high' }, bulk: { priority: 'low' } },
    egress: { cloud: { type: 'smtp', host: 'cloud.test', cost, budget } },
  });
}

/** A process of its own with mail for one exit. */
class Sender {
  readonly kept: { stream: string; recipients: number; cost: string; atMs: number }[] = [];
  readonly open: { booking: BudgetBooking; place: number }[] = [];
  isDead = false;
  refused = 0;
  readonly budgets: Budgets;
  readonly #clock: FakeClock;
  readonly #terms: () => Terms;

  constructor(
    clock: FakeClock,
    quotas: FakeQuotas,
    { policy, terms, holder }: { policy: () => Policy; terms: () => Terms; holder: string },
  ) {
    this.#clock = clock;
    this.#terms = terms;
    const silent = { changed: () => {}, reopened: () => {}, failed: () => {} };
    this.budgets = new Budgets({ policy, quotas, clock, holder, leaseMs: 14_000, ...silent });
  }

  async send(stream: string, recipients: number): Promise<void> {
    const { cost } = this.#terms();
    if (this.budgets.gateOf('cloud')?.exempt.has(stream) === false) {
      this.refused += 1;
      return;
    }
    const booking = await this.budgets.book('cloud', { stream, recipients });
    if (booking === null) this.refused += 1;
    if (booking === null || this.isDead) return;
    this.open.push({ booking, place: this.kept.push({ stream, recipients, cost, atMs: this.#clock.nowMs() }) - 1 });
  }

  /** Of the last one that is under way, only so many were taken. */
  async settle(share: number): Promise<void> {
    const last = this.open.pop();
    const kept = last === undefined ? undefined : this.kept[last.place];
    if (last === undefined || kept === undefined || this.isDead) return;
    const taken = Math.floor(kept.recipients * share);
    kept.recipients = taken;
    await last.booking.took(taken);
  }
}

/** Millionths, in thousandths: exact. */
function worth(sent: readonly { recipients: number; cost: string }[]): bigint {
  return sent.reduce((sum, { recipients, cost }) => {
    const [price = '', of = ''] = cost.replace(' USD', '').split('/');
    return sum + (BigInt(recipients) * BigInt(Math.round(Number(price) * 1e6)) * 1_000n) / BigInt(of);
  }, 0n);
}

async function usedOf(clock: FakeClock, quotas: FakeQuotas, atMs = clock.nowMs()): Promise<number> {
  quotas.failing = 'no';
  quotas.latencyMs = () => 0;
  const { account, startsAtMs, endsAtMs } = budgetWindow('cloud', atMs, ZONE);
  const nowMs = clock.nowMs() + 3_600_000;
  const look = { account, startsAtMs, endsAtMs, holder: 'look', wanted: 0, limit: 2 ** 52, nowMs, untilMs: nowMs };
  return (await quotas.takeBlock(look)).used;
}

const happenings = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      who: fc.nat(PROCESSES - 1),
      stream: fc.constantFrom('bulk', 'bulk', 'bulk', 'urgent'),
      recipients: fc.integer({ min: 1, max: 9 }),
      times: fc.integer({ min: 1, max: 12 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('settle' as const),
      who: fc.nat(PROCESSES - 1),
      share: fc.constantFrom(0, 0.4, 1),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 20 * SECOND }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('die' as const), who: fc.nat(PROCESSES - 1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('slow' as const), ms: fc.nat(400) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('fail' as const), how: fc.constantFrom('no', 'undone', 'done') }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('price' as const),
      budget: fc.constantFrom('0.60 USD/month', '0.60 USD/month', '0.20 USD/month'),
      cost: fc.constantFrom('10 USD/1000', '1 USD/3', '1.06 USD/1000', '0.000001 USD/7'),
    }),
  },
);
type Happening = typeof happenings extends fc.Arbitrary<infer One> ? One : never;

async function played(script: readonly Happening[], terms: Terms) {
  const clock = new FakeClock(MARCH, { uneven: true });
  let latencyMs = 0;
  const quotas: FakeQuotas = Object.assign(fakeQuotas(clock), { latencyMs: () => latencyMs });
  const world = { terms, policy: policyOf(terms) };
  const of = (holder: string) => ({ policy: () => world.policy, terms: () => world.terms, holder });
  const all = Array.from({ length: PROCESSES }, (_, number) => new Sender(clock, quotas, of(`p${number}`)));
  const living = (): Sender[] => all.filter(({ isDead }) => !isDead);
  for (const one of script) {
    const who = 'who' in one ? all[one.who] : undefined;
    if (one.kind === 'send' && who?.isDead === false)
      for (let time = 0; time < one.times; time++) void who.send(one.stream, one.recipients);
    if (one.kind === 'settle') void who?.settle(one.share);
    if (one.kind === 'die' && who !== undefined) who.isDead = true;
    if (one.kind === 'slow') latencyMs = one.ms;
    if (one.kind === 'fail') quotas.failing = one.how as FakeQuotas['failing'];
    if (one.kind === 'price') {
      // What is under way was asked at the price before.
      await clock.advance(3 * SECOND);
      world.terms = { cost: one.cost, budget: one.budget };
      world.policy = policyOf(world.terms);
      for (const { budgets } of living()) budgets.adjust();
    }
    for (const { budgets } of living()) budgets.tick();
    await clock.advance(one.kind === 'pass' ? one.ms : 10);
  }
  quotas.failing = 'no';
  latencyMs = 0;
  await clock.advance(5 * SECOND);
  return { all, clock, quotas };
}

describe('whatever happens', () => {
  test('what is not exempt never comes to more than the budget', async () => {
    const run = fc.asyncProperty(fc.array(happenings, { maxLength: 40 }), async (script) => {
      const { all } = await played(script, { cost: '10 USD/1000', budget: '0.60 USD/month' });
      const bulk = all.flatMap(({ kept }) => kept.filter(({ stream }) => stream === 'bulk'));
      // Each process owes less than a millionth, at a price that is no whole number of them.
      expect(worth(bulk)).toBeLessThan((600_000n + BigInt(PROCESSES)) * 1_000n);
    });
    await fc.assert(run, { numRuns: 60 });
  });

  test('the store has what was taken, to the millionth, where it was not away and nobody died', async () => {
    const calm = happenings.filter(({ kind }) => kind !== 'fail' && kind !== 'die');
    const run = fc.asyncProperty(fc.array(calm, { maxLength: 40 }), async (script) => {
      const { all, clock, quotas } = await played(script, { cost: '1 USD/3', budget: '20 USD/month' });
      for (const { budgets } of all) await budgets.close();
      const used = BigInt(await usedOf(clock, quotas)) * 1_000n;
      const sent = worth(all.flatMap(({ kept }) => kept));
      // Of each price, less than a millionth is set aside by each process.
      expect(used).toBeGreaterThanOrEqual(sent - BigInt(all.length * 4 * 1_000));
      expect(used).toBeLessThanOrEqual(sent + BigInt(all.length * 4 * 1_000));
    });
    await fc.assert(run, { numRuns: 60 });
  });
});

test.each([
  { cost: '10 USD/1000', budget: '1 USD/month', fits: 100 },
  { cost: '1 USD/3', budget: '1 USD/month', fits: 3 },
  { cost: '1.06 USD/1000', budget: '1.06 USD/month', fits: 1_000 },
  { cost: '0.7 USD/1000', budget: '0.5 USD/month', fits: 714 },
])('four processes send exactly $fits at $cost for $budget', async ({ cost, budget, fits }) => {
  const { all, clock } = await played([], { cost, budget });
  // What one has set aside and does not use, the others have soon.
  for (let quiet = 0; quiet < 20;) {
    const before = all.reduce((sum, { kept }) => sum + kept.length, 0);
    await Promise.all(all.flatMap((one, number) => Array.from({ length: 1 + number }, () => one.send('bulk', 1))));
    for (const { budgets } of all) budgets.tick();
    await clock.advance(2 * SECOND);
    quiet = all.reduce((sum, { kept }) => sum + kept.length, 0) === before ? quiet + 1 : 0;
  }
  expect(all.reduce((sum, { kept }) => sum + kept.length, 0)).toBe(fits);
});

test('a month is one of the time zone, and another zone loses nothing of it', async () => {
  const last = Date.UTC(2026, 2, 31, 21, 59, 30);
  const clock = new FakeClock(last, { uneven: true });
  const quotas = fakeQuotas(clock);
  const terms = { cost: '10 USD/1000', budget: '0.05 USD/month' };
  let policy = policyOf(terms);
  const one = new Sender(clock, quotas, { policy: () => policy, terms: () => terms, holder: 'a' });
  for (let time = 0; time < 8; time++) await one.send('bulk', 1);
  expect(one.kept.length).toBe(5);
  // In UTC it is March for two hours more.
  policy = { ...policy, timeZone: 'UTC' };
  one.budgets.adjust();
  await clock.advance(60 * SECOND);
  await one.send('bulk', 1);
  expect(one.kept.length).toBe(5);
  policy = { ...policy, timeZone: ZONE };
  one.budgets.adjust();
  for (let time = 0; time < 8; time++) await one.send('bulk', 1);
  expect(one.kept.length).toBe(10);
  expect(await usedOf(clock, quotas)).toBe(50_000);
  expect(await usedOf(clock, quotas, last)).toBe(50_000);
});
