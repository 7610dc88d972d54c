import { generateKeyPairSync } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { DnsZone, fakeDns, type ZoneEntry } from '../../tests/fakes/dns.ts';
import { checkRecords, type RecordState } from './records-check.ts';
import { dkimRecord, type DnsRecord, recordsToPublish, type Sending, zoneLine } from './records.ts';

const rsa = {
  name: 'rsa._domainkey.example.com',
  publicKey: generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey,
};
const ed = { name: 'ed._domainkey.example.com', publicKey: generateKeyPairSync('ed25519').publicKey };
const SENDING: Sending = {
  domain: 'example.com',
  keys: [rsa, ed],
  hostname: 'relay.example.com',
  returnPath: 'bounce.example.com',
  addresses: ['198.51.100.10', '2001:db8::1', '198.51.100.10'],
  includes: ['sendgrid.net'],
  reportsTo: 'postmaster@example.com',
};
const SPF = 'v=spf1 ip4:198.51.100.10 ip6:2001:db8::1 include:sendgrid.net ~all';

describe('the record of a key', () => {
  test('of RSA-2048 is cut into strings that DNS can hold', () => {
    const { value, strings, type } = dkimRecord(rsa);
    expect(type).toBe('TXT');
    expect(value).toMatch(/^v=DKIM1; k=rsa; p=[A-Za-z0-9+/]{392}$/);
    expect(strings.map((text) => text.length)).toEqual([255, value.length - 255]);
    expect(strings.join('')).toBe(value);
  });

  test('of Ed25519 has the 32 bytes of the key alone', () => {
    const { value, strings } = dkimRecord(ed);
    const raw = Buffer.from(ed.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64');
    expect(value).toBe(`v=DKIM1; k=ed25519; p=${raw}`);
    expect(strings).toEqual([value]);
  });

  test('can be pasted into a zone file', () => {
    expect(zoneLine(dkimRecord(ed))).toBe(`ed._domainkey.example.com. IN TXT "${dkimRecord(ed).value}"`);
    expect(zoneLine(dkimRecord(rsa))).toMatch(/^rsa\._domainkey\.example\.com\. IN TXT \( "[^"]{255}" "[^"]+" \)$/);
  });
});

describe('the records of a domain', () => {
  test('are its keys, SPF, DMARC, and SPF and MX where bounces come back', () => {
    const records = recordsToPublish(SENDING);
    expect(records.map(({ name, type, purpose }) => [name, type, purpose])).toEqual([
      ['rsa._domainkey.example.com', 'TXT', 'dkim'],
      ['ed._domainkey.example.com', 'TXT', 'dkim'],
      ['example.com', 'TXT', 'spf'],
      ['bounce.example.com', 'TXT', 'spf'],
      ['_dmarc.example.com', 'TXT', 'dmarc'],
      ['bounce.example.com', 'MX', 'bounces'],
    ]);
    expect(records[2]?.value).toBe(SPF);
    expect(records[4]?.value).toBe('v=DMARC1; p=none; rua=mailto:postmaster@example.com');
    expect(zoneLine(records[5] as DnsRecord)).toBe('bounce.example.com. IN MX 10 relay.example.com.');
  });

  test('without known addresses name the relay itself, and without a return path no MX', () => {
    const records = recordsToPublish({
      ...SENDING,
      keys: [],
      addresses: [],
      includes: [],
      returnPath: null,
      reportsTo: null,
    });
    expect(records.map(({ value }) => value)).toEqual(['v=spf1 a:relay.example.com ~all', 'v=DMARC1; p=none']);
  });
});

describe('the check against DNS', () => {
  const key = dkimRecord(rsa);
  const otherKey = dkimRecord({
    name: rsa.name,
    publicKey: generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey,
  });
  const [spf, dmarc, mx] = [2, 4, 5].map((index) => recordsToPublish(SENDING)[index] as DnsRecord) as [
    DnsRecord,
    DnsRecord,
    DnsRecord,
  ];
  const p = key.value.slice(key.value.indexOf('p='));

  test.each<[string, DnsRecord, ZoneEntry | null, RecordState, RegExp | null]>([
    ['key: the very record', key, { txt: [key.value] }, 'present', null],
    [
      'key: other spaces, order and defaults',
      key,
      { txt: [`${p.replace('p=', ' p = ')} ;v=DKIM1; t=s`] },
      'present',
      null,
    ],
    ['key: beside other records', key, { txt: ['site-verification=1', key.value] }, 'present', null],
    ['key: spaces inside', key, { txt: [key.value.replace(/(.{200})/, '$1 ')] }, 'present', null],
    ['key: no such name', key, null, 'missing', /^publish TXT rsa\._domainkey/],
    ['key: no TXT there', key, { a: ['192.0.2.1'] }, 'missing', /publish/],
    ['key: something else there', key, { txt: ['hello'] }, 'missing', /publish/],
    ['key: another key', key, { txt: [otherKey.value] }, 'different', /another key/],
    ['key: half of it', key, { txt: [key.value.slice(0, 255)] }, 'different', /another key/],
    ['key: revoked', key, { txt: ['v=DKIM1; p='] }, 'different', /revoked/],
    ['key: of another type', key, { txt: [dkimRecord(ed).value] }, 'different', /another type/],
    ['key: SHA-1 only', key, { txt: [`${key.value}; h=sha1`] }, 'different', /sha256/],
    ['key: not for mail', key, { txt: [`${key.value}; s=tlsrpt`] }, 'different', /email/],
    ['key: twice', key, { txt: [key.value, key.value] }, 'different', /one record only/],
    ['key: DNS fails', key, { fault: 'servfail' }, 'unknown', /ESERVFAIL/],
    ['key: DNS is silent', key, { fault: 'timeout' }, 'unknown', /try again/],
    ['SPF: the very record', spf, { txt: [SPF] }, 'present', null],
    ['SPF: more than is needed', spf, { txt: [SPF.replace(' ~all', ' mx include:x.example -all')] }, 'present', null],
    [
      'SPF: networks',
      spf,
      { txt: ['V=SPF1 +ip4:198.51.100.0/24 ip6:2001:DB8::/32 include:SendGrid.net -all'] },
      'present',
      null,
    ],
    ['SPF: a redirect', spf, { txt: ['v=spf1 redirect=_spf.example.org'] }, 'present', null],
    [
      'SPF: an address lacks',
      spf,
      { txt: ['v=spf1 ip4:198.51.100.11 -ip6:2001:db8::1 include:sendgrid.net ~all'] },
      'different',
      /^add ip4:198\.51\.100\.10 ip6:2001:db8::1$/,
    ],
    ['SPF: nonsense in it', spf, { txt: ['v=spf1 ip4:198.51.100.0/99 ip6:x/1 ip4: ~all'] }, 'different', /^add ip4/],
    ['SPF: everyone', spf, { txt: [SPF.replace('~all', '+all')] }, 'different', /everyone/],
    ['SPF: two of them', spf, { txt: [SPF, 'v=spf1 -all'] }, 'different', /there are 2/],
    ['SPF: none', spf, { txt: ['v=spf10 -all'] }, 'missing', /publish/],
    ['DMARC: stricter', dmarc, { txt: ['v=DMARC1;p=reject;rua=mailto:x@example.org'] }, 'present', null],
    ['DMARC: without policy', dmarc, { txt: ['v=DMARC1; rua=mailto:x@example.org'] }, 'different', /p=none/],
    ['DMARC: none', dmarc, { txt: ['v=spf1 -all'] }, 'missing', /publish/],
    [
      'MX: ours among others',
      mx,
      {
        mx: [
          [5, 'a.example'],
          [10, 'Relay.Example.com'],
        ],
      },
      'present',
      null,
    ],
    ['MX: only others', mx, { mx: [[5, 'a.example']] }, 'different', /come back to this relay/],
    ['MX: null', mx, { mx: [[0, '']] }, 'different', /come back to this relay/],
    ['MX: none', mx, { txt: ['x'] }, 'missing', /^publish MX bounce\.example\.com: 10 relay\.example\.com$/],
  ])('%s', async (...row) => {
    const [, record, entry, state, advice] = row;
    const zone = new DnsZone(entry === null ? {} : { [record.name]: entry });
    const [checked] = await checkRecords([record], fakeDns(zone));
    expect(checked?.state).toBe(state);
    expect(checked?.advice ?? '').toMatch(advice ?? /^$/);
  });
});
