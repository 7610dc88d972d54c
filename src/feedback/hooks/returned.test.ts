import { describe, expect, test } from 'vitest';
import { ANN, NotingWorld as World, REPORT } from '../../../tests/fakes/noting-world.ts';

describe('the sender of mail that bounced at its provider', () => {
  const BOB = 'bob@dest.test';
  const reports = (world: World) =>
    world.story.events.flatMap((event) => (event.event === 'bounced-later' ? [event.report] : []));

  test('is told once of what the provider says in two ways, or twice in one post', async () => {
    const world = new World();
    const bounce = world.event('bounced-later');
    await world.said(bounce, { ...bounce, ref: 'dropped' }, { ...bounce, ref: 'again' });
    await world.said({ ...bounce, ref: 'once more' });
    expect([world.told.length, reports(world)]).toEqual([1, [REPORT, REPORT, REPORT, REPORT]]);
    expect(world.told[0]).toMatchObject({
      kind: 'returned',
      recipients: [{ recipient: { address: ANN } }],
      content: null,
    });
  });

  test('is told of each recipient', async () => {
    const world = new World({ to: [ANN, BOB] });
    await world.said(world.event('bounced-later'), world.event('bounced-later', { recipients: [BOB], ref: 'of bob' }));
    expect(world.told.map(({ recipients }) => recipients.map((one) => one.recipient.address))).toEqual([[ANN], [BOB]]);
  });

  test('is not told while the relay itself goes on trying: how that ends is told', async () => {
    const world = new World({ leased: false });
    await world.said(world.event('bounced-later'));
    expect([world.told, reports(world)]).toEqual([[], [null]]);
  });

  test('is told where it bounces before the relay has written down that it was taken', async () => {
    const world = new World({ leased: true });
    await world.said(world.event('bounced-later'));
    expect(reports(world)).toEqual([REPORT]);
  });

  test('is not told where a doubt ends by it: that is a bounce of its own', async () => {
    const world = new World({ doubtBy: 'grid' });
    await world.said(world.event('bounced-later'));
    expect([world.told, reports(world)]).toEqual([[], []]);
  });

  test('hears only of those recipients that it wants to hear of', async () => {
    const world = new World({ to: [ANN, BOB] });
    const [first, ...more] = world.story.events;
    if (first?.event !== 'received') throw new Error('it was received');
    world.story = { ...world.story, events: [{ ...first, unasked: [BOB] }, ...more] };
    await world.said(world.event('bounced-later', { recipients: [ANN, BOB] }));
    expect(world.told.map(({ recipients }) => recipients.map((one) => one.recipient.address))).toEqual([[ANN]]);
  });
});
