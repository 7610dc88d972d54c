/** Item 10: an address that a DNS server on loopback lists, and takes from its list again. */
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Dns } from '../../src/ports.ts';
import { systemDns } from '../../src/system.ts';
import { startDnsServer } from '../fakes/dns-server.ts';
import { DnsZone } from '../fakes/dns.ts';
import { HOUR, MINUTE, type ProviderWorld, providerWorld } from '../fakes/provider-world.ts';

const [LISTED, SPARE] = ['127.0.3.51', '127.0.3.52'] as const;

/** Names are asked for in real time: nothing goes on while an answer is awaited. */
class Asked {
  #pending = 0;
  /** So many questions so far. */
  count = 0;
  readonly dns: Dns;

  constructor(address: string) {
    const real = systemDns(() => [address]);
    const counted =
      <Answer>(ask: (name: string) => Promise<Answer>) =>
      (name: string): Promise<Answer> => {
        this.#pending += 1;
        this.count += 1;
        return ask(name).finally(() => (this.#pending -= 1));
      };
    this.dns = {
      mx: counted((name) => real.mx(name)),
      a: counted((name) => real.a(name)),
      aaaa: counted((name) => real.aaaa(name)),
      txt: counted((name) => real.txt(name)),
    };
  }

  async pass({ world }: ProviderWorld, forMs: number, grainMs: number): Promise<void> {
    for (const endMs = world.clock.nowMs() + forMs; world.clock.nowMs() < endMs;) {
      await world.passTo(Math.min(endMs, world.clock.nowMs() + grainMs), grainMs);
      do await wait(1);
      while (this.#pending > 0);
      await world.rest();
    }
  }
}

test('an address that is listed sends nothing, its urgent mail goes by another, marketing is held; it returns by degrees', async () => {
  const zone = new DnsZone({ '2.0.0.127.bl.test': { a: ['127.0.0.2'] } });
  await using server = await startDnsServer(zone);
  const asked = new Asked(server.address);
  await using place = await providerWorld({
    places: { 'far.test': { host: '127.0.4.61', domains: ['far.test'], terms: 'full: ["full*@*"]' } },
    exits: {
      'ip-1': { bind: LISTED, address: '198.51.100.51', hourlyLimit: 40 },
      'ip-2': { bind: SPARE, address: '198.51.100.52' },
    },
    policy: { routes: [{ name: 'all', use: ['ip-1', 'ip-2'] }], blocklists: { zones: ['bl.test'] } },
    names: () => asked.dns,
  });
  const { world } = place;
  const pass = (forMs: number, grainMs = 5 * MINUTE): Promise<void> => asked.pass(place, forMs, grainMs);
  const sent = async (count: number): Promise<Record<string, number>> => {
    const sinceMs = world.clock.nowMs();
    await place.send('a#@far.test', { count });
    await pass(2 * MINUTE, MINUTE);
    return place.taken('far.test', sinceMs);
  };
  await pass(2 * HOUR);
  expect(await sent(4)).toEqual({ [LISTED]: 4 });
  // What waits, tried by the address a moment ago.
  const [news] = await place.send('full#@far.test', { stream: 'marketing' });
  const [urgent] = await place.send('full#@far.test');

  zone.set('51.100.51.198.bl.test', { a: ['127.0.0.2'], txt: ['seen in a trap'] });
  await pass(HOUR + 10 * MINUTE);
  expect(place.alerts(/^address-listed:/)).toEqual(['address-listed:198.51.100.51 true']);
  expect(world.standings.standingOf('ip-1').closures.map(({ gate }) => gate)).toEqual(['listed']);
  expect(await sent(4)).toEqual({ [SPARE]: 4 });
  const held = async (): Promise<string[]> =>
    (await world.spool.list({ state: 'held' }, { limit: 10 })).map(({ delivery }) => delivery.id.split('.')[0] ?? '');
  expect(await held()).toEqual([news]);
  await place.change({ 'far.test': { host: '127.0.4.61', domains: ['far.test'] } });
  await pass(6 * HOUR);
  const delivered = place.told.filter(({ event }) => event === 'delivered');
  expect(delivered).toContainEqual(expect.objectContaining({ messageId: urgent, egress: 'ip-2' }));
  expect(await held()).toEqual([news]);

  zone.set('51.100.51.198.bl.test', {});
  const paces: number[] = [];
  for (let hour = 0; hour < 5 * 24; hour++) {
    await pass(HOUR, 30 * MINUTE);
    const { pace, closures } = world.standings.standingOf('ip-1');
    const now = closures.length > 0 ? 0 : pace;
    if (paces.at(-1) !== now) paces.push(now);
    if (now === 1) break;
  }
  expect(paces).toEqual(paces.toSorted((one, other) => one - other));
  expect(paces.length).toBeGreaterThanOrEqual(3);
  expect(paces.at(-1)).toBe(1);
  expect(place.alerts(/^address-listed:/)).toEqual([
    'address-listed:198.51.100.51 true',
    'address-listed:198.51.100.51 false',
  ]);
  expect(await sent(4)).toEqual({ [LISTED]: 4 });
});

test.each([
  ['refuses us', { a: ['127.255.255.254'] }],
  ['lists everything', { a: ['127.0.0.2'] }],
])('a list that %s lists nobody', async (_, answer) => {
  const zone = new DnsZone({
    '2.0.0.127.bl.test': answer,
    '1.0.0.127.bl.test': answer,
    '51.100.51.198.bl.test': answer,
  });
  await using server = await startDnsServer(zone);
  const asked = new Asked(server.address);
  await using place = await providerWorld({
    places: { 'far.test': { host: '127.0.4.62', domains: ['far.test'] } },
    exits: { 'ip-1': { bind: LISTED, address: '198.51.100.51' } },
    policy: { routes: [{ name: 'all', use: ['ip-1'] }], blocklists: { zones: ['bl.test'] } },
    names: () => asked.dns,
  });
  await asked.pass(place, 90 * MINUTE, 5 * MINUTE);
  expect(asked.count).toBeGreaterThan(2);
  await place.send('a#@far.test');
  expect(place.taken('far.test')).toEqual({ [LISTED]: 1 });
  expect(place.alerts(/^address-listed:/)).toEqual([]);
});
