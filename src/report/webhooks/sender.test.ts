import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { type HookListener, startHookListener } from '../../../tests/fakes/hook-listener.ts';
import { aSettlement, aSubmission } from '../../../tests/fakes/submission.ts';
import type { Event } from '../../message/event.ts';
import { type EmbeddedSpool, openEmbeddedSpool } from '../../spool/embedded/spool.ts';
import { systemFetch } from '../../system.ts';
import { hookMark, hookOf, hookText } from './hook-state.ts';
import { HookSender, type Step, type WebhookPolicy } from './sender.ts';
import { openWebhooks } from './webhooks.ts';

const HOUR_MS = 3_600_000;

type World = AsyncDisposable & {
  readonly clock: FakeClock;
  readonly spool: EmbeddedSpool;
  readonly listener: HookListener;
  readonly events: Event[];
  readonly hook: WebhookPolicy;
  /** A sender as after a start. */
  readonly sender: () => HookSender;
  /** One message that is taken and delivered. */
  readonly mail: (client?: string) => Promise<void>;
};

async function world(terms: Partial<WebhookPolicy> = {}): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'relevo-hooks-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const clock = new FakeClock();
  const spool = stack.use(await openEmbeddedSpool({ path: folder, durability: 'relaxed', clock }));
  const listener = stack.use(await startHookListener());
  const events: Event[] = [];
  const hook: WebhookPolicy = {
    name: 'app',
    url: listener.url,
    secret: 'hush',
    events: ['received', 'delivered'],
    clients: null,
    timeout: 5_000,
    retryFor: 24 * HOUR_MS,
    ...terms,
  };
  const emit = (event: Event): void => void events.push(event);
  const needs = { clock, fetch: systemFetch, feed: spool.feed, marks: spool.marks, spool, emit };
  const mail = async (client = 'shop'): Promise<void> => {
    const untilMs = clock.nowMs() + HOUR_MS;
    const accepted = await spool.accept(aSubmission({ atMs: clock.nowMs(), client, leaseUntilMs: untilMs }));
    if (accepted.kind !== 'accepted') throw new Error(accepted.kind);
    for (const leased of accepted.leased) await spool.settle(aSettlement(leased, { atMs: clock.nowMs() }));
  };
  const kept = stack.move();
  return {
    clock,
    spool,
    listener,
    events,
    hook,
    sender: () => new HookSender(needs),
    mail,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

const { signal } = new AbortController();

/** Steps until there is nothing more to do now. */
async function tell(sender: HookSender, hook: WebhookPolicy): Promise<Step> {
  for (;;) {
    const step = await sender.step(hook, signal);
    if (step.kind !== 'more') return step;
  }
}

test('a program hears, signed and in order, of what it asked for, from the first look on', async () => {
  await using place = await world();
  const { hook, listener } = place;
  await place.mail();
  const sender = place.sender();
  await tell(sender, hook);
  expect(listener.posts).toEqual([]);
  await place.mail();
  await place.mail();
  await tell(sender, hook);
  expect(listener.names()).toEqual(['received', 'delivered', 'received', 'delivered']);
  const [post] = listener.posts;
  expect(post?.signedWith('hush')).toBe(true);
  expect(post?.signedWith('other')).toBe(false);
  expect(post?.events[1]).toMatchObject({
    event: 'delivered',
    message: { client: 'shop', stream: 'transactional', messageId: expect.stringMatching(/^<.*>$/) },
    recipients: ['bob@dest.test'],
    domain: 'dest.test',
    egress: 'direct',
  });
});

test('it goes on after a restart where it was, and tells nothing twice', async () => {
  await using place = await world();
  await tell(place.sender(), place.hook);
  await place.mail();
  await tell(place.sender(), place.hook);
  await tell(place.sender(), place.hook);
  expect(place.listener.names()).toEqual(['received', 'delivered']);
  const ids = place.listener.posts.flatMap(({ events }) => events.map(({ id }) => id));
  expect(new Set(ids).size).toBe(2);
});

test('mail of other clients, and events that it did not ask for, are not told', async () => {
  await using place = await world({ events: ['delivered'], clients: ['crm'] });
  const sender = place.sender();
  await tell(sender, place.hook);
  await place.mail('shop');
  await place.mail('crm');
  await tell(sender, place.hook);
  expect(place.listener.posts.flatMap(({ events }) => events)).toMatchObject([
    { event: 'delivered', message: { client: 'crm' } },
  ]);
});

test.each([500, 404, 'cut', 'redirect'] as const)(
  'what is answered with %s is told again later, each time a little later',
  async (answer) => {
    await using place = await world();
    const { clock, listener, hook } = place;
    const sender = place.sender();
    await tell(sender, hook);
    await place.mail();
    listener.answer = answer;
    const waits: number[] = [];
    for (let tries = 0; tries < 4; tries++) {
      const step = await tell(sender, hook);
      if (step.kind !== 'waiting') throw new Error(step.kind);
      waits.push(step.untilMs - clock.nowMs());
      clock.jumpMs(step.untilMs - clock.nowMs());
    }
    expect(waits).toEqual([10_000, 30_000, 60_000, 300_000]);
    listener.answer = 200;
    await tell(sender, hook);
    expect(listener.names()).toEqual(['received', 'delivered']);
  },
);

test.each([
  ['at length', 200_000],
  ['without an end', 'forever'],
] as const)('what is taken, and said so %s, is told once', async (_, says) => {
  await using place = await world({ timeout: 300 });
  const sender = place.sender();
  await tell(sender, place.hook);
  await place.mail();
  Object.assign(place.listener, { answer: 200, says });
  expect(await tell(sender, place.hook)).toEqual({ kind: 'idle' });
  expect(place.listener.names()).toEqual(['received', 'delivered']);
});

test('one that takes nothing for 24 h is not told any more, an alert says so, and it hears of all of it once it is resumed', async () => {
  await using place = await world();
  const { clock, listener, hook, events, spool } = place;
  const sender = place.sender();
  await tell(sender, hook);
  await place.mail();
  listener.answer = 503;
  const sinceMs = clock.nowMs();
  let step: Step = await tell(sender, hook);
  while (step.kind === 'waiting') {
    clock.jumpMs(step.untilMs - clock.nowMs());
    step = await tell(sender, hook);
  }
  expect(clock.nowMs() - sinceMs).toBeGreaterThanOrEqual(24 * HOUR_MS);
  expect(clock.nowMs() - sinceMs).toBeLessThan(26 * HOUR_MS);
  expect(events).toMatchObject([{ event: 'alert', name: 'webhook-dead:app', raised: true }]);
  expect(JSON.stringify(events)).toContain('it answers 503');
  expect(JSON.stringify(events)).not.toContain('hidden');
  listener.answer = 200;
  await place.mail();
  expect(await tell(sender, hook)).toEqual({ kind: 'idle' });
  expect(listener.posts).toEqual([]);
  const name = hookMark(hook.url);
  const [mark] = await spool.marks.marks(name);
  const state = hookOf(mark ?? { text: '' });
  if (state === null) throw new Error('no state');
  const text = hookText({ ...state, disabledAtMs: null, dueAtMs: 0 });
  await spool.marks.mark([{ name, text, atMs: clock.nowMs() + 1 }]);
  await tell(sender, hook);
  expect(listener.names()).toEqual(['received', 'delivered', 'received', 'delivered']);
  expect(events.at(-1)).toMatchObject({ name: 'webhook-dead:app', raised: false });
});

test('a post that the end of the relay breaks off is no failure of the program', async () => {
  await using place = await world();
  const { clock, listener, hook, spool, events } = place;
  await tell(place.sender(), hook);
  await place.mail();
  const ending = new AbortController();
  const broken: typeof systemFetch = async () => {
    ending.abort();
    throw new Error('broken off');
  };
  const emit = (event: Event): void => void events.push(event);
  const sender = new HookSender({ clock, fetch: broken, feed: spool.feed, marks: spool.marks, spool, emit });
  expect(await sender.step(hook, ending.signal)).toEqual({ kind: 'idle' });
  await tell(place.sender(), hook);
  expect(listener.names()).toEqual(['received', 'delivered']);
});

test('one that says 410 is not asked again', async () => {
  await using place = await world();
  const sender = place.sender();
  await tell(sender, place.hook);
  await place.mail();
  place.listener.answer = 410;
  expect(await tell(sender, place.hook)).toEqual({ kind: 'idle' });
  expect(place.events).toMatchObject([{ name: 'webhook-dead:app', raised: true }]);
});

test('one that is dead is told of again after a restart, and until it is in the policy no more', async () => {
  await using place = await world();
  const { clock, listener, hook, events, spool } = place;
  const sender = place.sender();
  await tell(sender, hook);
  await place.mail();
  listener.answer = 410;
  await tell(sender, hook);
  expect(events).toMatchObject([{ name: 'webhook-dead:app', raised: true }]);
  let webhooks = [hook];
  const emit = (event: Event): void => void events.push(event);
  const needs = { clock, fetch: systemFetch, feed: spool.feed, marks: spool.marks, spool, emit };
  await using _ = openWebhooks({ ...needs, policy: () => ({ webhooks }) as never, isOurs: async () => true });
  await clock.advanceUntil(() => events.length === 2);
  await clock.advance(10_000);
  expect(events.slice(1)).toMatchObject([{ name: 'webhook-dead:app', raised: true }]);
  expect(JSON.stringify(events[1])).toContain('it answers 410');
  webhooks = [];
  await clock.advanceUntil(() => events.length === 3);
  expect(events[2]).toMatchObject({ name: 'webhook-dead:app', raised: false });
});

test('a stretch of time is told again, and nothing else', async () => {
  await using place = await world({ events: ['delivered'] });
  const { clock, listener, hook, spool } = place;
  const sender = place.sender();
  await tell(sender, hook);
  const times: number[] = [];
  for (let count = 0; count < 3; count++) {
    times.push(clock.nowMs());
    await place.mail();
    await clock.advance(10 * 60_000);
  }
  await tell(sender, hook);
  const first = listener.posts.flatMap(({ events }) => events);
  expect(first).toHaveLength(3);
  const name = hookMark(hook.url);
  const [mark] = await spool.marks.marks(name);
  const state = hookOf(mark ?? { text: '' });
  if (state === null) throw new Error('no state');
  const replay = { place: null, fromMs: times[1] ?? 0, untilMs: times[2] ?? 0 };
  await spool.marks.mark([{ name, text: hookText({ ...state, replay }), atMs: clock.nowMs() + 1 }]);
  await tell(sender, hook);
  expect(listener.posts.flatMap(({ events }) => events).slice(3)).toEqual([first[1]]);
  await place.mail();
  await tell(sender, hook);
  expect(listener.names()).toHaveLength(5);
});

test('programs come and go with the policy, and only the relay whose turn it is tells them', async () => {
  await using place = await world();
  const { clock, listener, spool, hook, events } = place;
  let isOurs = false;
  let webhooks: WebhookPolicy[] = [];
  const emit = (event: Event): void => void events.push(event);
  await using _ = openWebhooks({
    policy: () => ({ webhooks }) as never,
    clock,
    fetch: systemFetch,
    feed: spool.feed,
    marks: spool.marks,
    spool,
    emit,
    isOurs: async () => isOurs,
  });
  webhooks = [hook];
  await clock.advance(6_000);
  expect(await spool.marks.marks('webhook:')).toEqual([]);
  isOurs = true;
  await clock.advanceUntil(async () => (await spool.marks.marks('webhook:')).length === 1);
  await place.mail();
  await clock.advanceUntil(() => listener.names().length === 2);
  webhooks = [];
  await clock.advance(2_000);
  await place.mail();
  await clock.advance(6_000);
  expect(listener.names()).toHaveLength(2);
  expect(events).toEqual([]);
});
