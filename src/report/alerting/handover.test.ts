import { expect, test } from 'vitest';
import { HOOK, ONCALL, openAlertingWorld } from '../../../tests/fakes/alerting-rig.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

test('what was raised, and not told yet, is told by the next life, once', async () => {
  const world = openAlertingWorld();
  {
    await using node = world.start();
    node.raise('spool-salvaged');
    await world.clock.advance(5_000);
  }
  expect(world.mails).toEqual([]);
  await using _ = world.start();
  await world.clock.advance(MINUTE);
  expect(world.mails).toHaveLength(1);
});

test('what was told is not told again by the next life, and is over once its checks have come round', async () => {
  const world = openAlertingWorld();
  {
    await using node = world.start();
    node.raise('egress-down:ip-1');
    node.raise('egress-down:ip-2');
    await world.clock.advance(MINUTE);
    expect(world.mails).toHaveLength(1);
  }
  await using next = world.start();
  next.raise('egress-down:ip-1');
  await world.clock.advance(10 * MINUTE);
  expect(world.mails).toHaveLength(1);
  await world.clock.advance(15 * MINUTE);
  const told = await world.told();
  expect(told).toHaveLength(2);
  expect(told[1]?.text).toContain('ip-2');
  expect(told[1]?.text).not.toContain('ip-1');
});

test('a notice that was kept and not sent is sent by the next life; one that was sent is one message', async () => {
  const world = openAlertingWorld({ to: [ONCALL, HOOK] });
  world.answer = 503;
  {
    await using node = world.start();
    node.raise('no-exit');
    await world.clock.advance(MINUTE);
  }
  expect([world.mails.length, world.posts.length]).toEqual([1, 0]);
  world.answer = 200;
  await using _ = world.start();
  await world.clock.advance(10_000);
  expect([world.mails.length, world.posts.length]).toEqual([1, 1]);
});

test('of two nodes one tells what both raised, once, and what is a node’s own with its name', async () => {
  const world = openAlertingWorld();
  world.teller = 'a';
  await using a = world.start('a');
  await using b = world.start('b');
  for (const node of [a, b]) node.raise('egress-down:ip-1');
  for (const node of [a, b]) node.raise('not-listening');
  await world.clock.advance(2 * MINUTE);
  const [told, ...others] = await world.told();
  expect(others).toEqual([]);
  expect(told?.text.match(/CRITICAL: egress-down:ip-1/g)).toHaveLength(1);
  expect(told?.text).toContain('not-listening on node a');
  expect(told?.text).toContain('not-listening on node b');
  a.clear('egress-down:ip-1');
  await world.clock.advance(10 * MINUTE);
  expect(world.mails).toHaveLength(1);
  b.clear('egress-down:ip-1');
  await world.clock.advance(10 * MINUTE);
  expect((await world.told())[1]?.subject).toContain('over: egress-down:ip-1');
});

test('the node that takes over tells the rest, and nothing twice', async () => {
  const world = openAlertingWorld();
  world.teller = 'a';
  await using a = world.start('a');
  await using b = world.start('b');
  a.raise('egress-down:ip-1');
  await world.clock.advance(MINUTE);
  b.raise('egress-down:ip-2');
  await world.clock.advance(1_000);
  world.teller = 'b';
  await world.clock.advance(5 * MINUTE);
  expect(world.mails).toHaveLength(2);
  expect((await world.told())[1]?.text).not.toContain('ip-1');
});

test('while the store is away people are told of it all the same, and each that can be reached', async () => {
  const world = openAlertingWorld({ to: [ONCALL, HOOK] });
  await using node = world.start();
  await world.clock.advance(MINUTE);
  world.marks.isAway = true;
  world.isMailAway = true;
  node.raise('spool-redis', 'redis cannot be reached');
  await world.clock.advance(2 * MINUTE);
  expect([world.mails.length, world.posts.length]).toEqual([0, 1]);
  expect(world.events.filter((event) => event.event === 'failed').length).toBeLessThan(5);
  world.marks.isAway = false;
  world.isMailAway = false;
  await world.clock.advance(10 * MINUTE);
  expect([world.mails.length, world.posts.length]).toEqual([1, 1]);
  node.clear('spool-redis');
  await world.clock.advance(10 * MINUTE);
  expect([world.mails.length, world.posts.length]).toEqual([2, 2]);
});

test('what was acknowledged is told no more until it is over', async () => {
  const world = openAlertingWorld();
  await using node = world.start();
  node.raise('queue-age');
  await world.clock.advance(MINUTE);
  await world.marks.mark([{ name: 'alert:ack:queue-age', text: 'ana\n1', atMs: world.clock.nowMs() }]);
  world.clock.jumpMs(72 * HOUR);
  await world.clock.advance(MINUTE);
  expect(world.mails).toHaveLength(1);
  node.clear('queue-age');
  await world.clock.advance(10 * MINUTE);
  expect(world.mails).toHaveLength(2);
  expect(world.marks.all().map(({ name }) => name)).not.toContain('alert:ack:queue-age');
  node.raise('queue-age');
  await world.clock.advance(MINUTE);
  expect(world.mails).toHaveLength(3);
});
