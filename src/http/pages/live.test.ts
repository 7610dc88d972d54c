import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { Live, type Watched } from './live.ts';

const OVERVIEW: Watched = { url: '/', language: 'en', scopes: ['read'] };

/** `regions`: what the page would be rendered as now; null: it is gone; an error: the store does not answer. */
function rig() {
  const clock = new FakeClock();
  const state = { regions: new Map([['a', '<p>1</p>']]) as Map<string, string> | null | Error, renders: 0, takesMs: 0 };
  const live = new Live({
    clock,
    render: async () => {
      state.renders += 1;
      if (state.takesMs > 0) await clock.sleep(state.takesMs);
      if (state.regions instanceof Error) throw state.regions;
      return state.regions;
    },
  });
  const settle = async (): Promise<void> => {
    for (let step = 0; step < 5; step++) await turn();
  };
  const pass = async (forMs: number): Promise<void> => {
    await clock.advance(forMs);
    await settle();
  };
  return { clock, live, state, pass, settle };
}

/** Reads a stream from now on; `take` gives what came since the last time. */
function reader(stream: ReturnType<Live['watch']>) {
  if (typeof stream === 'string') throw new Error(stream);
  const from = stream.getReader();
  const texts: string[] = [];
  const state = { isOver: false };
  const run = async (): Promise<void> => {
    for (let next = await from.read(); !next.done; next = await from.read())
      texts.push(Buffer.from(next.value).toString());
    state.isOver = true;
  };
  void run();
  return { state, leave: () => from.cancel(), take: () => texts.splice(0).join('') };
}

const { signal } = new AbortController();
const ASK = { sharer: { kind: 'user', name: 'ann', peer: '127.0.0.1' }, signal };

test('who watches has everything at once, then what changes and nothing else', async () => {
  const { live, state, pass, settle } = rig();
  const one = reader(live.watch(OVERVIEW, ASK));
  await settle();
  expect(one.take()).toBe('retry: 3000\n\nevent: region\ndata: {"name":"a","html":"<p>1</p>"}\n\n');
  await pass(2_000);
  expect(one.take()).toBe('');
  state.regions = new Map([
    ['a', '<p>1</p>'],
    ['b', '<p>\n2</p>'],
  ]);
  await pass(2_000);
  expect(one.take()).toBe('event: region\ndata: {"name":"b","html":"<p>\\n2</p>"}\n\n');
  for (let seconds = 0; seconds < 12; seconds += 2) await pass(2_000);
  expect(one.take()).toBe('event: beat\ndata:\n\n');
});

test('twenty who watch the same cost as much as one, and another language is rendered by itself', async () => {
  const { live, state, pass, settle } = rig();
  const many = Array.from({ length: 20 }, () => reader(live.watch(OVERVIEW, ASK)));
  await settle();
  state.renders = 0;
  await pass(2_000);
  expect([state.renders, live.count]).toEqual([1, 20]);
  const other = reader(live.watch({ ...OVERVIEW, language: 'es' }, ASK));
  await settle();
  expect(other.take()).toContain('<p>1</p>');
  state.renders = 0;
  await pass(2_000);
  expect(state.renders).toBe(2);
  await Promise.all([...many, other].map(({ leave }) => leave()));
});

test('nothing runs once nobody watches any more', async () => {
  const { live, state, pass, settle, clock } = rig();
  const gone = new AbortController();
  const one = reader(live.watch(OVERVIEW, ASK));
  live.watch(OVERVIEW, { ...ASK, signal: gone.signal });
  await settle();
  await one.leave();
  gone.abort();
  await settle();
  state.renders = 0;
  await pass(60_000);
  expect([state.renders, live.count]).toEqual([0, 0]);
  const again = reader(live.watch(OVERVIEW, ASK));
  await settle();
  expect(again.take()).toContain('<p>1</p>');
  expect(clock.nowMs()).toBeGreaterThan(0);
});

