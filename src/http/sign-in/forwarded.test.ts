import { expect, test } from 'vitest';
import { originOf } from './forwarded.ts';
import { isFromElsewhere } from './same-origin.ts';

const PROXIES = ['10.0.0.0/24', '2001:db8::/64'];

test.each([
  ['nobody in between', '192.0.2.7', null, '192.0.2.7'],
  ['a stranger who says to be another', '192.0.2.7', '198.51.100.1', '192.0.2.7'],
  ['a proxy', '10.0.0.2', '198.51.100.1', '198.51.100.1'],
  ['a proxy behind another', '10.0.0.2', '198.51.100.1, 10.0.0.3', '198.51.100.1'],
  ['what a client wrote before the proxy did', '10.0.0.2', '127.0.0.1, 198.51.100.1', '198.51.100.1'],
  ['a proxy by IPv6, with ports', '2001:db8::2', '[2001:db8:1::7]:4711', '2001:db8:1::7'],
  ['a proxy that writes ports', '10.0.0.2', '198.51.100.1:4711', '198.51.100.1'],
  ['a proxy that says nothing', '10.0.0.2', null, '10.0.0.2'],
  ['a proxy that passes nonsense on', '10.0.0.2', 'unknown', '10.0.0.2'],
  ['nonsense behind an address', '10.0.0.2', '198.51.100.1, nonsense', '10.0.0.2'],
])('%s', (_, address, forwardedFor, peer) => {
  expect(originOf({ address, isTls: false, forwardedFor, forwardedProto: null }, PROXIES).peer).toBe(peer);
});

test.each([
  ['by TLS', '192.0.2.7', true, null, true],
  ['in clear text, whatever a stranger says', '192.0.2.7', false, 'https', false],
  ['by TLS to the proxy', '10.0.0.2', false, 'https', true],
  ['in clear text to the proxy, though by TLS from there', '10.0.0.2', true, 'http', false],
  ['the last proxy knows, not what a client wrote', '10.0.0.2', false, 'https, http', false],
  ['a proxy that does not say', '10.0.0.2', false, null, false],
])('%s', (_, address, isTls, forwardedProto, isSecure) => {
  expect(originOf({ address, isTls, forwardedFor: null, forwardedProto }, PROXIES).isSecure).toBe(isSecure);
});

test('what browsers say of where a request comes from is believed; what says nothing is no browser', () => {
  const host = 'relay.example.com:8080';
  const from = (site: string | undefined, origin: string | undefined) => isFromElsewhere({ site, origin, host });
  expect(from(undefined, undefined)).toBe(false);
  expect(from('same-origin', 'null')).toBe(false);
  expect(from('none', undefined)).toBe(false);
  expect(from('same-site', 'https://relay.example.com:8080')).toBe(true);
  expect(from(undefined, 'https://relay.example.com:8080')).toBe(false);
  expect(from(undefined, 'https://relay.example.com')).toBe(true);
  expect(from(undefined, 'null')).toBe(true);
});
