import { describe, expect, test } from 'vitest';
import { ANN, NotingWorld as World } from '../../../tests/fakes/noting-world.ts';
import { ANY_EXIT } from '../../message/delivery.ts';
import { deliveryIdOf, newMessageId } from '../../message/ids.ts';

describe('an event of a provider', () => {
  test('is noted in the order in which it comes, whatever happened first', async () => {
    const world = new World();
    expect(await world.said(world.event('opened'))).toMatchObject({ noted: 1 });
    expect(await world.said(world.event('confirmed'), world.event('put-off'))).toMatchObject({ noted: 2 });
    expect(world.noted()).toEqual([`opened ${ANN}`, `confirmed ${ANN}`, `put-off ${ANN}`]);
  });

  test('that is posted twice at one time is noted once', async () => {
    const world = new World();
    const results = await Promise.all([1, 2, 3].map(() => world.said(world.event('opened'))));
    expect(results.map(({ noted, repeat }) => [noted, repeat])).toEqual([
      [1, 0],
      [0, 1],
      [0, 1],
    ]);
    expect(world.emitted).toHaveLength(1);
  });

  test('twice in one post is noted once', async () => {
    const world = new World();
    expect(await world.said(world.event('opened'), world.event('opened'))).toMatchObject({ noted: 1, repeat: 1 });
  });

  test('of mail that went by another way is of nobody', async () => {
    const world = new World({ by: 'direct' });
    expect(await world.said(world.event('complained'))).toMatchObject({ noted: 0, unknown: 1 });
    expect([world.noted(), world.learnt]).toEqual([[], []]);
  });

  test('of mail that went by another exit of the same account counts for that exit', async () => {
    const world = new World({ by: 'grid-2' });
    await world.said(world.event('complained'));
    expect(world.emitted).toMatchObject([{ event: 'complained', egress: 'grid-2', source: 'hook:grid' }]);
  });

  test('of an exit that the policy knows no more is noted all the same', async () => {
    const world = new World({ by: 'gone' });
    expect(await world.said(world.event('opened'))).toMatchObject({ noted: 1 });
  });

  test('of a recipient that the delivery does not have is of nobody', async () => {
    const world = new World();
    expect(await world.said(world.event('complained', { recipients: ['eve@dest.test'] }))).toMatchObject({
      unknown: 1,
    });
    expect(world.learnt).toEqual([]);
  });

  test('of a complaint that may be of any of several is noted, counts for the exit, and blames none of them', async () => {
    const world = new World({ to: [ANN, 'bob@dest.test'] });
    const complaint = world.event('complained', { recipients: [ANN, 'bob@dest.test'] });
    expect(await world.said(complaint)).toMatchObject({ noted: 1 });
    expect(await world.said(complaint)).toMatchObject({ noted: 0, repeat: 1 });
    expect(world.emitted).toMatchObject([{ event: 'complained', recipients: [], egress: 'grid' }]);
    expect(world.learnt.flatMap((event) => ('recipients' in event ? event.recipients : []))).toEqual([]);
    expect(await world.said(world.event('complained', { recipients: [ANN], ref: '2' }))).toMatchObject({ noted: 1 });
    expect(world.noted().at(-1)).toBe(`complained ${ANN}`);
  });

  test('of a message that is not known any more, or never was, is passed over', async () => {
    const world = new World();
    const other = newMessageId(1, Buffer.alloc(10, 3));
    expect(
      await world.said(
        world.event('opened', { tags: { 'relevo-message': other } }),
        world.event('opened', { tags: { 'relevo-delivery': 'nonsense' } }),
        world.event('opened', { tags: {}, providerIds: ['unheard'] }),
      ),
    ).toMatchObject({ noted: 0, unknown: 3 });
  });

  test('without arguments is found by its provider’s id, and asks the store once for each', async () => {
    const world = new World();
    const event = world.event('opened', { tags: {}, providerIds: ['no', 'theirs'] });
    expect(await world.said(event, { ...event, ref: '2' })).toMatchObject({ noted: 2 });
    expect(world.asked).toBe(1);
  });

  test('that others bring about is noted so often and no oftener, and keeps nothing else out', async () => {
    const world = new World();
    const opens = Array.from({ length: 150 }, (_, n) => world.event('opened', { ref: `o${n}` }));
    expect(await world.said(...opens, world.event('complained'))).toEqual({
      noted: 102,
      repeat: 0,
      unknown: 0,
      surplus: 49,
    });
  });

  test('happened when its provider says, but not before the message and not in the future', async () => {
    const world = new World();
    const nowMs = world.clock.nowMs();
    await world.clock.advance(10_000);
    await world.said(
      world.event('opened', { ref: 'a', atMs: nowMs + 5_000 }),
      world.event('opened', { ref: 'b', atMs: 0 }),
      world.event('opened', { ref: 'c', atMs: nowMs + 999_999 }),
    );
    expect(world.emitted.map(({ atMs }) => atMs - nowMs)).toEqual([5_000, 0, 10_000]);
  });
});

