import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { type SharedFigures, sharedFigures } from '../../tests/fakes/figures.ts';
import { openExitStandings } from './standings.ts';
import type { Event } from '../message/event.ts';
import { policySchema } from '../policy/schema.ts';
import { HOUR_MS } from '../routing/outcome-figures.ts';
import { pauseMark, PAUSE_MARKS } from '../routing/reputation-mark.ts';
import { watchStandings } from './standing-watch.ts';

const START_MS = Date.UTC(2026, 0, 20, 12);

type Alert = Extract<Event, { event: 'alert' }>;
type Rig = {
  readonly clock: FakeClock;
  readonly figures: SharedFigures;
  readonly alerts: Alert[];
  readonly counted: (kind: string, amount: number, egress?: string) => Promise<void>;
};

/** On as many nodes as it says, that share a store. */
function watched(name: string, nodes: number, run: (rig: Rig) => Promise<void>): void {
  test(name, async () => {
    const policy = policySchema.parse({
      hostname: 'relay.test',
      egress: { 'ip-1': { type: 'sandbox' }, 'ip-2': { type: 'sandbox' } },
    });
    const clock = new FakeClock(START_MS);
    const figures = sharedFigures();
    const alerts: Alert[] = [];
    const emit = (event: Event): void => void (event.event === 'alert' && alerts.push(event));
    await using stack = new AsyncDisposableStack();
    for (let node = 0; node < nodes; node++) {
      const needs = { policy: () => policy, ...figures, clock };
      const standings = stack.use(await openExitStandings({ ...needs, node: `n${node}`, judges: true }));
      stack.use(watchStandings({ ...needs, standings, emit }));
    }
    const counted: Rig['counted'] = (kind, amount, egress = 'ip-1') => {
      const startsAtMs = Math.floor(clock.nowMs() / HOUR_MS) * HOUR_MS;
      const entry = { account: `outcome:${egress}:other:${kind}`, startsAtMs, amount, keepUntilMs: startsAtMs };
      return figures.tallies.count([entry]);
    };
    await run({ clock, figures, alerts, counted });
    await stack.disposeAsync();
    expect(clock.pending).toBe(0);
  });
}

function said(alerts: readonly Alert[]): string[] {
  return alerts.map(({ name, raised, text }) => `${raised ? 'raised' : 'over'} ${name}: ${text}`);
}

watched('an exit that is slowed, then paused, then slowed, then well is told of four times', 1, async (rig) => {
  const { clock, alerts, counted, figures } = rig;
  await counted('blocked', 6);
  await clock.advance(60_000);
  expect(said(alerts)).toEqual([
    'raised reputation:ip-1: ip-1 has score 77.4 of 100 (blocked 100.0 % −22.6), below 80: it sends at half its pace until it is at 82',
  ]);
  await counted('blocked', 30);
  await clock.advance(60_000);
  expect(said(alerts.slice(1))).toEqual([
    expect.stringMatching(
      /^raised reputation:ip-1: ip-1 has score 0 .* below 70: paused until it is at 72; every 15 min/,
    ),
  ]);
  expect(await figures.marks.marks('reputation:')).toMatchObject([{ text: '{"level":"paused"}' }]);
  await counted('delivered', 400);
  await clock.advance(60_000);
  expect(said(alerts.slice(2))).toEqual([
    expect.stringMatching(/^raised reputation:ip-1: .* at half its pace until it is at 82$/),
  ]);
  clock.jumpMs(48 * HOUR_MS);
  await clock.advance(60_000);
  expect(said(alerts.slice(3))).toEqual([expect.stringMatching(/^over reputation:ip-1: .* at its full pace again$/)]);
  expect(await figures.marks.marks('reputation:')).toEqual([]);
});

watched('a score about the limit is told of once', 1, async ({ clock, alerts, counted }) => {
  await counted('blocked', 6);
  await clock.advance(10_000);
  for (let round = 0; round < 10; round++) {
    // Above 80, and below again, but never at 82.
    await counted('delivered', 15);
    await clock.advance(10_000);
    await counted('blocked', 1);
    await clock.advance(10_000);
  }
  expect(alerts).toHaveLength(1);
});

watched(
  'nodes agree on since when an exit is paused, and each tells',
  2,
  async ({ clock, alerts, counted, figures }) => {
    await counted('blocked', 100);
    await clock.advance(15_000);
    const [mark] = await figures.marks.marks('reputation:');
    await clock.advance(60_000);
    expect(await figures.marks.marks('reputation:')).toEqual([mark]);
    expect(alerts.map(({ name }) => name)).toEqual(['reputation:ip-1', 'reputation:ip-1']);
  },
);

watched('an exit that an operator paused is told of, and so is that none is left', 1, async (rig) => {
  const { clock, figures, alerts } = rig;
  await figures.marks.mark([pauseMark('ip-1', { reason: 'new disks', sinceMs: START_MS })]);
  await clock.advance(10_000);
  expect(said(alerts)).toEqual([
    'raised egress-paused:ip-1: ip-1 is paused by an operator (new disks): no new mail goes out by it until `relevo egress resume ip-1`',
  ]);
  await figures.marks.mark([pauseMark('ip-2', { reason: '', sinceMs: START_MS })]);
  await clock.advance(10_000);
  expect(said(alerts.slice(2))).toEqual([
    'raised no-exit: no exit is open: mail is taken and waits (ip-1 paused, ip-2 paused)',
  ]);
  await figures.marks.unmark([`${PAUSE_MARKS}ip-1`]);
  await clock.advance(10_000);
  expect(said(alerts.slice(3))).toEqual([
    'over egress-paused:ip-1: ip-1 is not paused any more',
    'over no-exit: an exit is open again',
  ]);
});
