import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { fakeQuotas, type FakeQuotas } from '../../../tests/fakes/quotas.ts';
import { ConnectionGrant, type ConnectionTerms } from './connection-grant.ts';

const SECOND = 1_000;

type World = {
  readonly clock: FakeClock;
  readonly quotas: FakeQuotas;
  /** The most connections that all had at once. */
  readonly most: () => number;
  readonly forget: () => void;
  readonly add: (holder: string, terms?: ConnectionTerms) => Sender;
};

type Sender = {
  readonly grant: ConnectionGrant;
  /** Messages that wait, and connections that it has. */
  mail: number;
  open: number;
  sent: number;
  lost: number;
  /** How long each takes. */
  takesMs: number;
  isDead: boolean;
};

/** Processes that send by one exit of a store that they share, each message by a connection of its own. */
function world(of: ConnectionTerms): World {
  const clock = new FakeClock(undefined, { uneven: true });
  const quotas = Object.assign(fakeQuotas(clock), { latencyMs: () => 5 });
  const all: Sender[] = [];
  let most = 0;
  const add = (holder: string, terms = of): Sender => {
    const begin = (): void => {
      if (sender.isDead) return;
      while (sender.mail > 0 && sender.open < grant.allowed) {
        sender.mail -= 1;
        sender.open += 1;
        grant.used();
        most = Math.max(
          most,
          all.reduce((sum, { open }) => sum + open, 0),
        );
        clock.after(sender.takesMs, () => {
          if (sender.open === 0) return;
          sender.open -= 1;
          sender.sent += 1;
          begin();
        });
      }
      if (sender.mail > 0 && grant.mayGrow) grant.want();
    };
    const grant: ConnectionGrant = new ConnectionGrant(
      {
        quotas,
        clock,
        holder,
        open: () => sender.open,
        trim: () => {},
        lost: () => {
          sender.lost += sender.open;
          sender.open = 0;
        },
        changed: () => begin(),
        failed: () => {},
      },
      'connections:ip-1',
      terms,
    );
    const sender: Sender = { grant, mail: 0, open: 0, sent: 0, lost: 0, takesMs: 300, isDead: false };
    const tick = (): void => {
      clock.after(SECOND, () => {
        if (sender.isDead) return;
        grant.tick();
        begin();
        tick();
      });
    };
    tick();
    all.push(sender);
    return sender;
  };
  return { clock, quotas, most: () => most, forget: () => (most = 0), add };
}

test('a node alone has all connections within moments, and hands them back when it has no mail', async () => {
  const place = world({ most: 10, now: 10 });
  const one = place.add('a');
  one.mail = 200;
  await place.clock.advance(2 * SECOND);
  expect(one.open).toBe(10);
  await place.clock.advance(30 * SECOND);
  expect(one).toMatchObject({ sent: 200, open: 0 });
  expect(one.grant.isIdle).toBe(true);
  expect(place.most()).toBe(10);
});

test('nodes that join share them, at no moment more than the policy says, and the last one has them all again', async () => {
  const place = world({ most: 10, now: 10 });
  const first = place.add('a');
  first.mail = 100_000;
  await place.clock.advance(3 * SECOND);
  expect(first.open).toBe(10);
  const others = ['b', 'c', 'd'].map((name) => place.add(name));
  for (const one of others) one.mail = 100_000;
  await place.clock.advance(15 * SECOND);
  expect([first, ...others].map(({ open }) => open).toSorted()).toEqual([2, 2, 3, 3]);
  for (const one of others) one.mail = 0;
  await place.clock.advance(20 * SECOND);
  expect(first.open).toBe(10);
  expect(place.most()).toBe(10);
});

test.each([1, 2, 3])('of %i connections each of four nodes has one in turn, and none is left out', async (most) => {
  const place = world({ most, now: most });
  const all = ['a', 'b', 'c', 'd'].map((name) => place.add(name));
  for (const one of all) one.mail = 100_000;
  await place.clock.advance(120 * SECOND);
  for (const { sent } of all) expect(sent).toBeGreaterThan(25);
  expect(place.most()).toBe(most);
});

test('what a node that died had comes back when its lease is over, and not before', async () => {
  const place = world({ most: 4, now: 4 });
  const [dead, living] = [place.add('a'), place.add('b')];
  dead.mail = 100_000;
  await place.clock.advance(3 * SECOND);
  dead.isDead = true;
  expect(dead.open).toBe(4);
  dead.takesMs = Number.MAX_SAFE_INTEGER;
  living.mail = 100_000;
  await place.clock.advance(15 * SECOND);
  expect(living.open).toBe(0);
  await place.clock.advance(10 * SECOND);
  expect(living.open).toBe(4);
});

test('a node that the store does not answer cuts off what it has before another may have it', async () => {
  const place = world({ most: 4, now: 4 });
  const one = place.add('a');
  one.takesMs = 60 * SECOND;
  one.mail = 4;
  await place.clock.advance(3 * SECOND);
  expect(one.open).toBe(4);
  place.quotas.failing = 'undone';
  await place.clock.advance(10 * SECOND);
  expect(one).toMatchObject({ open: 4, lost: 0 });
  await place.clock.advance(5 * SECOND);
  expect(one).toMatchObject({ open: 0, lost: 4 });
  place.quotas.failing = 'no';
  one.mail = 100;
  one.takesMs = 300;
  await place.clock.advance(5 * SECOND);
  expect(one.open).toBe(4);
});

test('answers that stay away make no connection out of nothing', async () => {
  const place = world({ most: 6, now: 6 });
  const all = ['a', 'b'].map((name) => place.add(name));
  for (const one of all) one.mail = 100_000;
  for (let round = 0; round < 12; round++) {
    place.quotas.failing = (['no', 'done', 'undone'] as const)[round % 3] ?? 'no';
    await place.clock.advance(1_700);
  }
  place.quotas.failing = 'no';
  await place.clock.advance(30 * SECOND);
  expect(place.most()).toBeLessThanOrEqual(6);
  expect(all.map(({ open }) => open)).toEqual([3, 3]);
});

test('an exit that is slowed down has fewer, and a limit that is lowered holds as connections end', async () => {
  const place = world({ most: 8, now: 8 });
  const all = ['a', 'b'].map((name) => place.add(name));
  for (const one of all) one.mail = 100_000;
  await place.clock.advance(12 * SECOND);
  expect(all.map(({ open }) => open)).toEqual([4, 4]);
  for (const { grant } of all) grant.terms = { most: 8, now: 4 };
  await place.clock.advance(3 * SECOND);
  place.forget();
  await place.clock.advance(9 * SECOND);
  expect(place.most()).toBe(4);
  for (const { grant } of all) grant.terms = { most: 2, now: 2 };
  await place.clock.advance(5 * SECOND);
  place.forget();
  await place.clock.advance(9 * SECOND);
  expect(place.most()).toBe(2);
  expect(all.map(({ open }) => open)).toEqual([1, 1]);
});

test('what a node has left it hands back at its end: the next one does not wait for a lease', async () => {
  const place = world({ most: 3, now: 3 });
  const one = place.add('a');
  one.mail = 12;
  await place.clock.advance(3_050);
  one.isDead = true;
  expect(one.open).toBe(0);
  void one.grant.close();
  await place.clock.advance(100);
  const next = place.add('b');
  next.mail = 100;
  await place.clock.advance(2 * SECOND);
  expect(next.open).toBe(3);
});
