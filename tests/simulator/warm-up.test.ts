/** Item 5: new addresses at mailbox providers that count what comes from each. */
import { expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, providerWorld } from '../fakes/provider-world.ts';

const IP = '127.0.3.1';
const SPARE = '127.0.3.2';

test('an address sends more with each day on which it sent, as its provider counts, and a step less after a bad one', async () => {
  await using place = await providerWorld({
    places: {
      'big.test': { host: '127.0.4.1', domains: ['big.test'], terms: 'unknown: ["gone*@*"]' },
    },
    exits: {
      'ip-1': { bind: IP, dailyLimit: 100, warmup: {} },
      'ip-2': { bind: SPARE },
    },
    policy: { timeZone: 'America/Mexico_City', routes: [{ name: 'all', use: ['ip-1', 'ip-2'] }] },
    grainMs: 10 * MINUTE,
  });
  // 08:00 there.
  await place.pass(14 * HOUR);
  const sent: number[] = [];
  const day = async (to: string): Promise<void> => {
    const beganMs = place.world.clock.nowMs();
    await place.send(to, { count: 70 });
    await place.pass(HOUR);
    sent.push(place.taken('big.test', beganMs)[IP] ?? 0);
    await place.world.passTo(beganMs + DAY);
  };
  for (const to of ['a#@big.test', 'b#@big.test']) await day(to);
  // A weekend without mail moves nothing.
  await place.pass(2 * DAY);
  await day('c#@big.test');
  expect(sent).toEqual([10, 20, 40]);

  // 60 may go; ten of the first thirty are unknown there.
  const badMs = place.world.clock.nowMs();
  await place.send('d#@big.test', { count: 20 });
  await place.send('gone#@big.test', { count: 10 });
  await place.pass(HOUR / 2);
  await place.send('e#@big.test', { count: 60 });
  await place.pass(HOUR);
  const bad = (place.taken('big.test', badMs)[IP] ?? 0) + (place.refused('big.test', badMs)[IP] ?? 0);
  expect(place.alerts(/^warmup:/)).toEqual(['warmup:ip-1 true']);
  expect(bad).toBeLessThanOrEqual(40);
  await place.world.passTo(badMs + DAY);
  // The same step again, then the next.
  for (const to of ['f#@big.test', 'g#@big.test']) await day(to);
  expect(sent.slice(3)).toEqual([40, 60]);
  expect(place.alerts(/^warmup:/)).toEqual(['warmup:ip-1 true', 'warmup:ip-1 false']);
  expect((await place.world.spool.audit()).violations).toEqual([]);
});

test('each provider has a warm-up of its own: one at its cap leaves the address to the others', async () => {
  await using place = await providerWorld({
    places: {
      'google.test': { host: '127.0.4.2', domains: ['one.test', 'two.test'] },
      'other.test': { host: '127.0.4.3', domains: ['other.test'] },
    },
    exits: {
      'ip-1': { bind: IP, dailyLimit: 100, warmup: { schedule: [5, 9], perProvider: true } },
      'ip-2': { bind: SPARE },
    },
    policy: {
      routes: [{ name: 'all', use: ['ip-1', 'ip-2'] }],
      shaping: { '*.google.test': { provider: 'google' } } as never,
    },
    grainMs: 10 * MINUTE,
  });
  for (let day = 1; day <= 2; day++) {
    const beganMs = place.world.clock.nowMs();
    // Whose domains they are is known moments after their first mail.
    for (const domain of ['one.test', 'two.test', 'other.test']) await place.send(`first#@${domain}`);
    await place.pass(10 * MINUTE);
    for (const domain of ['one.test', 'two.test', 'other.test']) await place.send(`a#@${domain}`, { count: 12 });
    await place.pass(HOUR);
    const taken = ['google.test', 'other.test'].map((name) => place.taken(name, beganMs)[IP]);
    expect(taken).toEqual(day === 1 ? [5, 5] : [9, 9]);
    await place.world.passTo(beganMs + DAY);
  }
  expect((await place.world.spool.audit()).finished).toMatchObject({ delivered: 78 });
});
