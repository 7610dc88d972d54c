import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { kinds, replies, startMxRig } from '../../../tests/fakes/mx-rig.ts';
import { DeadHosts } from './dead-hosts.ts';

describe('a host that could not be reached', () => {
  test('rests, twice as long each time, at most a minute', async () => {
    const clock = new FakeClock();
    const dead = new DeadHosts(clock);
    const rests: number[] = [];
    for (let failures = 0; failures < 12; failures++) {
      expect(dead.mayTry('host')).toBe(true);
      dead.failed('host', 0);
      let restS = 0;
      while (!dead.mayTry('host')) {
        await clock.advance(1_000);
        restS += 1;
      }
      dead.leftOpen('host');
      rests.push(restS);
    }
    expect(rests).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60]);
  });

  test('rests as long as the failure took', async () => {
    const clock = new FakeClock();
    const dead = new DeadHosts(clock);
    dead.failed('host', 30_000);
    await clock.advance(29_000);
    expect(dead.mayTry('host')).toBe(false);
    await clock.advance(1_000);
    expect(dead.mayTry('host')).toBe(true);
  });

  test('is tried by one caller only, and by all once that one got through', async () => {
    const clock = new FakeClock();
    const dead = new DeadHosts(clock);
    dead.failed('host', 0);
    await clock.advance(1_000);
    expect([dead.mayTry('host'), dead.mayTry('host'), dead.mayTry('host')]).toEqual([true, false, false]);
    dead.reached('host');
    expect([dead.mayTry('host'), dead.mayTry('host')]).toEqual([true, true]);
  });

  test('does not rest longer because many were on their way to it', async () => {
    const clock = new FakeClock();
    const dead = new DeadHosts(clock);
    for (let callers = 0; callers < 50; callers++) dead.failed('host', 0);
    await clock.advance(1_000);
    expect(dead.mayTry('host')).toBe(true);
  });

  test('may be tried again by the next one when a try was called off', async () => {
    const clock = new FakeClock();
    const dead = new DeadHosts(clock);
    dead.failed('host', 0);
    await clock.advance(1_000);
    expect(dead.mayTry('host')).toBe(true);
    dead.leftOpen('host');
    expect(dead.mayTry('host')).toBe(true);
  });

  test('is forgotten in the end', async () => {
    const clock = new FakeClock();
    const dead = new DeadHosts(clock);
    for (let failures = 0; failures < 12; failures++) {
      await clock.advance(60_000);
      dead.mayTry('host');
      dead.failed('host', 0);
    }
    await clock.advance(31 * 60_000);
    dead.failed('host', 0);
    await clock.advance(1_000);
    expect(dead.mayTry('host')).toBe(true);
  });
});

test('mail to a host that rests is deferred without a connection, by whatever domain', async () => {
  const dialled: string[] = [];
  await using rig = await startMxRig({
    zone: { 'other.test': { mx: [[10, 'mx1.example.net']] } },
    clock: new FakeClock(),
    dial: ({ address }) => {
      dialled.push(address);
      return Promise.reject(Object.assign(new Error('no route'), { code: 'EHOSTUNREACH' }));
    },
  });
  expect(replies(await rig.send())).toEqual(['451 4.1 connect to mx1.example.net[127.0.0.1]: no route to host']);
  const rested = await rig.send({ to: ['b@other.test'] });
  expect(kinds(rested)).toEqual(['deferred host']);
  expect(replies(rested)).toEqual(['451 4.1 mx1.example.net could not be reached a moment ago']);
  expect(dialled).toEqual(['127.0.0.1']);
});

test('a host that takes connections and stays silent rests as well', async () => {
  await using rig = await startMxRig({ clock: new FakeClock() });
  rig.sink.fault('greeting', 'close');
  await rig.send();
  await rig.send();
  expect(rig.sink.sessions).toBe(1);
});

test('a host that says that it is busy does not rest', async () => {
  await using rig = await startMxRig();
  rig.sink.fault('greeting', 421, 1);
  await rig.send();
  expect(kinds(await rig.send())).toEqual(['delivered']);
});
