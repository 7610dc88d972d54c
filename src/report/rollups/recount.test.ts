/** A relay that is killed, as often as one likes: its figures are what the history says. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { loaded } from '../../../tests/fakes/policy-text.ts';
import { aSettlement, aSubmission } from '../../../tests/fakes/submission.ts';
import { ofMail } from '../../message/event.ts';
import { tableOf } from '../../operations/figures/series.ts';
import { type EmbeddedSpool, openEmbeddedSpool } from '../../spool/embedded/spool.ts';
import type { Mark, MarkExchange, MarkStore } from '../../spool/marks.ts';
import { SpoolError } from '../../spool/spool.ts';
import { RollupBook } from './book.ts';
import { openRollups } from './rollups.ts';

const DAY_MS = 86_400_000;

/** The marks of a process; once it is killed it writes nothing more. */
class OwnMarks implements MarkStore {
  isKilled = false;
  readonly #marks: MarkStore;

  constructor(marks: MarkStore) {
    this.#marks = marks;
  }

  async marks(prefix: string): Promise<readonly Mark[]> {
    return this.#marks.marks(prefix);
  }

  async mark(made: readonly Mark[]): Promise<void> {
    if (this.isKilled) throw new SpoolError('unavailable', 'killed');
    return this.#marks.mark(made);
  }

  async exchange(exchange: MarkExchange): Promise<boolean> {
    if (this.isKilled) throw new SpoolError('unavailable', 'killed');
    return this.#marks.exchange(exchange);
  }

  async unmark(names: readonly string[]): Promise<void> {
    return this.#marks.unmark(names);
  }
}

/** One life of a relay over that store. */
async function life(spool: EmbeddedSpool, clock: FakeClock) {
  const book = new RollupBook();
  const marks = new OwnMarks(spool.marks);
  const policy = () => loaded('hostname: a\n').policy;
  const rollups = await openRollups({
    book,
    marks,
    spool,
    feed: spool.feed,
    policy,
    clock,
    emit: () => {},
    node: 'relay',
  });
  const mail = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      const atMs = clock.nowMs();
      const submission = aSubmission({ atMs, to: ['ann@a.test', `bob@${n % 2}.test`], leaseUntilMs: atMs + 60_000 });
      const accepted = await spool.accept(submission);
      if (accepted.kind !== 'accepted') throw new Error(accepted.kind);
      book.sink(ofMail(submission.received, submission.message));
      for (const leased of accepted.leased) {
        const settlement = aSettlement(leased, { atMs });
        await spool.settle(settlement);
        for (const event of settlement.events) book.sink(ofMail(event, submission.message));
      }
    }
  };
  const kill = async (): Promise<void> => {
    marks.isKilled = true;
    await rollups[Symbol.asyncDispose]();
  };
  return { mail, kill, flush: () => rollups.flush(), end: () => rollups[Symbol.asyncDispose]() };
}

async function sumsOf(spool: EmbeddedSpool, clock: FakeClock) {
  const nowMs = clock.nowMs();
  const told = await Promise.all(
    [3_600_000, 6 * 3_600_000, 20 * DAY_MS].map(async (spanMs) => {
      const ask = { by: 'destination', fromMs: nowMs - spanMs, toMs: nowMs + 1, limit: 9 } as const;
      const { total, rows } = await tableOf({ marks: spool.marks, nowMs, timeZone: 'UTC' }, ask);
      const { accepted, recipients, delivered } = total.figures;
      return [accepted, recipients, delivered, ...rows.map(({ name, figures }) => `${name} ${figures.delivered}`)];
    }),
  );
  // Minutes, hours and days say the same.
  expect(told[1]).toEqual(told[0]);
  expect(told[2]).toEqual(told[0]);
  return told[0];
}

test('what a relay that was killed had not written is counted again, once, however often it is killed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'relevo-recount-'));
  try {
    const clock = new FakeClock(Date.UTC(2026, 3, 1, 12, 0, 20));
    await using spool = await openEmbeddedSpool({ path: folder, durability: 'relaxed', clock });
    const first = await life(spool, clock);
    await first.mail(2);
    await clock.advance(10_000);
    await first.flush();
    // Written in part, in the minute in which it is killed; some lies in a minute of its own.
    await first.mail(3);
    await clock.advance(5_000);
    await first.kill();
    expect(await sumsOf(spool, clock)).toEqual([2, 4, 4, 'a.test 2', '0.test 1', '1.test 1']);

    // Killed before it could write what it had found.
    await clock.advance(1_000);
    const second = await life(spool, clock);
    await second.mail(1);
    await second.kill();
    await clock.advance(1_000);
    const third = await life(spool, clock);
    await third.mail(4);
    await clock.advance(10_000);
    await third.end();
    const all = [10, 20, 20, 'a.test 10', '0.test 6', '1.test 4'];
    expect(await sumsOf(spool, clock)).toEqual(all);

    // One that ended well has nothing to count again, nor has one that was killed at rest.
    await clock.advance(60_000);
    const fourth = await life(spool, clock);
    await fourth.kill();
    const fifth = await life(spool, clock);
    await clock.advance(30_000);
    await fifth.end();
    expect(await sumsOf(spool, clock)).toEqual(all);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
