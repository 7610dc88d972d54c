import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { aSite } from '../../../tests/fakes/sites.ts';
import { aSubmission } from '../../../tests/fakes/submission.ts';
import { deliveryIdOf, newMessageId } from '../../message/ids.ts';
import type { Priority } from '../../message/message.ts';
import { shareOf } from '../../policy/share.ts';
import type { LeasedDelivery } from '../../spool/spool.ts';
import { Lane } from '../lanes/lane.ts';
import type { Group } from './entry.ts';
import { Window } from './window.ts';

const GROUP: Group = { key: '', route: null, stream: 'transactional', keep: null, weight: 'light', waiting: 0 };

function aLane(domain: string): Lane {
  return new Lane(domain, { site: aSite(domain), nowMs: 0 });
}

function aFresh(domain: string, priority: Priority) {
  const id = deliveryIdOf(newMessageId(1, randomBytes(10)), 1);
  return { id, domain, client: 'shop', priority, sizeBytes: 100, dueAtMs: 0 };
}

/** Reserves over many lanes until there is no room. */
function filled(window: Window, priority: Priority, lanes: number): number {
  const all = Array.from({ length: lanes }, (_, place) => aLane(`d${place}.test`));
  let count = 0;
  for (let refused = 0; refused < lanes;) {
    for (const lane of all) {
      if (window.reserve(aFresh(lane.domain, priority), lane)) [count, refused] = [count + 1, 0];
      else refused += 1;
    }
  }
  return count;
}

function aLeased(content: Buffer, ordinal = 1, { message } = aSubmission({ atMs: 0, content })): LeasedDelivery {
  const id = deliveryIdOf(message.id, ordinal);
  const delivery = { id, messageId: message.id, domain: 'd.test', priority: 'normal', client: 'shop' };
  return { message, lease: { token: 1, untilMs: 1 }, delivery: delivery as LeasedDelivery['delivery'] };
}

test('however much low mail there is, there is room for normal, and then for high', () => {
  const window = new Window();
  expect(filled(window, 'low', 3_000)).toBe(1_200);
  expect(window.claimRoom).toBe(0);
  expect(filled(window, 'normal', 3_000)).toBe(400);
  expect(filled(window, 'high', 3_000)).toBe(400);
  expect(window.held).toBe(2_000);
});

test('one lane gets its share and no more; what is urgent gets a little extra', () => {
  const window = new Window();
  const lane = aLane('d.test');
  const take = (priority: Priority): number => {
    let count = 0;
    while (window.reserve(aFresh('d.test', priority), lane)) count += 1;
    return count;
  };
  expect(take('low')).toBe(240);
  expect(take('normal')).toBe(16);
  expect(take('high')).toBe(32);
});

test.each([
  { of: 1, held: 2_000, lane: 256 },
  { of: 4, held: 500, lane: 64 },
  { of: 64, held: 200, lane: 25 },
])('of $of workers each holds its part, and enough to be busy', ({ of, held, lane }) => {
  const part = (): Window => new Window((limit) => shareOf(limit, { index: of - 1, of }));
  expect(filled(part(), 'high', 3_000)).toBe(held);
  const window = part();
  const one = aLane('d.test');
  let count = 0;
  while (window.reserve(aFresh('d.test', 'normal'), one)) count += 1;
  expect(count).toBe(lane);
});

test('a reservation that is cancelled, or made twice, takes no room', () => {
  const window = new Window();
  const lane = aLane('d.test');
  const fresh = aFresh('d.test', 'low');
  expect(window.reserve(fresh, lane)).toBe(true);
  expect(window.reserve(fresh, lane)).toBe(false);
  expect([window.unreserve(fresh.id), window.unreserve(fresh.id)]).toEqual([true, false]);
  expect([window.held, lane.held]).toEqual([0, 0]);
});

test('fresh content in memory is at most 64 MB; what comes beyond it is read from the store', () => {
  const window = new Window();
  const lane = aLane('d.test');
  const content = Buffer.alloc(20 * 1024 ** 2);
  const admit = (leased: LeasedDelivery) => window.admit(leased, { lane, group: GROUP, content, nowMs: 0 });
  const entries = Array.from({ length: 5 }, () => admit(aLeased(content)));
  expect(entries.map((entry) => entry.content !== null)).toEqual([true, true, true, false, false]);
  expect(window.freshBytes).toBe(60 * 1024 ** 2);
  for (const entry of entries) window.release(entry);
  expect([window.freshBytes, window.held, lane.held]).toEqual([0, 0, 0]);
});

test('the deliveries of one message share its content until the last is gone', () => {
  const window = new Window();
  const lane = aLane('d.test');
  const content = Buffer.alloc(1_000);
  const submission = aSubmission({ atMs: 0, content });
  const entries = [1, 2].map((ordinal) =>
    window.admit(aLeased(content, ordinal, submission), { lane, group: GROUP, content, nowMs: 0 }),
  );
  expect(window.freshBytes).toBe(1_000);
  for (const [place, left] of [1_000, 0].entries()) {
    const entry = entries[place];
    if (entry !== undefined) window.release(entry);
    expect(window.freshBytes).toBe(left);
  }
});

test('what moves to another group takes its content along, and leaves none behind', () => {
  const window = new Window();
  const lane = aLane('d.test');
  const content = Buffer.alloc(1_000);
  const old = window.admit(aLeased(content), { lane, group: GROUP, content, nowMs: 0 });
  const moved = window.regroup(old, { ...GROUP, key: 'other' });
  expect([old.content, moved.content?.bytes]).toEqual([null, content]);
  window.release(old);
  expect([window.freshBytes, window.held, lane.held]).toEqual([1_000, 1, 1]);
  window.release(moved);
  expect([window.freshBytes, window.held, lane.held]).toEqual([0, 0, 0]);
});
