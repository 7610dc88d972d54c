/** Item 6: limits at their edges, as mailbox providers count what comes from each address. */
import { expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, providerWorld, SECOND, START_MS, type ProviderWorld } from '../fakes/provider-world.ts';

const [HOURLY, RATED, DELAYED, NARROW] = ['127.0.3.11', '127.0.3.12', '127.0.3.13', '127.0.3.14'] as const;
const OTHERS = { rated: 'rated.test', delayed: 'delayed.test' };

/** When a provider took messages of a client, ms from the start. */
function times({ provided }: ProviderWorld, client: string, startMs: number): number[] {
  return provided.flatMap((one) => (one.event === 'taken' && one.client === client ? [one.atMs - startMs] : []));
}

test('of an hour and of a day: as many as they say, and on at the moment at which each begins anew', async () => {
  // Ten seconds before the last hour of the day.
  const startMs = START_MS + 23 * HOUR - 10 * SECOND;
  await using place = await providerWorld({
    startMs,
    places: { 'big.test': { host: '127.0.4.11', domains: ['big.test'] } },
    exits: { 'ip-1': { bind: HOURLY, hourlyLimit: 5, dailyLimit: 8 } },
    grainMs: SECOND,
  });
  await place.send('a#@big.test', { count: 20 });
  await place.pass(20 * SECOND);
  // By whole hours of the clock.
  const byHour = (): Record<number, number> => {
    const counts: Record<number, number> = {};
    for (const atMs of times(place, HOURLY, START_MS)) {
      const hour = Math.floor(atMs / HOUR);
      counts[hour] = (counts[hour] ?? 0) + 1;
    }
    return counts;
  };
  expect(byHour()).toEqual({ 22: 5, 23: 3 });
  const [first] = times(place, HOURLY, START_MS + 23 * HOUR).filter((atMs) => atMs >= 0);
  expect(first).toBeLessThanOrEqual(2 * SECOND);
  for (const hour of [24, 25, 26]) {
    await place.world.passTo(START_MS + hour * HOUR - 2 * SECOND, MINUTE);
    await place.pass(10 * SECOND);
  }
  expect(byHour()).toEqual({ 22: 5, 23: 3, 24: 5, 25: 3 });
  const ofDay = times(place, HOURLY, START_MS + DAY).filter((atMs) => atMs >= 0);
  expect(ofDay[0]).toBeLessThanOrEqual(2 * SECOND);
  expect((await place.world.spool.audit()).queued).toBe(4);
});

test('a rate holds in every window and a delay between any two: the provider that counts them refuses none', async () => {
  await using place = await providerWorld({
    places: {
      [OTHERS.rated]: { host: '127.0.4.12', domains: [OTHERS.rated], terms: 'rate: 6/m' },
      [OTHERS.delayed]: { host: '127.0.4.13', domains: [OTHERS.delayed], terms: 'rate: 1/7s' },
    },
    exits: { rated: { bind: RATED, rate: '6/m' }, delayed: { bind: DELAYED, delay: '7s' } },
    policy: {
      routes: [
        { name: 'rated', match: { recipientDomain: OTHERS.rated }, use: ['rated'] },
        { name: 'delayed', match: { recipientDomain: OTHERS.delayed }, use: ['delayed'] },
      ],
    },
    grainMs: SECOND,
  });
  for (const domain of [OTHERS.rated, OTHERS.delayed]) await place.send(`a#@${domain}`, { count: 30 });
  await place.pass(3 * MINUTE);
  const rated = times(place, RATED, START_MS);
  for (const fromMs of rated) {
    const within = rated.filter((atMs) => atMs >= fromMs && atMs < fromMs + MINUTE);
    expect(within.length).toBeLessThanOrEqual(6);
  }
  expect(rated.length).toBeGreaterThanOrEqual(15);
  const delayed = times(place, DELAYED, START_MS);
  for (const [index, atMs] of delayed.slice(1).entries())
    expect(atMs - (delayed[index] ?? 0)).toBeGreaterThanOrEqual(7 * SECOND);
  expect(delayed.length).toBeGreaterThanOrEqual(20);
  expect(place.provided.filter(({ event }) => event === 'refused')).toEqual([]);
});

test('an address has no more connections than its exit allows, over all providers, idle ones among them', async () => {
  const places = Object.fromEntries(
    [1, 2, 3, 4].map((number) => [
      `slow${number}.test`,
      { host: `127.0.4.${20 + number}`, domains: [`slow${number}.test`], terms: 'tarpit: 200ms' },
    ]),
  );
  await using place = await providerWorld({
    places,
    exits: { 'ip-1': { bind: NARROW, connections: 3 } },
    grainMs: SECOND,
    hangs: true,
  });
  for (const domain of Object.keys(places)) await place.send(`a#@${domain}`, { count: 6 });
  await place.pass(MINUTE);
  expect((await place.world.spool.audit()).finished).toMatchObject({ delivered: 24 });
  expect(place.world.connectionsOf(NARROW)).toBe(3);
});
