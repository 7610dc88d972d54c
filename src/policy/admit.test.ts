import { describe, expect, test } from 'vitest';
import { loaded } from '../../tests/fakes/policy-text.ts';
import { clientByName, clientForAddress, isDenied, senderAllowed, streamAndPriority } from './admit.ts';
import type { ClientPolicy } from './schema.ts';

const { policy } = loaded(`
hostname: relay.example
limits: { deny: [192.0.2.66, "2001:db8:bad::/48", 203.0.113.0/24] }
streams: { transactional: { priority: high }, marketing: { priority: low }, reports: {} }
clients:
  office: { networks: [10.0.0.0/8], senders: ['*@example.com'] }
  mailer: { networks: [10.1.0.0/16, "2001:db8::/32"], senders: ['*'], stream: marketing }
  host: { networks: [10.1.2.3, "::ffff:198.51.100.0/120"], senders: ['*'], stream: reports, priority: low }
`);

test('however many strangers have come in between', () => {
  for (let host = 0; host < 2_500; host++) {
    const stranger = `192.168.${host >> 8}.${host & 255}`;
    expect([clientForAddress(policy, stranger), isDenied(policy, stranger)]).toEqual([null, false]);
    expect(clientForAddress(policy, '10.1.2.3')?.name).toBe('host');
    expect(isDenied(policy, '203.0.113.9')).toBe(true);
  }
});

describe('a client is known by the narrowest of its networks', () => {
  test.each([
    ['10.200.0.1', 'office'],
    ['10.1.0.1', 'mailer'],
    ['10.1.2.3', 'host'],
    ['10.1.2.4', 'mailer'],
    ['::ffff:10.1.2.3', 'host'],
    ['::ffff:0a01:0203', 'host'],
    ['0:0:0:0:0:ffff:10.1.2.3', 'host'],
    ['2001:db8::1', 'mailer'],
    ['2001:DB8:ffff::1%eth0', 'mailer'],
    ['198.51.100.255', 'host'],
    ['198.51.101.0', null],
    ['11.0.0.1', null],
    ['9.255.255.255', null],
    ['2001:db9::1', null],
    ['::', null],
    ['::10.1.2.3', null],
    ['', null],
    ['10.1.2', null],
    ['/tmp/socket', null],
  ])('%s is %s', (address, name) => {
    expect(clientForAddress(policy, address)?.name ?? null).toBe(name);
  });
});

test('a user name is a client’s, letter by letter, and no word of JavaScript', () => {
  expect(clientByName(policy, 'office')?.client.senders).toEqual(['*@example.com']);
  for (const name of ['Office', '', 'constructor', '__proto__', 'toString', 'office ']) {
    expect(clientByName(policy, name)).toBeNull();
  }
});

test.each([
  ['192.0.2.66', true],
  ['::ffff:192.0.2.66', true],
  ['192.0.2.67', false],
  ['203.0.113.9', true],
  ['2001:db8:bad::1', true],
  ['2001:db8:bae::1', false],
  ['nonsense', false],
])('%s is turned away at connect: %s', (address, isTurnedAway) => {
  expect(isDenied(policy, address)).toBe(isTurnedAway);
});

describe('senders', () => {
  const client = (...senders: string[]) => ({ ...policy.clients['office'], senders }) as ClientPolicy;
  test.each<[address: string, senders: string[], isAllowed: boolean]>([
    ['a@example.com', ['*@example.com'], true],
    ['A@EXAMPLE.com', ['*@example.com'], true],
    ['a@sub.example.com', ['*@example.com'], false],
    ['a@sub.example.com', ['*@*.example.com'], true],
    ['a@example.com', ['*@*.example.com'], false],
    ['a@notexample.com', ['*@example.com'], false],
    ['a@example.com.evil.example', ['*@example.com'], false],
    ['"a@example.com"@evil.example', ['*@example.com'], false],
    ['"evil@x"@example.com', ['*@example.com'], false],
    ['a@evil.example,b@example.com', ['*@example.com'], false],
    ['news-1@example.com', ['news-*@example.com'], true],
    ['newsletter@example.com', ['news-*@example.com'], false],
    ['a@b.example', ['x@y.example', 'a@b.example'], true],
    ['a.b@c.example', ['a?b@c.example'], false],
    ['anyone@anywhere.example', ['*'], true],
    ['', ['*@example.com'], true],
  ])('%s from %j: %s', (address, senders, isAllowed) => {
    expect(senderAllowed(client(...senders), address)).toBe(isAllowed);
  });

  test('a sender’s domain may be written in its own script', () => {
    const text = "hostname: a\nclients: { c: { networks: [10.0.0.1], senders: ['*@bücher.example'] } }\n";
    const own = loaded(text).policy.clients['c'] as ClientPolicy;
    expect(senderAllowed(own, 'a@xn--bcher-kva.example')).toBe(true);
  });
});

describe('stream and priority: the message’s word, then the client’s, then the stream’s', () => {
  test.each([
    ['office', null, null, 'transactional', 'high'],
    ['office', 'marketing', null, 'marketing', 'low'],
    ['office', 'marketing', 'high', 'marketing', 'high'],
    ['office', 'nonsense', null, 'transactional', 'high'],
    ['office', 'constructor', null, 'transactional', 'high'],
    ['mailer', null, null, 'marketing', 'low'],
    ['mailer', 'reports', null, 'reports', 'normal'],
    ['host', null, null, 'reports', 'low'],
    ['host', 'transactional', null, 'transactional', 'low'],
    ['host', null, 'high', 'reports', 'high'],
  ] as const)('%s, stream %s, priority %s: %s, %s', (...row) => {
    const [name, stream, priority, wantedStream, wantedPriority] = row;
    const client = policy.clients[name] as ClientPolicy;
    const handling = streamAndPriority(policy, client, { stream, priority });
    expect(handling).toEqual({ stream: wantedStream, priority: wantedPriority });
  });
});
