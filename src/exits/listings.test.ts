import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { startDnsServer } from '../../tests/fakes/dns-server.ts';
import { DnsZone, fakeDns } from '../../tests/fakes/dns.ts';
import { testPolicy } from '../../tests/fakes/exits.ts';
import { ADDRESS, EGRESS, ListingRig as Rig, soundZone, ZEN } from '../../tests/fakes/listing-rig.ts';
import { MemoryMarks } from '../../tests/fakes/marks.ts';
import { ownAddresses } from './listings.ts';
import type { Dns } from '../ports.ts';
import { listingName, testNames } from '../routing/listing.ts';
import { systemDns } from '../system.ts';

const SIX = '2001:db8::7';
const HOUR = 3_600;
const OPEN = { gates: [], pace: 1 };
const CLOSED = { gates: ['listed'], pace: 1 };

describe('an own address', () => {
  test('is looked up once an hour, in each zone', async () => {
    const rig = new Rig({ blocklists: { zones: [ZEN, 'bl.example'] }, zone: soundZone([ZEN, 'bl.example']) });
    await rig.pass(HOUR - 10);
    const asked = (name: string): number => rig.zone.queries.filter((query) => query === `a ${name}`).length;
    expect([asked(listingName(ADDRESS, ZEN)), asked(listingName(ADDRESS, 'bl.example'))]).toEqual([1, 1]);
    await rig.pass(20);
    expect([asked(listingName(ADDRESS, ZEN)), asked(listingName(ADDRESS, 'bl.example'))]).toEqual([2, 2]);
    expect(rig.alerts()).toEqual([]);
  });

  test('that is listed closes its exit and no other, and the alert says where, why, and what to do', async () => {
    const rig = new Rig();
    rig.list(ADDRESS, ['127.0.0.2'], { text: 'https://www.spamhaus.org/query/ip/198.51.100.7' });
    await rig.pass(20);
    expect(rig.checks('ip')).toEqual(CLOSED);
    expect(rig.checks('other')).toEqual(OPEN);
    expect(rig.alerts()).toEqual([
      'raised address-listed:198.51.100.7: 198.51.100.7 (ip) is listed in zen.spamhaus.org (SBL: https://www.spamhaus.org/query/ip/198.51.100.7). ' +
        'Nothing goes out by it: other mail takes other exits; what of marketing was tried by it is held (relevo queue release --egress ip --stream marketing: by whatever exit is open then, which may be another address), and does not expire meanwhile. ' +
        'Find the cause, then ask https://check.spamhaus.org/ to take it off. It is looked at again every 60 min',
    ]);
  });

  test('that is delisted comes back by itself in three looks', async () => {
    const rig = new Rig();
    rig.list(ADDRESS, ['127.0.0.3']);
    await rig.pass(20);
    rig.zone.delete(listingName(ADDRESS, ZEN));
    const paces: number[] = [];
    for (let look = 0; look < 3; look++) {
      await rig.pass(HOUR);
      paces.push(rig.checks().pace);
    }
    expect(rig.checks()).toEqual(OPEN);
    expect(paces).toEqual([0.25, 0.5, 1]);
    expect(rig.alerts()).toHaveLength(2);
    expect(rig.alerts()[1]).toContain(
      'over address-listed:198.51.100.7: 198.51.100.7 (ip) is not listed any more: it sends at 25 % of its pace',
    );
  });

  test('of IPv6 is looked up by its nibbles, and closed where it is listed', async () => {
    const rig = new Rig({ egress: { six: { type: 'mx', bind: SIX } } });
    rig.list(SIX, ['127.0.0.2']);
    await rig.pass(20);
    expect(rig.checks('six')).toEqual(CLOSED);
    expect(rig.zone.queries).toContain(`a ${listingName(SIX, ZEN)}`);
  });

  test('of IPv6 in a list without IPv6 is neither listed nor clean, and no alarm', async () => {
    const rig = new Rig({ egress: { six: { type: 'mx', bind: SIX } }, zone: soundZone([ZEN], [4]) });
    await rig.pass(5 * HOUR);
    expect(rig.marks.read(`listing:${SIX}`)).toMatchObject({ zones: [{ listed: null }] });
    expect(rig.alerts()).toEqual([]);
  });

  test('in the PBL goes on sending, with a word to the operator', async () => {
    const rig = new Rig();
    rig.list(ADDRESS, ['127.0.0.10']);
    await rig.pass(2 * HOUR);
    expect(rig.checks()).toEqual(OPEN);
    expect(rig.alerts()).toHaveLength(1);
    expect(rig.alerts()[0]).toMatch(
      /^raised address-noted:198\.51\.100\.7: .*\(PBL\): some servers refuse its mail.*goes on sending/,
    );
    expect(rig.holds).toEqual([]);
  });

  test('that is listed by fewer than the quorum goes on sending, with a word to the operator', async () => {
    const zones = [ZEN, 'bl.example'];
    const rig = new Rig({ blocklists: { zones, quorum: 2 }, zone: soundZone(zones) });
    rig.list(ADDRESS, ['127.0.0.2'], { zone: 'bl.example' });
    await rig.pass(20);
    expect(rig.checks()).toEqual(OPEN);
    expect(rig.alerts()[0]).toMatch(/^raised address-noted/);
    rig.list(ADDRESS, ['127.0.0.4']);
    await rig.pass(HOUR);
    expect(rig.checks()).toEqual(CLOSED);
  });

  test('what a list says of it is one plain line of bounded length', async () => {
    const rig = new Rig();
    rig.list(ADDRESS, ['127.0.0.2'], { text: `evil\u001b[2J\r\n${'x'.repeat(5_000)}` });
    await rig.pass(20);
    expect(rig.alerts()[0]).toMatch(/^[\x20-\x7e…]{1,900}$/);
    expect(rig.alerts()[0]).toContain('evil\\u{1b}[2J xxx');
  });

  test('is the public one of an exit behind address translation; private ones nobody lists', () => {
    const policy = testPolicy({
      egress: {
        nat: { type: 'mx', bind: '10.0.0.5', address: ADDRESS },
        inside: { type: 'mx', bind: '10.0.0.6' },
        server: { type: 'smtp', host: 'smtp.example', address: ADDRESS },
        unknown: { type: 'smtp', host: 'smtp.example' },
        off: { type: 'mx', bind: '198.51.100.9', enabled: false },
        six: { type: 'mx', bind: '2001:DB8:0:0::7' },
      },
    });
    expect(ownAddresses(policy)).toEqual([
      { address: ADDRESS, exits: ['nat', 'server'] },
      { address: SIX, exits: ['six'] },
    ]);
  });
});

