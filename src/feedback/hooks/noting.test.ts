import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { aSubmission } from '../../../tests/fakes/submission.ts';
import type { CameBack, Event, MessageEvent } from '../../message/event.ts';
import { deliveryIdOf, type MessageId, newMessageId } from '../../message/ids.ts';
import { policySchema } from '../../policy/schema.ts';
import type { MessageStory, QueuedDelivery } from '../../spool/spool.ts';
import { Doubts, type Verdicts } from './doubts.ts';
import { Noting } from './noting.ts';
import type { ProviderEvent } from './provider-event.ts';

const POLICY = policySchema.parse({
  hostname: 'relay.test',
  egress: {
    direct: { type: 'mx' },
    grid: { type: 'sendgrid', apiKeys: ['k'] },
    'grid-2': { type: 'sendgrid', apiKeys: ['k'] },
    ses: { type: 'ses', region: 'eu-west-1' },
  },
});
const ANN = 'Ann@dest.test';

type Made = {
  readonly by?: string;
  readonly to?: readonly string[];
  readonly leased?: boolean;
  readonly doubtBy?: string;
};

/** A store of one message that was tried by one exit; `leased` or `doubtBy`: its delivery still waits. */
class World {
  readonly clock = new FakeClock();
  readonly emitted: Event[] = [];
  readonly learnt: MessageEvent[] = [];
  readonly ended: Verdicts[] = [];
  readonly noting: Noting;
  story: MessageStory;
  asked = 0;

  constructor({ by = 'grid', to = [ANN], leased, doubtBy }: Made = {}) {
    const atMs = this.clock.nowMs();
    const { message, received } = aSubmission({ atMs, to });
    const deliveryId = deliveryIdOf(message.id, 1);
    const of = { atMs, messageId: message.id, deliveryId, domain: 'dest.test', recipients: to };
    const reply = { code: 250, detail: null, text: 'ok' };
    const peer = { host: null, address: null, source: null, tls: null };
    const attempt = { number: 1, egress: by, ...peer, reply, tookMs: 1 };
    const waits = leased !== undefined || doubtBy !== undefined;
    const events: MessageEvent[] = [received, { event: 'attempted', attempt, ...of }];
    if (!waits) events.push({ event: 'delivered', reply, egress: by, ...of });
    const recipients = to.map((address) => ({ address, notify: null, orcpt: null }));
    const delivery: QueuedDelivery['delivery'] = {
      id: deliveryId,
      messageId: message.id,
      domain: 'dest.test',
      recipients,
      client: 'shop',
      stream: 'news',
      priority: 'normal',
      state: 'queued',
      attempts: 1,
      createdAtMs: atMs,
      dueAtMs: atMs,
      warnedAtMs: null,
      lastReply: null,
      lastEgress: by,
      ...(doubtBy === undefined ? {} : { doubtBy }),
    };
    const leasedUntilMs = leased === true ? atMs + 60_000 : null;
    const queued: QueuedDelivery[] = waits ? [{ delivery, sender: '', sizeBytes: 1, leasedUntilMs }] : [];
    this.story = { message, events, queued };
    const spool = {
      story: async (id: MessageId) => {
        this.asked += 1;
        return id === message.id ? this.story : null;
      },
      note: async (added: readonly CameBack[]) => {
        this.story = { ...this.story, events: [...this.story.events, ...added] };
        return 'noted' as const;
      },
      byProviderId: async (id: string) => (id === 'theirs' ? [message.id] : []),
      list: async () => this.story.queued,
      take: async () =>
        this.story.queued.map(({ delivery: one }) => ({ delivery: one, message, lease: { token: 1, untilMs: 0 } })),
    };
    const endNow = async (_: unknown, verdicts: Verdicts): Promise<boolean> => {
      this.ended.push(verdicts);
      return true;
    };
    const { clock } = this;
    const emit = (event: Event): void => void this.emitted.push(event);
    this.noting = new Noting({
      policy: () => POLICY,
      spool,
      doubts: new Doubts({ spool, endNow, clock, emit }),
      learn: async (added) => void this.learnt.push(...added),
      tags: { message: 'relevo-message', delivery: 'relevo-delivery', deliveryOf: (value) => value },
      clock,
      emit,
    });
  }

  event(what: ProviderEvent['what'], of: Partial<ProviderEvent> = {}): ProviderEvent {
    return {
      what,
      recipients: ['ann@dest.test'],
      tags: { 'relevo-delivery': `${this.story.message.id}.1` },
      providerIds: [],
      ref: `${what}-1`,
      atMs: null,
      reply: what === 'bounced-later' ? { code: 550, detail: '1.1', text: 'gone' } : null,
      host: null,
      detail: '',
      ...of,
    };
  }

  /** As the provider of `grid` says it. */
  said(...events: readonly ProviderEvent[]) {
    return this.noting.note('grid', events);
  }

  noted(): readonly string[] {
    return this.story.events.flatMap((event) =>
      'source' in event ? [`${event.event} ${event.recipients.join()}`] : [],
    );
  }
}

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

  test('that only waits for its next try goes on to wait', async () => {
    const world = new World({ leased: false });
    await world.said(world.event('opened'));
    expect(world.ended).toEqual([]);
  });
});
