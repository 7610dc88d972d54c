import { describe, expect, test } from 'vitest';
import { FakeClock, settled } from '../../../tests/fakes/clock.ts';
import { someSites, type SomeSites } from '../../../tests/fakes/sites.ts';
import type { Event } from '../../message/event.ts';
import type { Sites } from './sites.ts';

const MINUTE = 60_000;
const EXITS: SomeSites['egress'] = {
  'ip-1': { type: 'mx' },
  'ip-2': { type: 'mx' },
  box: { type: 'sandbox', path: 'box' },
};

/** Domains whose hosts are known at once, once they were asked for. */
async function sitesOf(
  hosts: Readonly<Record<string, readonly string[] | null>>,
  options: SomeSites = {},
): Promise<Sites> {
  const sites = someSites({ egress: EXITS, hostsOf: async (domain) => hosts[domain] ?? null, ...options });
  for (const domain of Object.keys(hosts)) sites.siteOf(domain);
  await settled();
  return sites;
}

const GOOGLE = { 'gmail.com': ['gmail-smtp-in.l.google.com'], 'a.test': ['aspmx.l.google.com', 'mx.other.example'] };

describe('domains', () => {
  test('whose mail the same hosts take are one site, with the figures of their provider', async () => {
    const sites = await sitesOf({ ...GOOGLE, 'b.test': ['mx.b.test'] });
    const site = sites.siteOf('gmail.com');
    expect(sites.siteOf('a.test')).toBe(site);
    expect(site).toMatchObject({ name: 'google', provider: 'google', most: 20, rate: { count: 600 } });
    expect(sites.siteOf('b.test')).toMatchObject({ name: 'b.test', provider: null, most: 10, rate: null });
  });

  test('are sites of their own until their hosts are known, and nobody waits for that', async () => {
    let answer: (hosts: readonly string[]) => void = () => undefined;
    const moved: string[] = [];
    const sites = someSites({
      hostsOf: () => new Promise((resolve) => (answer = resolve)),
      moved: (domain) => moved.push(domain),
    });
    expect(sites.siteOf('gmail.com')).toMatchObject({ name: 'gmail.com', most: 10 });
    answer(['gmail-smtp-in.l.google.com']);
    await settled();
    expect(moved).toEqual(['gmail.com']);
    expect(sites.siteOf('gmail.com').name).toBe('google');
  });

  test('are looked up again now and then, and stay what they were while DNS does not answer', async () => {
    const clock = new FakeClock();
    const asked: string[] = [];
    let hosts: readonly string[] | null = ['mx.one.example'];
    const hostsOf = async (domain: string) => {
      asked.push(domain);
      return hosts;
    };
    const sites = someSites({ clock, hostsOf });
    const names = async () => {
      sites.siteOf('a.test');
      await settled();
      return sites.siteOf('a.test').name;
    };
    expect(await names()).toBe('one.example');
    expect(asked).toHaveLength(1);
    hosts = null;
    await clock.advance(61 * MINUTE);
    expect(await names()).toBe('one.example');
    expect(asked).toHaveLength(2);
    hosts = ['mx.two.example'];
    await clock.advance(6 * MINUTE);
    expect(await names()).toBe('two.example');
  });

  test('that are address literals are asked for nowhere', async () => {
    const sites = someSites({ hostsOf: () => Promise.reject(new Error('was asked')) });
    expect(sites.siteOf('[192.0.2.1]').name).toBe('[192.0.2.1]');
    await settled();
  });
});

