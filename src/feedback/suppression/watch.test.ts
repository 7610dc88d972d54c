import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import type { Event } from '../../message/event.ts';
import type { Suppressions } from '../../spool/suppressions.ts';
import { SpoolError } from '../../spool/spool.ts';
import { Pupil } from './pupil.ts';
import { createScreening } from './screen.ts';
import { SieveWatch } from './watch.ts';

/** A store of addresses alone, which can be away. */
class Numbers implements Pick<Suppressions, 'suppressedSince' | 'suppressed'> {
  readonly addresses: string[] = [];
  asked: string[] = [];
  isAway = false;
  calls = 0;

  async suppressedSince(since: number, limit: number) {
    this.calls += 1;
    if (this.isAway) throw new SpoolError('unavailable', 'away');
    const addresses = this.addresses.slice(since, since + limit);
    return { addresses, upTo: since + addresses.length };
  }

  async suppressed({ addresses }: { readonly addresses: readonly string[] }) {
    this.asked.push(...addresses);
    if (this.isAway) throw new SpoolError('unavailable', 'away');
    return [];
  }
}

async function watched(store = new Numbers()) {
  const clock = new FakeClock();
  const events: Event[] = [];
  const emit = (event: Event): void => void events.push(event);
  const sieve = new SieveWatch({ suppressions: store, clock, emit });
  await sieve.start();
  return { store, clock, events, emit, sieve, screening: createScreening({ suppressions: store, sieve, clock }) };
}

test('with nothing suppressed nothing is asked but what is new, once a second', async () => {
  const { store, clock, sieve, screening } = await watched();
  await using _ = sieve;
  expect(screening.suspects(['ann@dest.example'])).toBe(false);
  await clock.advance(10_000);
  expect(store.asked).toEqual([]);
  expect(store.calls).toBeLessThanOrEqual(11);
  store.addresses.push(...Array.from({ length: 2_500 }, (_one, n) => `n${n}@dest.example`));
  await clock.advance(1_100);
  expect(sieve.size).toBe(2_500);
  expect(screening.suspects(['x@dest.example', 'N2499@dest.example'])).toBe(true);
  // Of several recipients the store is asked of those only that the sieve holds.
  await screening.suppressedOf({ addresses: ['x@dest.example', 'N2499@dest.example'], client: 'shop', stream: '' });
  expect(store.asked).toEqual(['n2499@dest.example']);
});

test('with the store away nobody is known to be free after a while, and it is told of once a minute', async () => {
  const { store, clock, sieve, screening, events } = await watched();
  await using _ = sieve;
  store.isAway = true;
  await clock.advance(10_000);
  expect(screening.suspects(['ann@dest.example'])).toBe(false);
  await clock.advance(35_000);
  expect(screening.suspects(['ann@dest.example'])).toBe(true);
  const ask = { addresses: ['ann@dest.example'], client: 'shop', stream: 'news' };
  await expect(screening.suppressedOf(ask)).rejects.toThrow('away');
  expect(events).toHaveLength(1);
  store.isAway = false;
  await clock.advance(1_100);
  expect(screening.suspects(['ann@dest.example'])).toBe(false);
});

test('what is heard while the store is away is learnt when it is back, and bounded', async () => {
  const { store, clock, sieve, emit, events } = await watched();
  await using _ = sieve;
  const learnt: string[] = [];
  const learn = async (heard: readonly { readonly messageId: string }[]): Promise<void> => {
    if (store.isAway) throw new SpoolError('unavailable', 'away');
    learnt.push(...heard.map(({ messageId }) => messageId));
  };
  const pupil = new Pupil({ learn, sieve, clock, emit });
  const bounce = (id: string): Event =>
    ({
      event: 'bounced',
      atMs: 1,
      messageId: id,
      deliveryId: `${id}.1`,
      domain: 'dest.example',
      recipients: ['ann@dest.example'],
      reply: { code: 550, detail: '1.1', text: 'no such user' },
      egress: null,
    }) as unknown as Event;
  store.isAway = true;
  for (let n = 0; n < 20_010; n++) pupil.heard(bounce(`M${n}`));
  // A delivery to somebody of whom nothing is known is nothing to learn.
  pupil.heard({ ...bounce('D'), event: 'delivered' } as Event);
  await clock.advance(4_000);
  expect(learnt).toEqual([]);
  store.isAway = false;
  await clock.advance(3_000);
  await pupil.idle();
  expect(learnt).toHaveLength(20_000);
  expect(new Set(learnt).size).toBe(20_000);
  expect(learnt).not.toContain('D');
  // One of the outage as the sieve saw it, one as this did, one of what was dropped.
  expect(events.filter(({ event }) => event === 'failed')).toHaveLength(3);
  await pupil[Symbol.asyncDispose]();
});
