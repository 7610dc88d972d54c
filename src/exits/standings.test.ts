import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { type SharedFigures, sharedFigures } from '../../tests/fakes/figures.ts';
import { type ExitStandings, openExitStandings } from './standings.ts';
import { policySchema } from '../policy/schema.ts';
import { HOUR_MS, type OutcomeKind, outcomeName } from '../routing/outcome-figures.ts';
import { levelMark, PAUSE_MARKS, pauseMark } from '../routing/reputation-mark.ts';
import { PROBE_EVERY_MS, PROBE_FOR_MS, reputationOf } from '../routing/reputation.ts';
import { FULL_STANDING } from '../routing/standing.ts';

const START_MS = Date.UTC(2026, 0, 20, 12, 30);
const HOUR_START_MS = Date.UTC(2026, 0, 20, 12);
const policy = policySchema.parse({
  hostname: 'relay.test',
  egress: { 'ip-1': { type: 'sandbox' }, 'ip-2': { type: 'sandbox' } },
});

type Rig = {
  readonly clock: FakeClock;
  readonly figures: SharedFigures;
  readonly standings: ExitStandings;
  /** Exits that opened, one entry for each change. */
  readonly changes: (readonly string[])[];
  /** The same as a worker has it. */
  other(): Promise<ExitStandings & AsyncDisposable>;
};

function withStandings(name: string, run: (rig: Rig) => Promise<void>): void {
  test(name, async () => {
    const clock = new FakeClock(START_MS);
    const figures = sharedFigures();
    const open = (judges: boolean) =>
      openExitStandings({ policy: () => policy, ...figures, clock, node: 'n1', judges });
    const standings = await open(true);
    const changes: (readonly string[])[] = [];
    standings.onChange((opened) => changes.push(opened));
    await run({ clock, figures, standings, changes, other: () => open(false) });
    await standings[Symbol.asyncDispose]();
    expect(clock.pending).toBe(0);
  });
}

function came(
  { tallies }: SharedFigures,
  outcomes: Partial<Record<OutcomeKind, number>>,
  { egress = 'ip-1', provider = 'google', startsAtMs = HOUR_START_MS } = {},
): Promise<void> {
  const entries = Object.entries(outcomes).map(([kind, amount]) => ({
    account: `outcome:${outcomeName({ egress, provider, kind: kind as OutcomeKind })}`,
    startsAtMs,
    amount,
    keepUntilMs: startsAtMs + HOUR_MS,
  }));
  return tallies.count(entries);
}

withStandings('an exit of which nothing is known is open', async ({ standings }) => {
  expect(standings.standingOf('ip-1')).toEqual(FULL_STANDING);
  expect(standings.standingOf('unheard-of')).toEqual(FULL_STANDING);
});

describe('reputation', () => {
  withStandings('an exit below 80 sends at half its pace, and another one as before', async (rig) => {
    const { clock, figures, standings, changes } = rig;
    await came(figures, { delivered: 450, bounced: 30, blocked: 20 });
    await came(figures, { blocked: 7 }, { provider: 'other' });
    await clock.advance(10_000);
    const { score, successRate, ...standing } = standings.standingOf('ip-1');
    expect(score).toBeGreaterThan(70);
    expect(score).toBeLessThan(80);
    expect(successRate).toBeCloseTo(450 / 507);
    expect(standing).toEqual({ closures: [], probes: false, pace: 0.5 });
    expect(standings.standingOf('ip-2')).toEqual(FULL_STANDING);
    expect(changes).toEqual([[]]);
  });

  withStandings('below 70 it is closed, and tried for a moment every 15 min', async (rig) => {
    const { clock, figures, standings, changes } = rig;
    await came(figures, { delivered: 100, blocked: 40 });
    await clock.advance(10_000);
    const pausedAtMs = clock.nowMs();
    await figures.marks.mark([levelMark('ip-1', { level: 'paused', sinceMs: pausedAtMs })]);
    await clock.advance(5_000);
    expect(standings.standingOf('ip-1')).toMatchObject({
      closures: [
        {
          gate: 'reputation',
          untilMs: pausedAtMs + PROBE_EVERY_MS,
          cause: expect.stringMatching(/^score 3\d(\.\d)? of 100 \(blocked 28\.6 % −6\d\.\d\), paused below 70$/),
        },
      ],
      probes: false,
    });
    changes.length = 0;
    await clock.advance(PROBE_EVERY_MS);
    expect(standings.standingOf('ip-1')).toMatchObject({ probes: true });
    expect(changes.filter((opened) => opened.length > 0)).toEqual([['ip-1']]);
    await clock.advance(PROBE_FOR_MS);
    expect(standings.standingOf('ip-1')).toMatchObject({ probes: false });
  });

  withStandings('one that comes back is slowed until it is well above', async ({ clock, figures, standings }) => {
    await came(figures, { delivered: 500, blocked: 47 });
    await figures.marks.mark([levelMark('ip-1', { level: 'paused', sinceMs: START_MS })]);
    await clock.advance(10_000);
    expect(standings.standingOf('ip-1').score).toBeGreaterThan(70);
    expect(standings.reputationOf('ip-1').level).toBe('paused');
    await came(figures, { delivered: 60 });
    await clock.advance(10_000);
    expect(standings.standingOf('ip-1')).toMatchObject({ closures: [], pace: 0.5 });
  });
});