describe('a site', () => {
  test('takes no more at once than it may, over all exits', async () => {
    const sites = await sitesOf(GOOGLE, { shaping: { google: { connections: 2 } } });
    const site = sites.siteOf('a.test');
    const first = sites.started(site, 'ip-1');
    expect(sites.gateOf(site, 'ip-2')).toBeNull();
    sites.started(site, 'ip-2');
    expect(sites.gateOf(site, 'ip-1')).toEqual({
      gate: 'site',
      untilMs: null,
      cause: 'its site google has 2 of 2 connections',
    });
    sites.ended(first, 'success', '');
    expect(sites.gateOf(site, 'ip-1')).toBeNull();
  });

  test('takes no more in time than it may, and says when the next may go', async () => {
    const clock = new FakeClock();
    const sites = await sitesOf(GOOGLE, { clock, shaping: { google: { rate: '60/m' } } });
    const site = sites.siteOf('a.test');
    sites.ended(sites.started(site, 'ip-1'), 'success', '');
    const gate = sites.gateOf(site, 'ip-2');
    expect(gate).toMatchObject({ gate: 'site', cause: 'its site google is at its rate of 60/m' });
    expect((gate?.untilMs ?? 0) - clock.monotonicMs()).toBeCloseTo(1_000, -1);
    await clock.advance(1_001);
    expect(sites.gateOf(site, 'ip-2')).toBeNull();
  });

  test('at a rate of a message in minutes is not waited for in memory', async () => {
    const sites = await sitesOf(GOOGLE, { shaping: { google: { rate: '6/h' } } });
    const site = sites.siteOf('a.test');
    sites.ended(sites.started(site, 'ip-1'), 'success', '');
    expect(sites.gateOf(site, 'ip-2')).toMatchObject({ gate: 'site-rest' });
  });

  test('that asks one exit for less is open to the others', async () => {
    const sites = await sitesOf(GOOGLE, { shaping: { google: { connections: 20 } } });
    const site = sites.siteOf('a.test');
    sites.ended(sites.started(site, 'ip-1'), 'slower', 'unusual rate');
    expect(sites.gateOf(site, 'ip-1')).toMatchObject({ gate: 'site', cause: 'its site google asked for less' });
    expect(sites.gateOf(site, 'ip-2')).toBeNull();
  });

  test('that refuses an exit’s address is told of, and told again when it takes its mail', async () => {
    const clock = new FakeClock();
    const events: Event[] = [];
    const emit = (event: Event): void => void events.push(event);
    const sites = await sitesOf(GOOGLE, { clock, emit, shaping: { google: { connections: 20 } } });
    const site = sites.siteOf('a.test');
    for (let count = 0; count < 3; count++) sites.ended(sites.started(site, 'ip-1'), 'blocked', 'go away');
    expect(sites.gateOf(site, 'ip-1')).toMatchObject({
      gate: 'site-rest',
      cause: 'its site google refuses its address',
    });
    await clock.advance(31 * MINUTE);
    const probe = sites.started(site, 'ip-1');
    expect(sites.gateOf(site, 'ip-1')?.cause).toBe(
      'its site google has 1 of the 1 connections that it takes from it, as learnt',
    );
    sites.ended(probe, 'success', '');
    expect(sites.gateOf(site, 'ip-1')).toBeNull();
    expect(events).toMatchObject([
      { name: 'site-blocked:ip-1', raised: true, text: expect.stringContaining('30 minutes') },
      { name: 'site-blocked:ip-1', raised: false },
    ]);
  });

  test('that refuses an exit’s address is told of once, however often it does, and not forgotten before it takes its mail', async () => {
    const clock = new FakeClock();
    const events: Event[] = [];
    const emit = (event: Event): void => void events.push(event);
    const sites = await sitesOf(GOOGLE, { clock, emit, shaping: { google: { connections: 20 } } });
    const site = sites.siteOf('a.test');
    for (let count = 0; count < 3; count++) sites.ended(sites.started(site, 'ip-1'), 'blocked', 'go away');
    for (const minutes of [31, 61, 121]) {
      await clock.advance(minutes * MINUTE);
      sites.tidy(new Set());
      sites.ended(sites.started(sites.siteOf('a.test'), 'ip-1'), 'blocked', 'go away');
    }
    await clock.advance(60 * MINUTE);
    sites.tidy(new Set());
    expect(sites.gateOf(sites.siteOf('a.test'), 'ip-1')?.gate).toBe('site-rest');
    expect(events).toMatchObject([{ name: 'site-blocked:ip-1', raised: true }]);
    // Nobody asks any more: it is not in force for ever.
    await clock.advance(24 * 60 * MINUTE);
    sites.tidy(new Set());
    expect(events).toMatchObject([{ raised: true }, { name: 'site-blocked:ip-1', raised: false }]);
  });

  test('is no alert of its own where many sites refuse an exit: one tells of all, until the last takes its mail', async () => {
    const clock = new FakeClock();
    const events: Event[] = [];
    const names = Array.from({ length: 1_000 }, (_, place) => `c${place}.test`);
    const sites = someSites({ clock, emit: (event) => void events.push(event), egress: EXITS });
    const block = (name: string): void =>
      sites.ended(sites.started(sites.siteOf(name), 'ip-1'), 'blocked', 'no '.repeat(1_000));
    for (const name of names) for (let count = 0; count < 3; count++) block(name);
    expect(events).toHaveLength(1);
    await clock.advance(11 * MINUTE);
    sites.tidy(new Set());
    sites.tidy(new Set());
    expect(events).toMatchObject([
      { name: 'site-blocked:ip-1', raised: true },
      { name: 'site-blocked:ip-1', raised: true, text: expect.stringContaining('1000 sites') },
    ]);
    for (const event of events) expect(JSON.stringify(event).length).toBeLessThan(800);
    await clock.advance(4 * 60 * MINUTE);
    for (const name of names) sites.ended(sites.started(sites.siteOf(name), 'ip-1'), 'success', '');
    expect(events.slice(2)).toMatchObject([
      { name: 'site-blocked:ip-1', raised: false, text: 'c999.test takes mail by ip-1 again' },
    ]);
  });

  test('is one of very many at most: those of their own go when their hosts are known, and the oldest without mail', async () => {
    const clock = new FakeClock();
    const hosted = someSites({ clock, hostsOf: async () => ['aspmx.l.google.com'] });
    for (let count = 0; count < 300; count++) hosted.siteOf(`d${count}.test`);
    await settled();
    expect([...hosted.all].map(({ name }) => name)).toEqual(['google']);

    const sites = someSites({ clock, egress: EXITS });
    for (let count = 0; count < 25_000; count++) sites.siteOf(`[192.0.2.${count}]`);
    const slowed = sites.siteOf('[192.0.2.0]');
    const busy = sites.siteOf('[192.0.2.1]');
    sites.ended(sites.started(slowed, 'ip-1'), 'slower', '');
    sites.started(busy, 'ip-1');
    sites.tidy(new Set());
    expect([...sites.all]).toHaveLength(20_000);
    expect([...sites.all].slice(0, 2)).toEqual([slowed, busy]);
  });

  test('is nothing to mail that goes to a sandbox', async () => {
    const sites = await sitesOf(GOOGLE, { shaping: { google: { connections: 1 } } });
    const site = sites.siteOf('a.test');
    expect(sites.started(site, 'box')).toBeNull();
    expect(site.inFlight).toBe(0);
    sites.started(site, 'ip-1');
    expect(sites.gateOf(site, 'box')).toBeNull();
  });

  test('is shared by workers: each its part of connections and rate, and one connection at least', async () => {
    const four = { share: (limit: number) => Math.floor(limit / 4), workers: () => 4 };
    const sites = await sitesOf({ ...GOOGLE, 'o.test': ['smtp-in.orange.fr'] }, four);
    expect(sites.siteOf('a.test')).toMatchObject({ most: 5, rate: { count: 600, windowMs: 4 * MINUTE } });
    expect(sites.siteOf('o.test').most).toBe(1);
  });

  test('wakes what waits when time opens it', async () => {
    const clock = new FakeClock();
    const woken: number[] = [];
    const sites = await sitesOf(GOOGLE, {
      clock,
      shaping: { google: { rate: '60/m' } },
      changed: () => void woken.push(clock.monotonicMs()),
    });
    const site = sites.siteOf('a.test');
    sites.ended(sites.started(site, 'ip-1'), 'success', '');
    woken.length = 0;
    const startMs = clock.monotonicMs();
    sites.wakeLater(site);
    await clock.advance(2_000);
    expect(woken.map((atMs) => Math.round((atMs - startMs) / 100) / 10)).toEqual([1]);
  });
});
