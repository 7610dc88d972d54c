import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { MemoryMarks } from '../../tests/fakes/marks.ts';
import type { Event } from '../message/event.ts';
import { policySchema } from '../policy/schema.ts';
import type { Dns, DnsAnswer } from '../ports.ts';
import { DnsWatch } from './dns-watch.ts';
import { domainRecords } from './domain-records.ts';

const HOUR = 3_600_000;

async function world() {
  const folder = mkdtempSync(join(tmpdir(), 'relevo-dns-watch-'));
  const key = join(folder, 'key.pem');
  const { privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  const domains = { 'shop.test': { dkim: [{ selector: 's1', key }], returnPath: 'bounce.shop.test' } };
  const policy = policySchema.parse({ hostname: 'relay.test', domains });
  const zone = new Map<string, string>();
  for (const { type, name, value } of (await domainRecords(policy, 'shop.test')).records)
    zone.set(`${type} ${name}`, value);
  const state = { fails: false, asked: 0, isOurs: true };
  const answer = (type: string, name: string): DnsAnswer<string> => {
    state.asked += 1;
    if (state.fails) return { kind: 'failed', cause: 'timeout' };
    const found = zone.get(`${type} ${name}`);
    return found === undefined ? { kind: 'missing' } : { kind: 'found', records: [found] };
  };
  const dns = {
    txt: async (name: string) => answer('TXT', name),
    mx: async (name: string) => {
      const found = answer('MX', name);
      if (found.kind !== 'found') return found;
      return { kind: 'found', records: [{ preference: 10, exchange: found.records[0]?.split(' ')[1] ?? '' }] };
    },
  } as unknown as Dns;
  const clock = new FakeClock();
  const marks = new MemoryMarks();
  const told: string[] = [];
  const emit = (event: Event): void => {
    if (event.event === 'alert') told.push(`${event.name} ${event.raised}`);
  };
  const start = () => new DnsWatch({ policy: () => policy, clock, dns, emit, marks, isOurs: async () => state.isOurs });
  const look = (watch: DnsWatch) => watch.look(new AbortController().signal);
  return { zone, state, clock, told, start, look };
}

test('a key that DNS does not have, and a return path without MX, are told once a day at most, and over when they are there', async () => {
  const { zone, state, clock, told, start, look } = await world();
  const watch = start();
  await look(watch);
  expect(told).toEqual([]);
  const [key = '', mx = ''] = [zone.get('TXT s1._domainkey.shop.test'), zone.get('MX bounce.shop.test')];
  zone.set('TXT s1._domainkey.shop.test', 'v=DKIM1; k=ed25519; p=AAAA');
  zone.delete('MX bounce.shop.test');
  await clock.advance(HOUR);
  await look(watch);
  expect(told).toEqual([]);
  await clock.advance(24 * HOUR);
  await look(watch);
  expect(told).toEqual(['dkim-dns:s1._domainkey.shop.test true', 'dns:bounces:bounce.shop.test true']);
  zone.set('TXT s1._domainkey.shop.test', key).set('MX bounce.shop.test', mx);
  await clock.advance(24 * HOUR);
  await look(watch);
  expect(told.slice(2)).toEqual(['dkim-dns:s1._domainkey.shop.test false', 'dns:bounces:bounce.shop.test false']);
  expect(state.asked).toBeGreaterThan(0);
});

test('what DNS does not answer is left as it was, and a restart neither asks again nor forgets', async () => {
  const { zone, state, clock, told, start, look } = await world();
  zone.delete('TXT shop.test');
  await look(start());
  expect(told).toEqual(['dns:spf:shop.test true']);
  const { asked } = state;
  const next = start();
  await next.start();
  await look(next);
  expect([told.length, state.asked]).toEqual([2, asked]);
  state.fails = true;
  await clock.advance(25 * HOUR);
  await look(next);
  expect(told).toEqual(['dns:spf:shop.test true', 'dns:spf:shop.test true']);
  state.isOurs = false;
  await look(next);
  expect(told.at(-1)).toBe('dns:spf:shop.test false');
});
