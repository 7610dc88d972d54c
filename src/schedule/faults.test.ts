import { describe, expect, test } from 'vitest';
import { openScheduling, type Scheduling } from '../../tests/fakes/scheduling.ts';
import { OUTCOMES } from '../../tests/fakes/scripted-egress.ts';
import { spoolThrough, spoolWith } from '../../tests/fakes/spool-between.ts';
import { deliveryOf } from '../../tests/fakes/submission.ts';
import { SpoolError, type Settlement, type Spool } from '../spool/spool.ts';

const MINUTE = 60_000;

const STEPS = ['claim', 'settle', 'extend', 'giveBack', 'reap', 'content'];
const REAPS_MOST = 3;

/** Fails one step of a run: the n-th call, before or after it does its work. Counts the steps that there were. */
class FaultyStep {
  steps = 0;
  failed = '';
  #reaps = 0;
  readonly #failAt: number;
  readonly #when: 'before' | 'after';

  constructor(failAt: number, when: 'before' | 'after') {
    this.#failAt = failAt;
    this.#when = when;
  }

  async pass<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    this.steps += 1;
    const fails = this.steps === this.#failAt;
    if (fails) this.failed = name;
    if (fails && this.#when === 'before') throw new SpoolError('unavailable', `${name} failed`);
    const result = await work();
    if (fails) throw new SpoolError('unavailable', `the answer of ${name} was lost`);
    return result;
  }

  between = (spool: Spool): Spool =>
    spoolThrough(spool, (name, call) => {
      // It is done every second, and fails no differently the next time.
      if (name === 'reap') this.#reaps += 1;
      const isStep = STEPS.includes(name) && (name !== 'reap' || this.#reaps <= REAPS_MOST);
      return isStep ? this.pass(name, async () => call()) : call();
    });
}

/** One fresh, one from the store, one greylisted at first, one that bounces in part: all the ways that there are. */
async function send(scheduling: Scheduling, fault: FaultyStep): Promise<void> {
  const exit = scheduling.exit('direct');
  const seen = new Set<string>();
  exit.answer = ({ mail }) =>
    fault.pass('attempt', async () =>
      mail.recipients.map(({ address }) => {
        if (address.startsWith('gone')) return OUTCOMES.unknownUser;
        const isFirst = !seen.has(address);
        seen.add(address);
        return address.startsWith('grey') && isFirst ? OUTCOMES.greylisted : OUTCOMES.delivered;
      }),
    );
  await scheduling.store({ to: ['stored@one.test'] });
  await scheduling.accept({ to: ['fresh@two.test'] });
  await scheduling.accept({ to: ['grey@three.test', 'ok@three.test'] });
  await scheduling.accept({ to: ['gone@four.test', 'ok@four.test'] });
  await scheduling.drained(20 * MINUTE);
  // Whose last answer was lost asks again.
  await scheduling.clock.advanceUntil(() => scheduling.scheduler.stats().held === 0);
}

async function runWith(failAt: number, when: 'before' | 'after'): Promise<FaultyStep> {
  const fault = new FaultyStep(failAt, when);
  await using scheduling = await openScheduling({
    between: fault.between,
    report: () => fault.pass('report', async () => undefined),
  });
  await send(scheduling, fault);
  const audit = await scheduling.audit();
  const step = `${when} step ${failAt} (${fault.failed})`;
  expect(audit, step).toMatchObject({ violations: [], queued: 0, accepted: 6, finished: { delivered: 5, bounced: 1 } });
  expect(
    scheduling.notices.map(({ kind }) => kind),
    step,
  ).toContain('failed');
  // A copy may only be where an attempt's outcome never became known here.
  const copies = scheduling.exit('direct').attempts.length - 5;
  expect(copies, step).toBeLessThanOrEqual(fault.failed === 'attempt' ? 1 : 0);
  const delivered = scheduling.events.filter(({ event }) => event === 'delivered');
  expect(delivered.flatMap((event) => ('recipients' in event ? event.recipients : [])).length, step).toBe(5);
  return fault;
}

describe('a fault at any one step loses nothing, and the books hold', () => {
  for (const when of ['before', 'after'] as const) {
    test(`${when} it is done`, { timeout: 120_000 }, async () => {
      const failed = new Set<string>();
      const AT_ONCE = 4;
      for (let first = 1; ; first += AT_ONCE) {
        const runs = await Promise.all(Array.from({ length: AT_ONCE }, (_, place) => runWith(first + place, when)));
        for (const run of runs) failed.add(run.failed);
        if (runs.some((run) => run.failed === '') || first > 60) break;
      }
      expect([...failed]).toEqual(expect.arrayContaining(['claim', 'settle', 'content', 'attempt', 'report']));
    });
  }
});

test('a store that is away for minutes: what was sent is written when it is back, and not sent again', async () => {
  let away = false;
  const between = (spool: Spool): Spool =>
    spoolThrough(spool, (name, call) =>
      away && name !== 'trouble' ? Promise.reject(new SpoolError('unavailable', 'away')) : call(),
    );
  await using scheduling = await openScheduling({ between });
  const { clock } = scheduling;
  scheduling.exit('direct').answer = async () => {
    away = true;
    return OUTCOMES.delivered;
  };
  await scheduling.accept();
  await clock.advance(3 * MINUTE);
  expect(scheduling.scheduler.stats()).toMatchObject({ settling: 1 });
  expect(scheduling.events).toContainEqual(
    expect.objectContaining({ event: 'alert', name: 'claims-failing', raised: true }),
  );
  // An outage is expected: a plain line of each thing that it hinders, once a minute.
  const told = scheduling.events.flatMap((event) =>
    event.event === 'failed' && event.where === 'claim' ? [event.cause] : [],
  );
  expect(told.length).toBeGreaterThan(0);
  expect(told.length).toBeLessThan(5);
  expect(new Set(told)).toEqual(new Set(['away']));
  away = false;
  await scheduling.drained();
  expect(scheduling.exit('direct').attempts.length).toBe(1);
  expect(await scheduling.audit()).toMatchObject({ violations: [], queued: 0, finished: { delivered: 1 } });
  expect(scheduling.events).toContainEqual(expect.objectContaining({ name: 'claims-failing', raised: false }));
});

test('a store that gives nothing out is asked at every tick, and no oftener', async () => {
  let asked = 0;
  const claim = async (): Promise<never> => {
    asked += 1;
    throw new SpoolError('unavailable', 'away');
  };
  await using scheduling = await openScheduling({ between: (spool) => spoolWith(spool, { claim }) });
  await scheduling.elapsed(10_000);
  expect(asked).toBeGreaterThan(5);
  expect(asked).toBeLessThan(15);
});

/** A store that is sound and will not take such settlements. */
class Refusing {
  count = 0;
  refuses: (settlement: Settlement) => boolean;