describe('nothing is made of', () => {
  const everything = (records: readonly string[]): Dns => ({
    ...fakeDns(new DnsZone()),
    a: async () => (records.length === 0 ? { kind: 'missing' } : { kind: 'found', records }),
  });
  const failing: Dns = { ...fakeDns(new DnsZone()), a: async () => ({ kind: 'failed', cause: 'ETIMEOUT' }) };

  test.each([
    ['a resolver that says “no such name” to everything', everything([]), /no such name/],
    ['one that has a page for every name', everything(['203.0.113.9']), /makes answers up/],
    ['one that the list refuses', everything(['127.255.255.254']), /public or open resolver/],
    ['a list that lists everything', everything(['127.0.0.2']), /lists everything/],
    ['one that does not answer', failing, /ETIMEOUT/],
  ])('%s: neither listed nor clean, and after three looks one alert says what to do', async (_, dns, cause) => {
    const rig = new Rig({ dns });
    await rig.pass(HOUR);
    expect(rig.checks()).toEqual(OPEN);
    expect(rig.marks.read(`listing:${ADDRESS}`)).toMatchObject({
      zones: [{ listed: null, unknown: { cause: expect.stringMatching(cause) } }],
    });
    expect(rig.alerts()).toEqual([]);
    await rig.pass(6 * HOUR);
    expect(rig.alerts()).toHaveLength(1);
    expect(rig.alerts()[0]).toMatch(/^raised blocklist-unknown:zen\.spamhaus\.org: .*dns\.servers.*key/);
  });

  test('refusals while an address is listed: it stays closed', async () => {
    const rig = new Rig();
    rig.list(ADDRESS, ['127.0.0.2']);
    await rig.pass(20);
    rig.zone.set(testNames(ZEN, 4).present, { a: ['127.255.255.254'] });
    rig.zone.delete(listingName(ADDRESS, ZEN));
    await rig.pass(30 * HOUR);
    expect(rig.checks()).toEqual(CLOSED);
    rig.zone.set(testNames(ZEN, 4).present, { a: ['127.0.0.2'] });
    await rig.pass(HOUR);
    expect(rig.checks()).toEqual({ gates: [], pace: 0.25 });
  });

  test('no zones: nothing is asked', async () => {
    const rig = new Rig({ blocklists: { zones: [] } });
    await rig.pass(HOUR);
    expect(rig.zone.queries).toEqual([]);
    expect(rig.marks.all()).toEqual([]);
  });
});

describe('mail that was tried by a listed address', () => {
  test('is held where its stream is not to move, and once more for what was under way', async () => {
    const rig = new Rig();
    rig.list(ADDRESS, ['127.0.0.2']);
    await rig.pass(2 * HOUR);
    const hold = 'ip marketing: 198.51.100.7, by which it was tried, is listed';
    expect(rig.holds).toEqual([hold, hold, hold]);
  });

  test('is held later where the store is away', async () => {
    const rig = new Rig();
    rig.holdFails = true;
    rig.list(ADDRESS, ['127.0.0.2']);
    await rig.pass(100);
    rig.holdFails = false;
    await rig.pass(10);
    expect(rig.holds.length).toBeGreaterThan(0);
  });
});

