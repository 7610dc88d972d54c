import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { DnsZone, fakeDns } from '../../../tests/fakes/dns.ts';
import { cachedDns } from './dns-cache.ts';
import { ExpiringMap } from './expiring-map.ts';

test('an answer is asked for once, however many want it at once, and again after a minute', async () => {
  const clock = new FakeClock();
  const zone = new DnsZone({ 'a.test': { a: ['192.0.2.1'] } });
  const dns = cachedDns(fakeDns(zone), clock);
  const answers = await Promise.all([dns.a('a.test'), dns.a('a.test'), dns.a('a.test')]);
  expect(answers).toEqual(Array.from({ length: 3 }, () => ({ kind: 'found', records: ['192.0.2.1'] })));
  await clock.advance(59_000);
  await dns.a('a.test');
  expect(zone.queries).toEqual(['a a.test']);
  await clock.advance(1_000);
  await dns.a('a.test');
  expect(zone.queries).toHaveLength(2);
});

test('types and names are kept apart', async () => {
  const zone = new DnsZone({ 'a.test': { a: ['192.0.2.1'], aaaa: ['2001:db8::1'] } });
  const dns = cachedDns(fakeDns(zone), new FakeClock());
  await Promise.all([dns.a('a.test'), dns.aaaa('a.test'), dns.mx('a.test'), dns.txt('a.test'), dns.a('b.test')]);
  expect(zone.queries).toHaveLength(5);
});

test('what is not there is looked for again soon, and what failed at once', async () => {
  const clock = new FakeClock();
  const zone = new DnsZone({ 'broken.test': { fault: 'servfail' } });
  const dns = cachedDns(fakeDns(zone), clock);
  expect(await dns.a('new.test')).toEqual({ kind: 'missing' });
  expect((await dns.a('broken.test')).kind).toBe('failed');
  zone.set('new.test', { a: ['192.0.2.1'] });
  zone.set('broken.test', { a: ['192.0.2.2'] });
  await clock.advance(1_000);
  expect((await dns.a('broken.test')).kind).toBe('found');
  expect((await dns.a('new.test')).kind).toBe('missing');
  await clock.advance(9_000);
  expect((await dns.a('new.test')).kind).toBe('found');
});

test('a question that failed by surprise is asked again', async () => {
  const dns = fakeDns(new DnsZone({ 'a.test': { a: ['192.0.2.1'] } }));
  let asked = 0;
  const failing = {
    ...dns,
    a: (name: string) => ((asked += 1) === 1 ? Promise.reject(new Error('a bug')) : dns.a(name)),
  };
  const cached = cachedDns(failing, new FakeClock());
  await expect(cached.a('a.test')).rejects.toThrow('a bug');
  expect(await cached.a('a.test')).toEqual({ kind: 'found', records: ['192.0.2.1'] });
});

test('a map that forgets has no more entries than it may, and none past its time', async () => {
  const clock = new FakeClock();
  const map = new ExpiringMap<number>(clock, 3);
  for (let value = 0; value < 10; value++) map.set(`key${value}`, value, 1_000);
  expect(map.size).toBe(3);
  expect(map.get('key6')).toBeUndefined();
  expect(map.get('key9')).toBe(9);
  map.set('key9', 10, 5_000);
  await clock.advance(1_000);
  expect([map.get('key8'), map.get('key9')]).toEqual([undefined, 10]);
});
