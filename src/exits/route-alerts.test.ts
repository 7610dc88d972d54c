import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { testPolicy } from '../../tests/fakes/exits.ts';
import type { Event } from '../message/event.ts';
import { watchRoutes } from './route-alerts.ts';
import { FULL_STANDING, type Standing } from '../routing/standing.ts';

const server = { type: 'smtp' as const, host: 'smtp.example' };
const policy = testPolicy({
  egress: { a: server, b: server, c: server, off: { ...server, enabled: false } },
  pools: { p: { members: ['a', 'b'] } },
  routes: [
    { name: 'news', match: { stream: 'marketing' }, use: ['p', 'off'] },
    { name: 'all', use: ['c', 'p'] },
  ],
});
const shut = (cause: string): Standing => ({ ...FULL_STANDING, closures: [{ gate: 'down', untilMs: null, cause }] });

test('a route whose exits are all closed is told of once, with each of them, and once that it is over', async () => {
  const clock = new FakeClock();
  const standings = new Map<string, Standing>();
  const events: Event[] = [];
  await using _ = watchRoutes({
    policy: () => policy,
    standingOf: (egress) => standings.get(egress) ?? FULL_STANDING,
    clock,
    emit: (event) => void events.push(event),
  });
  standings.set('a', shut('refused'));
  await clock.advance(30_000);
  expect(events).toEqual([]);
  standings.set('b', shut('hangs'));
  await clock.advance(30_000);
  expect(events).toMatchObject([
    {
      name: 'route-closed:news',
      raised: true,
      text: 'mail waits: every exit of route news is closed: a down (refused); b down (hangs)',
    },
  ]);
  standings.delete('a');
  await clock.advance(30_000);
  expect(events.slice(1)).toMatchObject([{ name: 'route-closed:news', raised: false }]);
});

test('where no exit at all is open, that is told as a whole', async () => {
  const clock = new FakeClock();
  const events: Event[] = [];
  const standingOf = () => shut('down');
  await using _ = watchRoutes({ policy: () => policy, standingOf, clock, emit: (event) => void events.push(event) });
  await clock.advance(30_000);
  expect(events).toEqual([]);
});
