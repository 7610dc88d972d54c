import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { dying, Killed } from '../../tests/fakes/failing-move-store.ts';
import { fillMixed, pictureOf, type StorePicture } from '../../tests/fakes/mixed-queue.ts';
import { aSubmission } from '../../tests/fakes/submission.ts';
import type { MessageId } from '../message/ids.ts';
import { openEmbeddedMoveStore } from './embedded/move-store.ts';
import { openStore } from './embedded/open.ts';
import { type EmbeddedSpool, openEmbeddedSpool } from './embedded/spool.ts';
import { sumsOf, type MoveStore } from './move.ts';
import { abandonMove, runMove, type Move, type MoveProgress, type MoveResult } from './moving.ts';
import { SpoolError } from './spool.ts';

let folder = '';
let clock = new FakeClock();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'relevo-moving-'));
  clock = new FakeClock();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const spoolIn = (name: string): Promise<EmbeddedSpool> =>
  openEmbeddedSpool({ path: join(folder, name), durability: 'relaxed', clock });
const storeIn = (name: string): Promise<MoveStore> =>
  openEmbeddedMoveStore({ path: join(folder, name), clock, holdWhenInDoubt: () => [] });

async function fill(name: string, count: number): Promise<{ ids: readonly MessageId[]; picture: StorePicture }> {
  await using spool = await spoolIn(name);
  const ids = await fillMixed(spool, clock, count);
  return { ids, picture: await pictureOf(spool, ids) };
}

async function picture(name: string, ids: readonly MessageId[]): Promise<StorePicture> {
  await using spool = await spoolIn(name);
  return await pictureOf(spool, ids);
}

type Asked = { killAt?: number; to?: string; signal?: AbortSignal; onProgress?: (progress: MoveProgress) => void };

/** One run of the command, from `old` to `new`. */
async function run(
  how: (move: Move) => Promise<MoveResult>,
  { killAt = Number.POSITIVE_INFINITY, to = 'new', ...asked }: Asked = {},
): Promise<{ result: MoveResult | 'killed' }> {
  await using source = await storeIn('old');
  await using target = await storeIn(to);
  const steps = { count: 0, killAt };
  const { signal = new AbortController().signal, onProgress = () => {} } = asked;
  const move = { newId: `move-${steps.count}`, nowMs: clock.nowMs(), signal, onProgress };
  try {
    const result = await how({ ...move, source: dying(source, steps), target: dying(target, steps) });
    return { result };
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
    return { result: 'killed' };
  }
}

/** Which of the two stores a relay could be started on. */
async function startable(): Promise<readonly string[]> {
  const can: string[] = [];
  for (const name of ['old', 'new']) {
    try {
      await using spool = await spoolIn(name);
      await spool.overview();
      can.push(name);
    } catch (error) {
      if (!(error instanceof SpoolError)) throw error;
    }
  }
  return can;
}

/** The stores that are open to a relay and have mail in them; without the thread that a relay has for it. */
function withMail(): readonly string[] {
  return ['old', 'new'].filter((name) => {
    const start = { folder: join(folder, name), durability: 'relaxed', restart: false, nowMs: 0, hold: [] } as const;
    try {
      const { store } = openStore({ ...start, floorBytes: null }, () => undefined);
      const found = store.get<{ messages: number }>('SELECT count(*) AS messages FROM message');
      store.close();
      return (found?.messages ?? 0) > 0;
    } catch (error) {
      if (!(error instanceof SpoolError)) throw error;
      return false;
    }
  });
}

test('moves everything; the old store is as new, the new one has what the old one had', async () => {
  const { ids, picture: before } = await fill('old', 250);
  const seen: MoveProgress[] = [];
  const { result } = await run(runMove, { onProgress: (progress) => seen.push(progress) });
  expect(result).toMatchObject({ kind: 'moved', sums: sumsOf(before.audit) });
  const after = await picture('new', ids);
  expect(after).toEqual(before);
  expect(after.wrongContent).toEqual([]);
  expect((await picture('old', [])).overview).toMatchObject({ messages: 0, deliveries: 0, contentBytes: 0 });
  expect(new Set(seen.map(({ step }) => step))).toEqual(new Set(['copying', 'proving', 'emptying']));
  expect(await startable()).toEqual(['old', 'new']);
});