test('where rendering takes long, it is done so much less often', async () => {
  const { live, state, pass } = rig();
  reader(live.watch(OVERVIEW, ASK));
  state.takesMs = 200;
  await pass(200);
  state.renders = 0;
  for (let seconds = 0; seconds < 82; seconds += 0.1) await pass(100);
  expect(state.renders).toBeLessThanOrEqual(11);
  expect(state.renders).toBeGreaterThanOrEqual(9);
});

test('while the store does not answer nothing is told, not even that the page is alive', async () => {
  const { live, state, pass, settle } = rig();
  const one = reader(live.watch(OVERVIEW, ASK));
  await settle();
  one.take();
  state.regions = new Error('away');
  for (let seconds = 0; seconds < 30; seconds += 2) await pass(2_000);
  expect(one.take()).toBe('');
  state.regions = new Map([['a', '<p>2</p>']]);
  await pass(2_000);
  expect(one.take()).toContain('<p>2</p>');
});

test('it ends after two minutes, so that whoever has signed out sees no more, and at once where the page is gone', async () => {
  const { live, state, pass, settle } = rig();
  const one = reader(live.watch(OVERVIEW, ASK));
  await settle();
  for (let seconds = 0; seconds < 118; seconds += 2) await pass(2_000);
  expect(one.state.isOver).toBe(false);
  await pass(4_000);
  expect([one.state.isOver, live.count]).toEqual([true, 0]);
  const other = reader(live.watch(OVERVIEW, ASK));
  await settle();
  state.regions = null;
  await pass(2_000);
  expect(other.state.isOver).toBe(true);
});

test('one that does not read is not waited for, and has everything once it reads again', async () => {
  const { live, state, pass, settle } = rig();
  const slow = live.watch(OVERVIEW, ASK);
  const quick = reader(live.watch(OVERVIEW, ASK));
  await settle();
  for (let at = 0; at < 50; at++) {
    state.regions = new Map([
      ['a', `<p>${at}</p>`],
      ['b', '<p>same</p>'],
    ]);
    await pass(2_000);
  }
  expect(quick.take()).toContain('<p>49</p>');
  const late = reader(slow);
  await settle();
  const kept = late.take();
  expect(kept.match(/event: region/g)?.length).toBeLessThan(10);
  expect(kept).not.toContain('<p>49</p>');
  await pass(2_000);
  const now = late.take();
  expect(now).toContain('<p>49</p>');
  expect(now).toContain('<p>same</p>');
});

test('no more than 64 watch at a time, and one of them leaves room for others', () => {
  const { live } = rig();
  const asked = (name: string, peer = '127.0.0.1') =>
    live.watch(OVERVIEW, { ...ASK, sharer: { kind: 'user', name, peer } });
  for (let at = 0; at < 32; at++) expect(asked('ann', '192.0.2.1')).toBeInstanceOf(ReadableStream);
  expect(asked('ann', '198.51.100.1')).toBe('share-taken');
  for (let at = 0; at < 16; at++) expect(asked('ben', '192.0.2.1')).toBeInstanceOf(ReadableStream);
  expect(asked('cem', '192.0.2.1')).toBe('share-taken');
  for (let at = 0; at < 16; at++) expect(asked('cem')).toBeInstanceOf(ReadableStream);
  expect(asked('dan')).toBe('crowded');
});

test('who leaves, and who was shown enough, gives the place back', async () => {
  const { live, pass } = rig();
  const open = () => live.watch(OVERVIEW, ASK);
  const first = Array.from({ length: 32 }, open);
  reader(first[0] ?? 'crowded');
  expect(open()).toBe('share-taken');
  if (typeof first[1] === 'object') await first[1].cancel();
  expect(open()).toBeInstanceOf(ReadableStream);
  expect(open()).toBe('share-taken');
  await pass(130_000);
  for (let at = 0; at < 32; at++) expect(open()).toBeInstanceOf(ReadableStream);
});
