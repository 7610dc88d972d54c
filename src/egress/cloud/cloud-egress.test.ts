import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { firstOf } from '../../../tests/fakes/cloud-exits.ts';
import { mailTo, NEVER } from '../../../tests/fakes/exits.ts';
import { openCloudEgress } from './cloud-egress.ts';
import { plainKeys } from './keys.ts';
import type { Provider } from './provider.ts';

test('a message that is called off while a key is refused goes to no other key', async () => {
  const ending = new AbortController();
  const asked: string[] = [];
  const provider: Provider<null> = {
    title: 'Cloud',
    host: 'cloud.test',
    batchMost: 10,
    prepare: async () => ({ kind: 'ready', parcel: null }),
    send: async ({ key }) => {
      asked.push(key.secret);
      ending.abort();
      return { kind: 'key-refused', text: 'Forbidden' };
    },
    [Symbol.asyncDispose]: async () => {},
  };
  const keys = plainKeys(['first', 'second', 'third']);
  const ports = { clock: new FakeClock(), emit: () => {} };
  await using egress = openCloudEgress({ name: 'cloud', provider, keys, concurrency: 1, ports });
  const outcome = firstOf(await egress.attempt(mailTo(), ending.signal));
  expect(asked).toEqual(['first']);
  expect(outcome).toMatchObject({ kind: 'deferred', own: true, scope: 'egress', reply: { detail: '7.8' } });
  // One that goes on asks the others.
  await egress.attempt(mailTo(), NEVER);
  expect(asked).toEqual(['first', 'second', 'third']);
});
