import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { MemoryMarks } from '../../tests/fakes/marks.ts';
import type { Event } from '../message/event.ts';
import type { DeliveryId, MessageId } from '../message/ids.ts';
import { keepTroubles } from './kept-troubles.ts';
import { createTroubles, type Troubles } from './troubles.ts';

function refusal(atMs: number, text: string, host = 'mx.dest.test'): Event {
  const reply = { code: 450, detail: null, text };
  const attempt = { number: 1, egress: 'one', host, address: null, source: null, tls: null, reply, tookMs: 1 };
  const about = { messageId: 'M' as MessageId, deliveryId: 'M.1' as DeliveryId, recipients: ['a@dest.test'] };
  return { event: 'attempted', atMs, ...about, domain: 'dest.test', attempt };
}

/** A relay from its start to its end. */
async function run(
  of: { readonly marks: MemoryMarks; readonly clock: FakeClock; readonly node: string },
  during: (troubles: Troubles) => Promise<void> | void,
): Promise<void> {
  const troubles = createTroubles();
  await using kept = keepTroubles({ ...of, troubles });
  await of.clock.advance(0);
  await during(troubles);
  void kept;
}

test('what went wrong with an exit is known after a restart, and counts on', async () => {
  const [marks, clock] = [new MemoryMarks(), new FakeClock()];
  const nowMs = clock.nowMs();
  await run({ marks, clock, node: 'a' }, (troubles) => {
    troubles.sink(refusal(nowMs, 'later'));
    troubles.sink(refusal(nowMs + 1, 'busy'));
  });
  await run({ marks, clock, node: 'a' }, (troubles) => {
    expect(troubles.ofExit('one').map(({ reply, count }) => [reply, count])).toEqual([
      ['450 busy', 1],
      ['450 later', 1],
    ]);
    troubles.sink(refusal(nowMs + 2, 'later'));
  });
  await run({ marks, clock, node: 'a' }, (troubles) => {
    expect(troubles.ofExit('one')[0]).toMatchObject({ atMs: nowMs + 2, reply: '450 later', count: 2 });
  });
});

test('what other nodes heard is shown with it, and is not written as one’s own', async () => {
  const [marks, clock] = [new MemoryMarks(), new FakeClock()];
  const nowMs = clock.nowMs();
  await run({ marks, clock, node: 'a' }, async (first) => {
    await run({ marks, clock, node: 'b' }, async (second) => {
      first.sink(refusal(nowMs, 'later'));
      second.sink(refusal(nowMs + 1, 'later'));
      second.sink(refusal(nowMs + 2, 'no'));
      for (let look = 0; look < 2; look++) {
        first.ofExit('one');
        await clock.advance(10_000);
      }
      expect(first.ofExit('one').map(({ reply, count }) => [reply, count])).toEqual([
        ['450 no', 1],
        ['450 later', 2],
      ]);
    });
  });
  await run({ marks, clock, node: 'a' }, (first) => {
    expect(first.ofExit('one').find(({ reply }) => reply === '450 later')).toMatchObject({ count: 2 });
  });
});

test('nothing is written while nothing goes wrong, and what is a month old is forgotten', async () => {
  const [marks, clock] = [new MemoryMarks(), new FakeClock()];
  await run({ marks, clock, node: 'a' }, (troubles) => troubles.sink(refusal(clock.nowMs(), 'later')));
  expect(marks.writes).toBe(1);
  await run({ marks, clock, node: 'b' }, () => clock.advance(60_000));
  expect(marks.writes).toBe(1);
  clock.jumpMs(31 * 86_400_000);
  await run({ marks, clock, node: 'b' }, () => {});
  expect(marks.all()).toEqual([]);
});

test('a store that is away keeps nobody from hearing', async () => {
  const [marks, clock] = [new MemoryMarks(), new FakeClock()];
  marks.isAway = true;
  await run({ marks, clock, node: 'a' }, async (troubles) => {
    troubles.sink(refusal(clock.nowMs(), 'later'));
    await clock.advance(20_000);
    expect(troubles.ofExit('one')).toHaveLength(1);
  });
});
