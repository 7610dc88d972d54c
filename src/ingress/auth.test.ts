import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { cheapHash } from '../../tests/fakes/ingress.ts';
import type { Event } from '../message/event.ts';
import { type Policy, policySchema } from '../policy/schema.ts';
import { systemRandom } from '../system.ts';
import { addressKey } from './address-key.ts';
import { Authenticator } from './auth.ts';
import { SignInLimits } from './sign-in-limits.ts';

function policyOf(password = 'secret', loginAttempts = '3/10m'): Policy {
  const client = { password: cheapHash(password), senders: ['*'] };
  return policySchema.parse({
    hostname: 'relay.example',
    limits: { loginAttempts },
    clients: { shop: client, crm: client },
  });
}

function open(policy = policyOf()) {
  const clock = new FakeClock();
  const events: Event[] = [];
  const current = { policy };
  const authenticator = new Authenticator({
    policy: () => current.policy,
    clock,
    random: systemRandom,
    emit: (event) => void events.push(event),
  });
  const signIn = (user: string, password: string, address = '192.0.2.7') =>
    authenticator.signIn({ user, password, address });
  return { authenticator, clock, events, current, signIn };
}

describe('signing in', () => {
  test('the right password of a client is accepted, others are wrong, whoever the user is', async () => {
    const { signIn, events } = open(policyOf('secret', '100/m'));
    expect(await signIn('shop', 'secret')).toBe('accepted');
    expect(await signIn('shop', 'Secret')).toBe('wrong');
    expect(await signIn('shop', '')).toBe('wrong');
    expect(await signIn('nobody', 'secret')).toBe('wrong');
    expect(await signIn('constructor', 'secret')).toBe('wrong');
    expect(await signIn('__proto__', 'secret')).toBe('wrong');
    expect(events.map((event) => event.event === 'auth-failed' && [event.user, event.reason])).toEqual([
      ['shop', 'wrong password'],
      ['shop', 'wrong password'],
      ['nobody', 'unknown user'],
      ['constructor', 'unknown user'],
      ['__proto__', 'unknown user'],
    ]);
  });

  test('a password that was changed is wrong at once, however often it was right', async () => {
    const { signIn, current } = open();
    expect(await signIn('shop', 'secret')).toBe('accepted');
    current.policy = policyOf('changed');
    expect(await signIn('shop', 'secret')).toBe('wrong');
    expect(await signIn('shop', 'changed')).toBe('accepted');
  });

  test('many sessions that sign in at once with the right password are all accepted', async () => {
    const { signIn } = open();
    const results = await Promise.all(Array.from({ length: 100 }, () => signIn('shop', 'secret')));
    expect(new Set(results)).toEqual(new Set(['accepted']));
  });

  test('a password that was right before costs next to nothing', async () => {
    const { signIn } = open();
    await signIn('shop', 'secret');
    const before = process.cpuUsage();
    for (let time = 0; time < 200; time++) await signIn('shop', 'secret');
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000 / 200).toBeLessThan(1);
  });
});

describe('failures', () => {
  test('bar an address, for as long as the limit says, and no other', async () => {
    const { signIn, clock, authenticator } = open();
    for (const user of ['a', 'b', 'c']) expect(await signIn(user, 'x')).toBe('wrong');
    expect(authenticator.isBarred('192.0.2.7')).toBe(true);
    expect(await signIn('shop', 'secret')).toBe('barred');
    expect(await signIn('shop', 'secret', '192.0.2.8')).toBe('accepted');
    await clock.advance(599_000);
    expect(await signIn('shop', 'secret')).toBe('barred');
    await clock.advance(2_000);
    expect(await signIn('shop', 'secret')).toBe('accepted');
  });

  test('bar a user from wherever the guesses come, but not the client that knows the password', async () => {
    const { signIn } = open();
    expect(await signIn('shop', 'secret', '198.51.100.1')).toBe('accepted');
    for (let host = 1; host <= 3; host++) expect(await signIn('shop', 'guess', `192.0.2.${host}`)).toBe('wrong');
    expect(await signIn('shop', 'another guess', '192.0.2.4')).toBe('barred');
    expect(await signIn('shop', 'secret', '198.51.100.1')).toBe('accepted');
    expect(await signIn('crm', 'secret', '192.0.2.4')).toBe('accepted');
  });

  test('guesses sent all at once are limited too', async () => {
    const { signIn } = open();
    const results = await Promise.all(Array.from({ length: 50 }, (_, time) => signIn('shop', `guess ${time}`)));
    // Those that were already being checked when the limit was reached.
    expect(results.filter((result) => result === 'wrong').length).toBeLessThanOrEqual(5);
    expect(results.filter((result) => result === 'accepted')).toHaveLength(0);
  });

  test('far apart do not add up', () => {
    const limits = new SignInLimits(() => ({ count: 3, windowMs: 1000 }));
    for (let nowMs = 0; nowMs < 10_000; nowMs += 600) {
      limits.failed('x', nowMs);
      expect(limits.isBarred('x', nowMs)).toBe(false);
    }
  });

  test('are remembered of a bounded number of addresses', () => {
    const limits = new SignInLimits(() => ({ count: 1, windowMs: 1000 }));
    for (let at = 0; at < 30_000; at++) limits.failed(`address ${at}`, 0);
    expect(limits.isBarred('address 0', 0)).toBe(false);
    expect(limits.isBarred('address 29999', 0)).toBe(true);
  });
});

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::9', '2001:db8:1:2::/64'],
  ['2001:db8::9', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
])('%s is counted as %s', (address, key) => {
  expect(addressKey(address)).toBe(key);
});
