import { expect, test } from 'vitest';
import { cheapHash } from '../../tests/fakes/ingress.ts';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { policySchema } from '../policy/schema.ts';
import { systemRandom } from '../system.ts';
import { Admission } from './admission.ts';
import { Authenticator } from './auth.ts';
import { type PeerNews, Peers } from './peers.ts';

const policy = policySchema.parse({
  hostname: 'relay.test',
  clients: { shop: { password: cheapHash('secret'), senders: ['*@shop.test'] } },
  limits: { connections: 6, perAddress: 3, loginAttempts: '4/1h' },
});

/** Workers that tell each other everything at once, as their supervisor passes it on. */
function workers(count: number) {
  const clock = new FakeClock();
  const all: Peers[] = [];
  const news: PeerNews[] = [];
  for (let number = 0; number < count; number++) {
    const tell = (one: PeerNews): void => {
      news.push(one);
      all.forEach((other, at) => at !== number && other.hear(number, one));
    };
    all.push(new Peers({ clock, tell }));
  }
  const admissions = all.map((peers) => new Admission({ policy: () => policy, evictIdlest: () => false, peers }));
  const emit = (): void => {};
  const random = systemRandom;
  const authenticators = all.map((peers) => new Authenticator({ policy: () => policy, clock, random, emit, peers }));
  return { clock, all, news, admissions, authenticators };
}

test('connections from one address count over all workers', async () => {
  const { clock, admissions } = workers(3);
  const admitted = [
    admissions[0]?.admit('192.0.2.1'),
    admissions[1]?.admit('192.0.2.1'),
    admissions[1]?.admit('192.0.2.1'),
  ];
  await clock.advance(10);
  expect(admissions.map((one) => one.admit('192.0.2.1').kind)).toEqual(['refused', 'refused', 'refused']);
  expect(admissions[2]?.admit('192.0.2.2').kind).toBe('admitted');
  const [first] = admitted;
  if (first?.kind === 'admitted') first.release();
  await clock.advance(10);
  expect(admissions[2]?.admit('192.0.2.1').kind).toBe('admitted');
});

test('connections in all count over all workers', async () => {
  const { clock, admissions } = workers(2);
  for (let n = 0; n < 6; n++) expect(admissions[n % 2]?.admit(`192.0.2.${n}`).kind).toBe('admitted');
  await clock.advance(10);
  expect(admissions.map((one) => one.admit('192.0.2.9').kind)).toEqual(['refused', 'refused']);
});

test('the connections of a worker that died are free again, and one that comes up learns of all', async () => {
  const { clock, all, admissions } = workers(2);
  for (let n = 0; n < 3; n++) admissions[0]?.admit('192.0.2.1');
  await clock.advance(10);
  expect(admissions[1]?.admit('192.0.2.1').kind).toBe('refused');
  all[1]?.forget(0);
  expect([all[1]?.open, all[1]?.openFrom('192.0.2.1')]).toEqual([0, 0]);
  expect(admissions[1]?.admit('192.0.2.1').kind).toBe('admitted');
  // The dead worker's successor knows nothing of what was told before.
  all[0]?.forget(1);
  all[1]?.introduce();
  await clock.advance(10);
  expect(all[0]?.openFrom('192.0.2.1')).toBe(1);
});

test('thousands of connections a second are told of in few messages, and none when nothing happens', async () => {
  const { clock, news, admissions } = workers(2);
  for (let n = 0; n < 1_000; n++) {
    const admitted = admissions[0]?.admit('192.0.2.1');
    if (admitted?.kind === 'admitted') admitted.release();
  }
  await clock.advance(1_000);
  expect(news).toEqual([{ failures: [], connections: [['192.0.2.1', 0]] }]);
});

test('sign-ins that fail at one worker bar the guesser at all of them', async () => {
  const { clock, authenticators } = workers(2);
  const address = '192.0.2.66';
  const guesses: string[] = [];
  for (let n = 0; n < 6; n++) {
    const guess = { user: `guess${n}`, password: 'x', address };
    guesses.push((await authenticators[n % 2]?.signIn(guess)) ?? '');
    await clock.advance(10);
  }
  expect(guesses).toEqual(['wrong', 'wrong', 'wrong', 'wrong', 'barred', 'barred']);
  const users: string[] = [];
  for (let n = 0; n < 6; n++) {
    const guess = { user: 'shop', password: `x${n}`, address: `198.51.100.${n}` };
    users.push((await authenticators[n % 2]?.signIn(guess)) ?? '');
    await clock.advance(10);
  }
  expect(users).toEqual(['wrong', 'wrong', 'wrong', 'wrong', 'barred', 'barred']);
});