describe('nodes that share a store', () => {
  test('look once for all, and all close the exit', async () => {
    const [clock, marks, zone] = [new FakeClock(), new MemoryMarks(), soundZone()];
    const one = new Rig({ clock, marks, zone, isShared: true, lag: 0.1 });
    const two = new Rig({ clock, marks, zone, isShared: true, lag: 0.9 });
    one.list(ADDRESS, ['127.0.0.2']);
    for (let look = 0; look < HOUR; look += 10) {
      await one.pass(10);
      await two.pass(10);
    }
    const asked = zone.queries.filter((query) => query === `a ${listingName(ADDRESS, ZEN)}`);
    expect(asked.length).toBeLessThanOrEqual(3);
    expect([one.alerts().length, two.alerts().length]).toEqual([1, 1]);
    expect([one.holds.length, two.holds.length]).toEqual([3, 0]);
  });

  test('and the next start knows what was found, without asking again', async () => {
    const [clock, marks, zone] = [new FakeClock(), new MemoryMarks(), soundZone()];
    const before = new Rig({ clock, marks, zone });
    before.list(ADDRESS, ['127.0.0.2']);
    await before.pass(20);
    const asked = zone.queries.length;
    const after = new Rig({ clock, marks, zone });
    await after.pass(60);
    expect(zone.queries).toHaveLength(asked);
    expect(after.alerts()).toHaveLength(1);
    expect(after.holds).toEqual([]);
  });
});

test('another policy is followed: a zone that is new is asked at once', async () => {
  const rig = new Rig({ zone: soundZone([ZEN, 'bl.example']) });
  await rig.pass(20);
  rig.list(ADDRESS, ['127.0.0.2'], { zone: 'bl.example' });
  rig.policy = testPolicy({ egress: EGRESS, blocklists: { zones: [ZEN, 'bl.example'] } });
  await rig.pass(10);
  expect(rig.checks()).toEqual(CLOSED);
});

test('another resolver is asked at once where the one before was refused', async () => {
  const rig = new Rig();
  rig.zone.set(testNames(ZEN, 4).present, { a: ['127.255.255.254'] });
  await rig.pass(4 * HOUR);
  expect(rig.alerts()).toHaveLength(1);
  rig.zone.set(testNames(ZEN, 4).present, { a: ['127.0.0.2'] });
  rig.policy = testPolicy({ egress: EGRESS, blocklists: { zones: [ZEN] }, dns: { servers: ['192.0.2.53'] } });
  await rig.pass(10);
  expect(rig.alerts()[1]).toBe('over blocklist-unknown:zen.spamhaus.org: zen.spamhaus.org answers again');
});

test('the key in a zone’s name is in no mark and no alert', async () => {
  const zone = 'sesame1234.zen.dq.spamhaus.net';
  const rig = new Rig({ blocklists: { zones: [zone] }, zone: soundZone([zone]) });
  rig.list(ADDRESS, ['127.0.0.2'], { zone });
  await rig.pass(20);
  expect(rig.checks()).toEqual(CLOSED);
  expect(JSON.stringify([rig.alerts(), rig.marks.all()])).not.toContain('sesame1234');
  expect(rig.alerts()[0]).toContain('KEY.zen.dq.spamhaus.net');
});

describe('over the wire, with a server that answers', () => {
  const patience = { timeoutMs: 200, tries: 1 };

  test('listed, clean, refused and silent zones are told apart', async () => {
    const zones = [ZEN, 'clean.example', 'refused.example', 'silent.example', 'gone.example'];
    const zone = soundZone([ZEN, 'clean.example', 'silent.example']);
    zone.set(testNames('refused.example', 4).present, { a: ['127.255.255.254'] });
    zone.set(testNames('silent.example', 4).present, { fault: 'timeout' });
    zone.set(listingName(ADDRESS, ZEN), { a: ['127.0.0.4', '127.0.0.11'], txt: ['https://check.spamhaus.org/'] });
    await using server = await startDnsServer(zone);
    const dns = systemDns(() => [server.address], patience);
    const rig = new Rig({ egress: { ip: { type: 'mx', bind: ADDRESS } }, blocklists: { zones }, zone, dns });
    await rig.look();
    expect(rig.checks()).toEqual(CLOSED);
    expect(rig.marks.read(`listing:${ADDRESS}`)).toMatchObject({
      zones: [
        { zone: ZEN, listed: true, cause: 'XBL: https://check.spamhaus.org/', unknown: null },
        { zone: 'clean.example', listed: false, unknown: null },
        { zone: 'refused.example', listed: null, unknown: { cause: expect.stringContaining('127.255.255.254') } },
        { zone: 'silent.example', listed: null, unknown: { cause: expect.stringContaining('no answer') } },
        { zone: 'gone.example', listed: null, unknown: { cause: expect.stringContaining('no such name') } },
      ],
    });
  });

  test('the end of the relay does not wait for DNS', async () => {
    const zone = soundZone();
    zone.set(testNames(ZEN, 4).present, { fault: 'timeout' });
    await using server = await startDnsServer(zone);
    const rig = new Rig({ zone, dns: systemDns(() => [server.address], { timeoutMs: 60_000, tries: 1 }) });
    rig.ending.abort();
    await rig.look();
    expect(rig.marks.all()).toEqual([]);
  });
});