describe('mail in doubt', () => {
  const TAKEN = { state: 'delivered', egress: 'grid' };

  test('ends by what its provider says of it, for the recipients that it names', async () => {
    const world = new World({ doubtBy: 'grid', to: [ANN, 'bob@dest.test'] });
    await world.said(world.event('taken'));
    expect(world.ended.map((verdicts) => [...verdicts])).toEqual([[[ANN, expect.objectContaining(TAKEN)]]]);
    expect(world.noted()).toEqual([]);
  });

  test('ends as bounced where the provider says so as well, in whatever order', async () => {
    const world = new World({ doubtBy: 'grid' });
    await world.said(world.event('bounced-later'), world.event('taken'));
    expect(world.ended[0]?.get(ANN)).toMatchObject({ state: 'bounced', reply: { code: 550 } });
    expect(world.noted()).toEqual([]);
    // Learnt all the same.
    expect(world.learnt).toMatchObject([{ event: 'bounced-later' }]);
  });

  test('that is said while the attempt is under way ends once that is in doubt', async () => {
    const world = new World({ leased: true });
    await world.said(world.event('confirmed'));
    expect([world.ended, world.noted()]).toEqual([[], [`confirmed ${ANN}`]]);
    await world.clock.advance(2_000);
    expect(world.ended).toEqual([]);
    const [queued] = world.story.queued;
    if (queued === undefined) throw new Error('it waits');
    world.story = {
      ...world.story,
      queued: [{ ...queued, leasedUntilMs: null, delivery: { ...queued.delivery, doubtBy: 'grid' } }],
    };
    await world.clock.advance(5_000);
    await expect.poll(() => world.ended.length).toBe(1);
    expect(world.ended[0]?.get(ANN)).toMatchObject(TAKEN);
  });

  test('that comes to be by another exit, after what is said while it is under way, is not ended', async () => {
    const world = new World({ leased: true });
    await world.said(world.event('confirmed'));
    const [queued] = world.story.queued;
    if (queued === undefined) throw new Error('it waits');
    world.story = {
      ...world.story,
      queued: [{ ...queued, leasedUntilMs: null, delivery: { ...queued.delivery, doubtBy: 'ses' } }],
    };
    await world.clock.advance(60_000);
    expect(world.ended).toEqual([]);
  });

  test('by another provider is not ended by this one', async () => {
    const world = new World({ doubtBy: 'ses', by: 'ses' });
    await world.said(world.event('confirmed'));
    expect(world.ended).toEqual([]);
  });

  test('that was under way when a process died ends where the provider has it', async () => {
    const world = new World({ leased: false });
    const { message, events } = world.story;
    const of = {
      atMs: 0,
      messageId: message.id,
      deliveryId: deliveryIdOf(message.id, 1),
      domain: 'dest.test',
      recipients: [ANN],
    };
    world.story = { ...world.story, events: [...events, { event: 'in-doubt', reason: 'its lease ended', ...of }] };
    await world.said(world.event('taken'));
    expect(world.ended).toHaveLength(1);
  });

  test('by whichever exit ends by any provider that has it', async () => {
    const world = new World({ doubtBy: ANY_EXIT, leased: true });
    await world.said(world.event('taken'));
    const [queued] = world.story.queued;
    if (queued === undefined) throw new Error('it waits');
    world.story = { ...world.story, queued: [{ ...queued, leasedUntilMs: null }] };
    await world.clock.advance(2_000);
    await expect.poll(() => world.ended.length).toBe(1);
  });

  test('that cannot be ended is handed back, so that no lease runs out over it', async () => {
    const world = new World({ doubtBy: 'grid' });
    world.endsFail = true;
    await expect(world.said(world.event('taken'))).rejects.toThrow('is away');
    expect(world.givenBack).toEqual([{ deliveryId: deliveryIdOf(world.story.message.id, 1), token: 1 }]);
  });

  test('that only waits for its next try goes on to wait', async () => {
    const world = new World({ leased: false });
    await world.said(world.event('opened'));
    expect(world.ended).toEqual([]);
  });
});