test(
  'killed at any step and run again, it comes to the same; no step leaves mail where two relays could send it',
  { timeout: 90_000 },
  async () => {
    const { ids, picture: before } = await fill('first', 24);
    let killAt = 1;
    for (; ; killAt++) {
      for (const name of ['old', 'new']) rmSync(join(folder, name), { recursive: true, force: true });
      cpSync(join(folder, 'first'), join(folder, 'old'), { recursive: true });
      const { result } = await run(runMove, { killAt });
      if (result !== 'killed') break;
      expect(withMail().length, `killed at ${killAt}`).toBeLessThan(2);
      // The one that goes on is killed, too.
      await run(runMove, { killAt: 1 + ((killAt * 7) % 30) });
      expect(withMail().length, `killed again after ${killAt}`).toBeLessThan(2);
      const last = (await run(runMove)).result;
      // Killed after its last step, the move was over already, and there was nothing left for this one.
      expect(last !== 'killed' && last.kind === 'moved' && [0, 24].includes(last.sums.messages), `${killAt}`).toBe(
        true,
      );
      expect(withMail()).toEqual(['new']);
      if (killAt % 10 === 0) expect(await picture('new', ids)).toEqual(before);
    }
    expect(killAt).toBeGreaterThan(40);
    expect(await startable()).toEqual(['old', 'new']);
  },
);

test('stopped between pages it says so, and goes on where it was', async () => {
  const { ids, picture: before } = await fill('old', 450);
  const stop = new AbortController();
  const first = await run(runMove, { signal: stop.signal, onProgress: () => stop.abort() });
  expect(first.result).toEqual({ kind: 'stopped' });
  expect(await startable()).toEqual([]);
  const records: number[] = [];
  const { result } = await run(runMove, {
    onProgress: (progress) => progress.step === 'copying' && records.push(progress.records),
  });
  expect(result.valueOf()).toMatchObject({ kind: 'moved' });
  // What the first run had carried is not carried again.
  expect(records.at(-1)).toBeLessThan(ids.length + ids.length / 2 - 150);
  expect((await picture('new', ids)).stories).toEqual(before.stories);
});

test('goes beside what the new store has of its own, and proves the sum of both', async () => {
  const { ids: own, picture: ownBefore } = await fill('new', 30);
  const { ids, picture: before } = await fill('old', 40);
  expect((await run(runMove)).result).toMatchObject({ kind: 'moved', sums: sumsOf(before.audit) });
  expect((await picture('new', own)).stories).toEqual(ownBefore.stories);
  expect((await picture('new', ids)).stories).toEqual(before.stories);
});

test('goes back: abandoned before its end, the old store goes on and the new one is as it was', async () => {
  const { ids: own, picture: ownBefore } = await fill('new', 30);
  const { ids, picture: before } = await fill('old', 220);
  await run(runMove, { killAt: 14 });
  expect(await startable()).toEqual([]);
  for (let killAt = 2; ; killAt++) {
    const { result } = await run(abandonMove, { killAt });
    if (result !== 'killed') {
      expect(result).toMatchObject({ kind: 'abandoned' });
      break;
    }
  }
  expect(await startable()).toEqual(['old', 'new']);
  expect(await picture('old', ids)).toEqual(before);
  expect(await picture('new', own)).toEqual(ownBefore);
});

