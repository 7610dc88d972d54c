/** Item 9: an exit whose mail is refused is slowed down, then paused, and recovers by itself. */
import { expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, providerWorld, SECOND } from '../fakes/provider-world.ts';

const [BAD, SPARE] = ['127.0.3.41', '127.0.3.42'] as const;

test('an address that is refused too often sends at half its pace, then nothing but probes, and comes back by itself', async () => {
  await using place = await providerWorld({
    places: { 'far.test': { host: '127.0.4.51', domains: ['far.test'], terms: 'unknown: ["gone*@*"]' } },
    exits: { 'ip-1': { bind: BAD, hourlyLimit: 400 }, 'ip-2': { bind: SPARE } },
    policy: { routes: [{ name: 'all', use: ['ip-1', 'ip-2'] }] },
    grainMs: MINUTE,
  });
  const { world } = place;
  const sent = async (count: number): Promise<Record<string, number>> => {
    const sinceMs = world.clock.nowMs();
    await place.send('a#@far.test', { count });
    await place.pass(2 * MINUTE);
    return place.taken('far.test', sinceMs);
  };
  expect(await sent(150)).toEqual({ [BAD]: 150 });
  await place.send('gone#@far.test', { count: 30 });
  await place.pass(5 * MINUTE);
  expect(place.alerts(/^reputation:/)).toEqual(['reputation:ip-1 true']);
  expect(world.standings.standingOf('ip-1')).toMatchObject({ pace: 0.5, closures: [] });
  // Half of 400 an hour, and 180 are gone: the rest goes by the next exit.
  expect(await sent(40)).toEqual({ [BAD]: 20, [SPARE]: 20 });

  await world.passTo(Math.ceil(world.clock.nowMs() / HOUR) * HOUR);
  await place.send('gone#@far.test', { count: 30 });
  await place.pass(5 * MINUTE);
  const { score, closures } = world.standings.standingOf('ip-1');
  expect(score).toBeLessThan(70);
  expect(closures.map(({ gate }) => gate)).toEqual(['reputation']);
  const paused = await sent(40);
  expect(paused[BAD] ?? 0).toBeLessThanOrEqual(1);
  expect((paused[BAD] ?? 0) + (paused[SPARE] ?? 0)).toBe(40);

  // Every quarter of an hour mail is tried by it for half a minute, one message after the other.
  const pausedMs = world.clock.nowMs();
  const isPaused = (): boolean => world.standings.standingOf('ip-1').closures.length > 0;
  let rounds = 0;
  for (; rounds < 20 && isPaused(); rounds += 1) {
    while (isPaused() && !world.standings.standingOf('ip-1').probes) await place.pass(10 * SECOND, 10 * SECOND);
    await sent(3);
    await place.pass(3 * HOUR, 10 * MINUTE);
  }
  expect(rounds).toBeGreaterThan(2);
  expect(rounds).toBeLessThan(20);
  const probed = place.taken('far.test', pausedMs)[BAD] ?? 0;
  expect(probed).toBeGreaterThan(rounds / 2);
  expect(probed).toBeLessThanOrEqual(3 * rounds);
  await world.passTo(world.clock.nowMs() + 2 * DAY, 20 * MINUTE);
  expect(place.alerts(/^reputation:/).at(-1)).toBe('reputation:ip-1 false');
  expect(world.standings.standingOf('ip-1').pace).toBe(1);
  expect(await sent(40)).toEqual({ [BAD]: 40 });
});
