import { expect, test } from 'vitest';
import { settled } from '../../../tests/fakes/clock.ts';
import { collectGarbage } from '../../../tests/fakes/garbage.ts';
import { aSite } from '../../../tests/fakes/sites.ts';
import { aSubmission } from '../../../tests/fakes/submission.ts';
import { deliveryIdOf } from '../../message/ids.ts';
import type { LeasedDelivery } from '../../spool/spool.ts';
import type { Entry, Group } from '../window/entry.ts';
import { Lane } from './lane.ts';
import { Window } from '../window/window.ts';

function aGroup(stream: string): Group {
  return { key: stream, route: null, stream, keep: null, weight: 'light', waiting: 0 };
}

function anEntry(lane: Lane, group: Group, client: string): Entry {
  const { message } = aSubmission({ atMs: 0, client });
  const id = deliveryIdOf(message.id, 1);
  const delivery = { id, messageId: message.id, domain: lane.domain, priority: 'normal', client };
  const leased = { message, lease: { token: 1, untilMs: 1 }, delivery: delivery as LeasedDelivery['delivery'] };
  return new Window().admit(leased, { lane, group, content: null, nowMs: 0 });
}

/** Puts deliveries into a lane and takes them back, as while no exit is open: nobody passes along the line meanwhile. */
function putAndTakenBack(lane: Lane, count: number, clientOf: (place: number) => string): WeakRef<Entry>[] {
  const group = aGroup('transactional');
  lane.push(anEntry(lane, group, 'shop'));
  return Array.from({ length: count }, (_, place) => {
    const entry = anEntry(lane, group, clientOf(place));
    lane.push(entry);
    lane.remove(entry, 'gone');
    return new WeakRef(entry);
  });
}

test.each([
  ['one client', () => 'shop'],
  ['many clients', (place: number) => `client${place}`],
])('mail of %s that left while no exit was open is not kept in memory', async (_, clientOf) => {
  const lane = new Lane('d.test', { site: aSite('d.test'), nowMs: 0 });
  const left = putAndTakenBack(lane, 1_000, clientOf);
  await settled();
  collectGarbage();
  expect(left.filter((entry) => entry.deref() !== undefined).length).toBeLessThanOrEqual(64);
  expect(lane.waiting).toBe(1);
  expect(lane.take(() => true)?.leased.delivery.client).toBe('shop');
  expect(lane.take(() => true)).toBeNull();
});
