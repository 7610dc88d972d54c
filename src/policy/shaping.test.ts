import { describe, expect, test } from 'vitest';
import { providerOf } from './providers.ts';
import { policySchema, type PolicyInput } from './schema.ts';
import { checkShaping } from './checks/shaping.ts';
import { shapeOf, siteOf } from './shaping.ts';
import { parseShipped, shippedShaping } from './shipped-shaping.ts';

function shapingOf(shaping: PolicyInput['shaping']) {
  return policySchema.parse({ hostname: 'relay.test', shaping }).shaping;
}

const NONE = shapingOf({});

describe('the shipped file', () => {
  test('knows the 25 largest mailbox providers and more, each with figures', () => {
    const providers = Object.values(shippedShaping());
    expect(providers.length).toBeGreaterThanOrEqual(25);
    for (const { hosts, connections, perConnection, rate } of providers) {
      expect(hosts.length).toBeGreaterThan(0);
      expect(connections).toBeGreaterThanOrEqual(2);
      expect(perConnection).toBeGreaterThanOrEqual(10);
      expect(rate.count).toBeGreaterThan(0);
    }
  });

  test.each([
    ['gmail-smtp-in.l.google.com', 'google'],
    ['ALT1.ASPMX.L.GOOGLE.COM', 'google'],
    ['outlook-com.olc.protection.outlook.com', 'outlook'],
    ['example-com.mail.protection.outlook.com', 'microsoft365'],
    ['mta5.am0.yahoodns.net', 'yahoo'],
    ['mx01.mail.icloud.com', 'apple'],
    ['mx00.gmx.net', 'gmx'],
    ['mx-ha02.web.de', 'gmx'],
    ['mx01.ionos.co.uk', 'gmx'],
    ['mx00.t-online.de', 't-online'],
    ['smtp-in.orange.fr', 'orange'],
    ['mx1.mail.yahoo.co.jp', 'yahoo-japan'],
    ['mxs.mail.ru', 'mailru'],
    ['163mx01.mxmail.netease.com', 'netease'],
    ['in1-smtp.messagingengine.com', 'fastmail'],
    ['mx.example.org', 'other'],
    ['google.com.example.org', 'other'],
  ])('%s is a host of %s', (host, provider) => {
    expect(providerOf({ shaping: NONE }, host)).toBe(provider);
  });

  test('has no host that two providers claim', () => {
    const globs = Object.values(shippedShaping()).flatMap(({ hosts }) => hosts);
    expect(new Set(globs).size).toBe(globs.length);
  });

  test.each([
    ['providers: { a: { hosts: ["*.a.example"], connections: 0, rate: 1/m } }', 'positive'],
    ['providers: { a: { hosts: ["*.a.example"], connections: 3 } }', 'rate'],
    ['providers: { a: { hosts: [], connections: 3, rate: 1/m } }', 'hosts'],
    ['providers: { A: { hosts: ["*.a.example"], connections: 3, rate: 1/m } }', 'lower case'],
    ['providers: { a: { hosts: ["*.a.example"], connection: 3, rate: 1/m } }', 'connection'],
  ])('is refused where it is broken: %s', (text, cause) => {
    expect(() => parseShipped(text)).toThrow(cause);
  });
});

describe('the operator’s entries', () => {
  test('win over the shipped ones, as a whole', () => {
    const shaping = shapingOf({ '*.google.com': { connections: 3 } });
    const shape = shapeOf(shaping, 'aspmx.l.google.com');
    expect(shape).toEqual({ site: 'google', provider: 'google', connections: 3, perConnection: 100, rate: null });
    expect(shapeOf(shaping, 'mx00.gmx.net')).toMatchObject({ provider: 'gmx', connections: 6 });
  });

  test('may name a provider of the shipped file, and then hold for all of its hosts', () => {
    const shaping = shapingOf({ google: { connections: 2, rate: '10/m' } });
    for (const host of ['aspmx.l.google.com', 'aspmx2.googlemail.com'])
      expect(shapeOf(shaping, host)).toMatchObject({ site: 'google', connections: 2, rate: { count: 10 } });
  });

  test('name providers of their own, whose hosts are one site', () => {
    const shaping = shapingOf({
      '*.mail.example': { connections: 2, provider: 'Example' },
      '*.other.example': { connections: 2, provider: 'example' },
    });
    expect(siteOf(shaping, { domain: 'a.test', hosts: ['mx.mail.example'] })).toBe('example');
    expect(siteOf(shaping, { domain: 'b.test', hosts: ['mx.other.example'] })).toBe('example');
    expect(providerOf({ shaping }, 'mx.mail.example')).toBe('example');
  });

  test('are a site each where they name no provider', () => {
    const shaping = shapingOf({ '*.mail.example': { connections: 2 } });
    expect(siteOf(shaping, { domain: 'a.test', hosts: ['mx.mail.example'] })).toBe('*.mail.example');
    expect(providerOf({ shaping }, 'mx.mail.example')).toBe('other');
  });

  test('say what holds for all others, which are no site together', () => {
    const shaping = shapingOf({ default: { connections: 4, rate: '5/m' } });
    expect(shapeOf(shaping, 'mx.example.org')).toMatchObject({ site: null, connections: 4, rate: { count: 5 } });
  });

  test('a rate of nothing is refused', () => {
    expect(() => shapingOf({ '*.a.example': { rate: '0/m' } })).toThrow('at least 1');
  });
});

describe('a site without an entry is what its hosts’ owner registered', () => {
  test.each([
    ['a.test', ['mx1.mailer.example', 'mx2.mailer.example'], 'mailer.example'],
    ['b.test', ['mx7.eu.MAILER.example'], 'mailer.example'],
    ['a.co.uk', ['mx.host.co.uk'], 'host.co.uk'],
    ['a.com.br', ['mx.host.com.br'], 'host.com.br'],
    ['a.de', ['mx.co.de'], 'mx.co.de'],
    ['plain.example', [], 'plain.example'],
    ['sub.plain.example', [], 'plain.example'],
    ['[192.0.2.1]', [], '[192.0.2.1]'],
    ['a.test', ['localhost'], 'localhost'],
  ])('%s with %j is %s', (domain, hosts, site) => {
    expect(siteOf(NONE, { domain, hosts })).toBe(site);
  });
});

describe('a policy is told of', () => {
  test.each<[PolicyInput['shaping'], string[]]>([
    [
      { gogle: { connections: 3 } },
      ['gogle: fits no host, and config/shaping.yaml has no provider of that name, did you mean "google"?'],
    ],
    [{ google: { connections: 3 }, '*.mail.example': {}, default: {} }, []],
    [
      { '*.a.example': { connections: 3, provider: 'x' }, '*.b.example': { connections: 4, provider: 'X' } },
      [
        '*.b.example: is the same site with other figures (provider X): those of the host that mail goes to first hold for all of it',
      ],
    ],
    [{ '*.a.example': { connections: 3, provider: 'x' }, '*.b.example': { connections: 3, provider: 'x' } }, []],
  ])('what cannot be meant so: %j', (shaping, expected) => {
    const checks = checkShaping({ shaping: shapingOf(shaping) });
    expect(checks.map(({ path, text }) => `${path.at(-1)}: ${text}`)).toEqual(expected);
  });
});
