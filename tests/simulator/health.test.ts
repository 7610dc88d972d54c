/** Item 8: an own server that refuses, or hangs, is out of rotation until it is back; so is an address that is gone. */
import { expect, test } from 'vitest';
import { MINUTE, providerWorld, SECOND, type ProviderWorldNeeds } from '../fakes/provider-world.ts';

const [ADDRESS, SPARE] = ['127.0.3.31', '127.0.3.32'] as const;
const FAR = { host: '127.0.4.41', domains: ['far.test'] };
/** An own server is a provider that takes mail for everybody. */
const server = (terms = ''): ProviderWorldNeeds['places'] => ({
  'far.test': FAR,
  'server.test': { host: '127.0.4.42', domains: [], terms },
});

test.each([
  ['hangs', 'dead: blackhole'],
  ['refuses', 'dead: refuse'],
])('an own server that %s is left out after two checks, told once, and back by itself', async (_, terms) => {
  await using place = await providerWorld({
    places: server(),
    exits: { server: { type: 'smtp', host: '127.0.4.42', tls: 'none' }, spare: { bind: SPARE } },
    policy: { routes: [{ name: 'all', use: ['server', 'spare'] }] },
    grainMs: 5 * SECOND,
    hangs: true,
  });
  await place.pass(2 * MINUTE);
  await place.send('a#@far.test', { count: 2 });
  await place.pass(10 * SECOND);
  const byServer = (): number => Object.values(place.taken('server.test')).reduce((sum, count) => sum + count, 0);
  expect(byServer()).toBe(2);

  await place.change(server(terms));
  const goneMs = place.world.clock.nowMs();
  await place.pass(11 * MINUTE);
  expect(place.alerts(/^egress-down:/)).toEqual(['egress-down:server true']);
  await place.send('b#@far.test', { count: 3 });
  await place.pass(10 * SECOND);
  expect(place.taken('far.test', goneMs)).toEqual({ [SPARE]: 3 });

  await place.change(server());
  await place.pass(11 * MINUTE);
  expect(place.alerts(/^egress-down:/)).toEqual(['egress-down:server true', 'egress-down:server false']);
  const backMs = place.world.clock.nowMs();
  await place.send('c#@far.test', { count: 2 });
  await place.pass(10 * SECOND);
  expect(byServer()).toBe(4);
  expect(place.taken('far.test', backMs)).toEqual({});
  expect((await place.world.spool.audit()).finished).toMatchObject({ delivered: 7 });
});

test('a server that hangs while it has mail: that leaves by another, long before any check', async () => {
  await using place = await providerWorld({
    places: server('dead: blackhole'),
    exits: {
      server: { type: 'smtp', host: '127.0.4.42', tls: 'none', timeouts: { reply: '20s' } },
      spare: { bind: SPARE },
    },
    policy: { routes: [{ name: 'all', use: ['server', 'spare'] }] },
    grainMs: SECOND,
    hangs: true,
  });
  await place.send('a#@far.test', { count: 4 });
  await place.pass(50 * SECOND);
  expect(place.taken('far.test')).toEqual({ [SPARE]: 4 });
  expect((await place.world.spool.audit()).finished).toMatchObject({ delivered: 4 });
});

test('an address that the machine lost is passed over, told, and in its turn again once it is back', async () => {
  let isGone = false;
  await using place = await providerWorld({
    places: { 'far.test': FAR },
    exits: { 'ip-1': { bind: ADDRESS }, 'ip-2': { bind: SPARE } },
    canSendFrom: (address) => address !== ADDRESS || !isGone,
    grainMs: 10 * SECOND,
  });
  const sent = async (): Promise<Record<string, number>> => {
    const sinceMs = place.world.clock.nowMs();
    await place.send('a#@far.test', { count: 4 });
    await place.pass(20 * SECOND);
    return place.taken('far.test', sinceMs);
  };
  await place.pass(MINUTE);
  expect(await sent()).toEqual({ [ADDRESS]: 2, [SPARE]: 2 });
  isGone = true;
  await place.pass(11 * MINUTE);
  expect(place.alerts(/^address-missing:/)).toEqual([`address-missing:${ADDRESS} true`]);
  expect(await sent()).toEqual({ [SPARE]: 4 });
  isGone = false;
  await place.pass(11 * MINUTE);
  expect(place.alerts(/^address-missing:/).at(-1)).toBe(`address-missing:${ADDRESS} false`);
  expect(await sent()).toEqual({ [ADDRESS]: 2, [SPARE]: 2 });
});