  constructor(refuses: (settlement: Settlement) => boolean) {
    this.refuses = refuses;
  }

  between = (spool: Spool): Spool =>
    spoolWith(spool, {
      settle: async (settlement) => {
        if (!this.refuses(settlement)) return spool.settle(settlement);
        this.count += 1;
        throw new SpoolError('unavailable', 'no column takes it', { isFinal: true });
      },
    });
}

describe('a store that is sound and refuses what came of an attempt', () => {
  test('is asked a few times, and then the delivery is held, not sent over and over', async () => {
    const store = new Refusing(({ finished }) => finished.length > 0);
    await using scheduling = await openScheduling({ between: store.between });
    const submission = await scheduling.accept();
    await scheduling.elapsed(10 * MINUTE);
    expect(store.count).toBe(4);
    expect(scheduling.exit('direct').attempts.length).toBe(1);
    expect(scheduling.scheduler.stats().held).toBe(0);
    expect(scheduling.events).toContainEqual(
      expect.objectContaining({ event: 'alert', name: `settlement-refused:${deliveryOf(submission)}`, raised: true }),
    );
    expect(await scheduling.spool.overview()).toMatchObject({ byState: { held: 1, queued: 0 }, leased: 0 });
    expect((await scheduling.audit()).violations).toEqual([]);
  });

  test('and refuses that too: its place in memory is free, and it comes back when its lease is over', async () => {
    const store = new Refusing(() => true);
    await using scheduling = await openScheduling({ between: store.between });
    await scheduling.accept();
    await scheduling.elapsed(20_000);
    expect(store.count).toBe(8);
    expect(scheduling.scheduler.stats()).toMatchObject({ held: 0, settling: 0 });
    expect(scheduling.exit('direct').attempts.length).toBe(1);
    store.refuses = () => false;
    await scheduling.drained();
    expect(await scheduling.audit()).toMatchObject({ violations: [], queued: 0, finished: { delivered: 1 } });
    expect(scheduling.exit('direct').attempts.length).toBe(2);
  });
});
