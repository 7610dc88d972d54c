/** The whole loop: mail is refused, its exit slowed and paused, the other one carries the mail, and it comes back. */
import { expect, test } from 'vitest';
import { sharedFigures } from '../../tests/fakes/figures.ts';
import { openScheduling, type Scheduling } from '../../tests/fakes/scheduling.ts';
import { OUTCOMES } from '../../tests/fakes/scripted-egress.ts';
import { type ExitStandings, openExitStandings } from './standings.ts';
import type { Event } from '../message/event.ts';
import { flushOutcomes, OutcomeBook } from './outcome-book.ts';
import { HOUR_MS } from '../routing/outcome-figures.ts';
import { PROBE_EVERY_MS, PROBE_FOR_MS } from '../routing/reputation.ts';
import { FULL_STANDING } from '../routing/standing.ts';
import { watchStandings } from './standing-watch.ts';

const BLOCKED = {
  kind: 'bounced',
  reply: { code: 554, detail: '7.1', text: "rejected due to the sending MTA's poor reputation" },
  scope: 'egress',
} as const;

async function openLoop(stack: AsyncDisposableStack): Promise<Scheduling & { readonly standings: ExitStandings }> {
  let standings: ExitStandings | null = null;
  const scheduling = stack.use(
    await openScheduling({
      policy: {
        egress: { 'ip-1': { type: 'mx' }, 'ip-2': { type: 'mx' } },
        pools: { owned: { members: ['ip-1', 'ip-2'] } },
        routes: [{ name: 'all', use: ['owned'] }],
        retry: { delays: ['10s'] },
      },
      needs: { standingOf: (egress) => standings?.standingOf(egress) ?? FULL_STANDING },
    }),
  );
  const { clock, events } = scheduling;
  const policy = () => scheduling.policy;
  const { marks, tallies } = sharedFigures();
  const opened = stack.use(await openExitStandings({ policy, marks, tallies, clock, node: 'n1', judges: true }));
  standings = opened;
  opened.onChange((exits) => scheduling.scheduler.standingsChanged(exits));
  const book = new OutcomeBook(policy);
  const emit = (event: Event): void => void events.push(event);
  stack.use(watchStandings({ policy, standings: opened, marks, clock, emit }));
  stack.use(flushOutcomes({ book, tallies, clock, emit }));
  // What the scheduler tells goes into the book as well.
  events.push = (...told: Event[]) => {
    told.forEach(book.sink);
    return Array.prototype.push.apply(events, told);
  };
  return Object.assign(scheduling, { standings: opened });
}

function alertsOf(events: readonly Event[]): string[] {
  return events.flatMap((event) =>
    event.event === 'alert' && event.name.startsWith('reputation:')
      ? [`${event.raised ? 'raised' : 'over'} ${/half its pace|paused until|full pace/.exec(event.text)?.[0]}`]
      : [],
  );
}

/** Each to another domain, so that none waits for another. */
async function send(loop: Scheduling, count: number, stream = 'transactional'): Promise<void> {
  for (let ordinal = 0; ordinal < count; ordinal++) {
    await loop.accept({ stream, to: [`a@d${loop.clock.monotonicMs()}-${ordinal}.test`] });
  }
}

test('an exit that is refused for its reputation rests, mail goes by the other one, and it comes back', async () => {
  await using stack = new AsyncDisposableStack();
  const loop = await openLoop(stack);
  const { clock, events, standings, spool } = loop;
  const [first, second] = [loop.exit('ip-1'), loop.exit('ip-2')];
  first.answer = () => BLOCKED;

  // What the first one cannot do the other does at once, and that was its turn.
  await send(loop, 7);
  await clock.advanceUntil(() => standings.standingOf('ip-1').pace === 0.5);
  // Told at the next look of the watch.
  await clock.advanceUntil(() => alertsOf(events).length > 0);
  expect(alertsOf(events)).toEqual(['raised half its pace']);
  expect(standings.standingOf('ip-2')).toEqual(FULL_STANDING);

  await send(loop, 20);
  await clock.advanceUntil(() => standings.standingOf('ip-1').closures.length > 0);
  await loop.drained();
  await clock.advanceUntil(() => alertsOf(events).length > 1);
  expect(alertsOf(events)).toEqual(['raised half its pace', 'raised paused until']);

  const tries = first.attempts.length;
  await send(loop, 20);
  await loop.drained();
  expect(first.attempts).toHaveLength(tries);
  expect(second.attempts.length).toBe(47);

  // When it is looked at, one message at a time finds out that nothing is better.
  await loop.elapsed(PROBE_EVERY_MS);
  await clock.advanceUntil(() => standings.standingOf('ip-1').probes);
  first.answer = async () => {
    await clock.sleep(1_000);
    return BLOCKED;
  };
  await send(loop, 10, 'marketing');
  await clock.advance(2_000);
  expect(first.attempts).toHaveLength(tries);
  await send(loop, 10);
  await clock.advance(100);
  expect(first.inFlight).toBe(1);
  await loop.elapsed(PROBE_FOR_MS + 10_000);
  await loop.drained();
  const probed = first.attempts.length;
  expect(probed).toBeGreaterThan(tries);
  await send(loop, 10);
  await loop.drained();
  expect(first.attempts).toHaveLength(probed);

  // Some days later nothing is held against it.
  first.answer = () => OUTCOMES.delivered;
  clock.jumpMs(5 * 24 * HOUR_MS);
  await clock.advanceUntil(() => standings.standingOf('ip-1').pace === 1);
  await clock.advanceUntil(() => alertsOf(events).at(-1) === 'over full pace');
  await send(loop, 20);
  await loop.drained();
  expect(first.attempts).toHaveLength(probed + 10);
  expect((await spool.audit()).violations).toEqual([]);
});