withStandings('a worker goes by what is written down, and otherwise knows the score a minute later', async (rig) => {
  const { clock, figures } = rig;
  const worker = await rig.other();
  await came(figures, { delivered: 100, blocked: 40 });
  await clock.advance(10_000);
  expect(rig.standings.standingOf('ip-1').closures).toMatchObject([{ gate: 'reputation' }]);
  expect(worker.standingOf('ip-1')).toEqual(FULL_STANDING);
  await figures.marks.mark([levelMark('ip-1', { level: 'paused', sinceMs: clock.nowMs() })]);
  await clock.advance(5_000);
  expect(worker.standingOf('ip-1')).toEqual(rig.standings.standingOf('ip-1'));
  await came(figures, { delivered: 20 });
  await clock.advance(10_000);
  expect(worker.standingOf('ip-1').score).toBeLessThan(rig.standings.standingOf('ip-1').score);
  await clock.advance(60_000);
  expect(worker.standingOf('ip-1').score).toBe(rig.standings.standingOf('ip-1').score);
  await worker[Symbol.asyncDispose]();
});

describe('an operator', () => {
  withStandings('pauses an exit for all threads and nodes, and lets it go on', async ({ clock, figures, ...rig }) => {
    const other = await rig.other();
    await figures.marks.mark([pauseMark('ip-1', { reason: 'moves house', sinceMs: START_MS })]);
    await clock.advance(5_000);
    for (const standings of [rig.standings, other]) {
      expect(standings.standingOf('ip-1').closures).toEqual([
        { gate: 'paused', untilMs: null, cause: 'paused by an operator: moves house' },
      ]);
      expect(standings.standingOf('ip-2')).toEqual(FULL_STANDING);
    }
    await figures.marks.unmark([`${PAUSE_MARKS}ip-1`]);
    await clock.advance(5_000);
    expect(rig.standings.standingOf('ip-1')).toEqual(FULL_STANDING);
    expect(other.standingOf('ip-1')).toEqual(FULL_STANDING);
    expect(rig.changes).toEqual([[], ['ip-1']]);
    await other[Symbol.asyncDispose]();
  });

  withStandings('has paused whatever a mark says that nobody can read', async ({ clock, figures, standings }) => {
    await figures.marks.mark([{ name: `${PAUSE_MARKS}ip-1`, text: 'garbage', atMs: START_MS }]);
    await clock.advance(5_000);
    expect(standings.standingOf('ip-1').closures).toMatchObject([{ gate: 'paused' }]);
  });

  withStandings('stops an exit that is tried for its reputation, too', async ({ clock, figures, standings }) => {
    await came(figures, { blocked: 100 });
    await figures.marks.mark([
      levelMark('ip-1', { level: 'paused', sinceMs: START_MS }),
      pauseMark('ip-1', { reason: '', sinceMs: START_MS }),
    ]);
    await clock.advance(PROBE_EVERY_MS);
    expect(standings.standingOf('ip-1')).toMatchObject({
      closures: [{ gate: 'paused' }, { gate: 'reputation' }],
      probes: false,
    });
  });
});

withStandings('a store that is away leaves every exit as it was', async ({ clock, figures, standings }) => {
  await came(figures, { delivered: 450, blocked: 30 });
  await figures.marks.mark([pauseMark('ip-2', { reason: '', sinceMs: START_MS })]);
  await clock.advance(10_000);
  const before = [standings.standingOf('ip-1'), standings.standingOf('ip-2')];
  figures.isAway = true;
  await clock.advance(60_000);
  expect([standings.standingOf('ip-1').pace, standings.standingOf('ip-2')]).toEqual([0.5, before[1]]);
  figures.isAway = false;
  await figures.marks.unmark([`${PAUSE_MARKS}ip-2`]);
  await clock.advance(5_000);
  expect(standings.standingOf('ip-2')).toEqual(FULL_STANDING);
});

withStandings(
  'what is read of the last hours comes to what all hours come to',
  async ({ clock, figures, standings }) => {
    const hours = [];
    for (let hour = 0; hour < 5; hour++) {
      const startsAtMs = HOUR_START_MS + hour * HOUR_MS;
      await came(figures, { delivered: 40 * hour, bounced: 9 }, { startsAtMs });
      hours.push({ startsAtMs, delivered: 40 * hour, bounced: 9, deferred: 0, blocked: 0, complained: 0 });
      await clock.advance(10_000);
      clock.jumpMs(HOUR_MS);
      await clock.advance(5_000);
      expect(standings.standingOf('ip-1').score).toBe(reputationOf(hours, clock.nowMs()).score);
    }
    // Not all of them each time.
    expect(figures.looks.filter((sinceMs) => sinceMs < HOUR_START_MS - 24 * HOUR_MS)).toHaveLength(2);
  },
);

withStandings(
  'what comes to light within seconds of a start is seen within a second, later within five',
  async (rig) => {
    const { clock, figures, standings } = rig;
    const pause = pauseMark('ip-1', { reason: 'moving', sinceMs: START_MS });
    await figures.marks.mark([pause]);
    await clock.advance(1_000);
    expect(standings.standingOf('ip-1').closures).toHaveLength(1);
    await clock.advance(10_000);
    await figures.marks.unmark([pause.name]);
    await clock.advance(5_000);
    expect(standings.standingOf('ip-1').closures).toEqual([]);
  },
);
