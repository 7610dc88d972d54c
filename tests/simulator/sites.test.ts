/** Item 7: what holds for a receiving site, at mailbox providers that host several domains, slow down, greylist and block. */
import { expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, providerWorld, SECOND } from '../fakes/provider-world.ts';

const [ONE, TWO] = ['127.0.3.21', '127.0.3.22'] as const;
const EXITS = { 'ip-1': { bind: ONE }, 'ip-2': { bind: TWO } };

test('three domains of one provider have its connections together, whatever there is of each', async () => {
  const domains = ['one.test', 'two.test', 'three.test'];
  await using place = await providerWorld({
    places: { 'big.test': { host: '127.0.4.31', domains, terms: 'connections: 4, tarpit: 100ms' } },
    exits: { 'ip-1': { bind: ONE } },
    policy: { shaping: { '*.big.test': { connections: 4 } } },
    grainMs: SECOND,
    hangs: true,
  });
  // Until its hosts are known each domain is a site of its own.
  for (const domain of domains) await place.send(`first#@${domain}`);
  await place.pass(10 * SECOND);
  for (const domain of domains) await place.send(`a#@${domain}`, { count: 15 });
  await place.pass(MINUTE);
  expect(place.taken('big.test')).toEqual({ [ONE]: 48 });
  expect(place.refused('big.test')).toEqual({});
  // It would have refused a fifth.
  expect(place.world.connectionsOf(ONE)).toBeGreaterThanOrEqual(3);
});

test('a provider that says 421 gets less from that address, by what it takes, and none of it is lost or bounced', async () => {
  await using place = await providerWorld({
    places: { 'rated.test': { host: '127.0.4.32', domains: ['rated.test'], terms: 'manner: google, rate: 30/h' } },
    exits: { 'ip-1': { bind: ONE } },
  });
  await place.send('a#@rated.test', { count: 120 });
  const sites = async (): Promise<number> =>
    ((await place.world.path.figures()).sites ?? []).reduce((sum, { slowed }) => sum + slowed, 0);
  await place.pass(10 * MINUTE);
  expect(await sites()).toBe(1);
  const early = place.refused('rated.test')[ONE] ?? 0;
  expect(early).toBeGreaterThan(0);
  await place.pass(12 * HOUR);
  expect(place.taken('rated.test')).toEqual({ [ONE]: 120 });
  // Far from one for each message that has to wait.
  expect(place.refused('rated.test')[ONE]).toBeLessThan(60);
  const audit = await place.world.spool.audit();
  expect(audit.finished).toMatchObject({ delivered: 120, bounced: 0 });
});

test('greylisted mail comes again by the address that was met, whosever turn it is', async () => {
  await using place = await providerWorld({
    places: {
      'grey.test': { host: '127.0.4.33', domains: ['grey.test'], terms: 'greylist: { delay: 5m, remember: 1d }' },
      'plain.test': { host: '127.0.4.34', domains: ['plain.test'] },
    },
    exits: EXITS,
  });
  for (let round = 0; round < 5; round++) {
    await place.send('a#@grey.test', { count: 3 });
    await place.send('b#@plain.test', { count: 2 });
    await place.pass(MINUTE);
  }
  await place.pass(HOUR);
  const clients = new Map<string, Set<string>>();
  for (const one of place.provided) {
    if (one.provider !== 'grey.test' || (one.event !== 'refused' && one.event !== 'taken')) continue;
    const recipient = one.event === 'refused' ? one.recipient : one.recipients[0];
    clients.set(recipient ?? '', (clients.get(recipient ?? '') ?? new Set()).add(one.client));
  }
  expect([...clients.values()].map(({ size }) => size)).toEqual(Array.from({ length: 15 }, () => 1));
  const taken = Object.values(place.taken('grey.test'));
  expect(taken.reduce((sum, count) => sum + count, 0)).toBe(15);
  expect(taken).toHaveLength(2);
});

test.each(['plain', 'google', 'microsoft', 'yahoo'])(
  'an address that is blocked in the manner of %s: urgent mail goes by the other, marketing waits for the operator',
  async (manner) => {
    const terms = `manner: ${manner}, blocked: [{ network: ${ONE}, as: reputation, until: 1d }]`;
    await using place = await providerWorld({
      places: { 'picky.test': { host: '127.0.4.35', domains: ['picky.test'], terms } },
      exits: EXITS,
      policy: { routes: [{ name: 'all', use: ['ip-1', 'ip-2'] }] },
    });
    const [news] = await place.send('news#@picky.test', { stream: 'marketing' });
    await place.pass(MINUTE);
    const urgent = await place.send('a#@picky.test', { count: 3 });
    await place.pass(MINUTE);
    expect(place.taken('picky.test')).toEqual({ [TWO]: 3 });
    const ended = (kind: string): string[] =>
      place.told.flatMap((event) => (event.event === kind && 'messageId' in event ? [event.messageId] : []));
    expect(ended('delivered').toSorted()).toEqual(urgent.toSorted());
    expect(ended('held')).toEqual([news]);
    expect(place.alerts(/./)).toContain('site-blocked:ip-1 true');
    // Days later it waits still, and goes as soon as somebody says so.
    await place.world.passTo(place.world.clock.nowMs() + DAY, HOUR);
    expect(ended('delivered')).toHaveLength(3);
    await place.world.spool.release({ state: 'held' }, place.world.clock.nowMs());
    place.world.path.wake();
    await place.pass(2 * HOUR, 10 * MINUTE);
    expect(ended('delivered').at(-1)).toBe(news);
  },
);