test('abandoned with the new store out of reach, its copies are gone before the next move begins', async () => {
  const { ids } = await fill('old', 220);
  await run(runMove, { killAt: 14 });
  {
    await using source = await storeIn('old');
    const result = await abandonMove({
      source,
      target: null,
      signal: new AbortController().signal,
      onProgress: () => {},
    });
    expect(result).toEqual({ kind: 'abandoned', copiesIn: `the embedded store in ${join(folder, 'new')}` });
  }
  expect((await run(abandonMove, { to: 'third' })).result).toMatchObject({ copiesIn: expect.stringContaining('new') });
  expect(await startable()).toEqual(['old']);
  // Mail goes on meanwhile: what was copied is not what is there now.
  {
    await using spool = await spoolIn('old');
    await spool.discard({}, clock.nowMs());
    await spool.accept(aSubmission({ atMs: clock.nowMs(), to: ['new@one.test'] }));
  }
  const before = await picture('old', ids);
  expect((await run(runMove)).result).toMatchObject({ kind: 'moved' });
  const after = await picture('new', ids);
  expect(after.stories).toEqual(before.stories);
  expect(after.overview).toMatchObject({ messages: 1, deliveries: 1 });
});

test('does not end where the new store has less than the old one: nothing is removed, and it can go back', async () => {
  const { ids, picture: before } = await fill('old', 220);
  {
    await using source = await storeIn('old');
    await using store = await storeIn('new');
    let lost = false;
    const target = new Proxy(store, {
      get: (of, name) => {
        const value: unknown = Reflect.get(of, name, of);
        if (name !== 'write') return typeof value === 'function' ? (value.bind(of) as unknown) : value;
        return (records: Parameters<MoveStore['write']>[0], cursor: string | null) => {
          const kept = records.filter((_, at) => at > 0 || lost);
          lost = true;
          return of.write(kept, cursor);
        };
      },
    });
    const move = { newId: 'one', nowMs: 0, signal: new AbortController().signal, onProgress: () => {} };
    const result = await runMove({ ...move, source, target });
    expect(result).toMatchObject({ kind: 'differs' });
    expect(result.kind === 'differs' && result.differences[0]).toBe('messages: 219 where 220 should be');
  }
  expect(await startable()).toEqual([]);
  expect((await run(abandonMove)).result).toMatchObject({ kind: 'abandoned' });
  expect(await picture('old', ids)).toEqual(before);
});

test('a message that both stores have stops it before anything is removed', async () => {
  const submission = aSubmission({ atMs: clock.nowMs() });
  for (const name of ['old', 'new']) {
    await using spool = await spoolIn(name);
    await spool.accept(submission);
  }
  expect((await run(runMove)).result).toEqual({ kind: 'conflict', messageIds: [submission.message.id] });
  expect((await run(abandonMove)).result).toMatchObject({ kind: 'abandoned' });
  for (const name of ['old', 'new']) expect((await picture(name, [submission.message.id])).stories).not.toContain(null);
});

test('refuses to go on with another store than the one it began with', async () => {
  await fill('old', 20);
  await run(runMove, { killAt: 14 });
  const { result } = await run(runMove, { to: 'third' });
  expect(result).toMatchObject({ kind: 'refused' });
  expect(result !== 'killed' && result.kind === 'refused' && result.why).toContain(join(folder, 'new'));
  expect(await startable()).toEqual([]);
});

test('refuses two moves into one store at a time', async () => {
  await fill('old', 20);
  await run(runMove, { killAt: 14 });
  await using source = await storeIn('third');
  await using target = await storeIn('new');
  const move = { newId: 'two', nowMs: 0, signal: new AbortController().signal, onProgress: () => {} };
  expect(await runMove({ ...move, source, target })).toMatchObject({ kind: 'refused' });
  expect(await runMove({ ...move, source: target, target: source })).toMatchObject({ kind: 'refused' });
});

test('what is in the new store only cannot be abandoned', async () => {
  const { ids, picture: before } = await fill('old', 220);
  let killAt = 10;
  for (; ; killAt++) {
    await run(runMove, { killAt });
    await using source = await storeIn('old');
    const mark = await source.mark();
    if (mark?.role === 'source' && mark.phase === 'moved') break;
  }
  expect((await run(abandonMove)).result).toMatchObject({ kind: 'refused' });
  expect((await run(runMove, { to: 'third' })).result).toMatchObject({ kind: 'refused' });
  expect((await run(runMove)).result).toMatchObject({ kind: 'moved', sums: sumsOf(before.audit) });
  expect((await picture('new', ids)).stories).toEqual(before.stories);
});
