import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { type Answered, AskedThread } from './asked-thread.ts';

const ANSWER_MOST_MS = 1_000;
const IDLE_MS = 5_000;

/** Answers with how many it was asked before, throws, dies, or says nothing more. */
const ENTRY = `
  import { answerAsks } from '${new URL('./answer-asks.ts', import.meta.url).href}';
  let asked = 0;
  answerAsks(async (ask) => {
    if (ask === 'throw') throw new Error('no answer to that');
    if (ask === 'die') process.exit(1);
    if (ask === 'hang') for (;;);
    return ask instanceof Uint8Array ? ask : asked++;
  }, (answer) => (answer instanceof Uint8Array ? [answer.buffer] : []));`;

async function asking(): Promise<AsyncDisposable & { clock: FakeClock; thread: AskedThread<unknown, unknown> }> {
  const folder = await mkdtemp(join(tmpdir(), 'relevo-thread-'));
  const entry = join(folder, 'entry.mjs');
  await writeFile(entry, ENTRY);
  const clock = new FakeClock();
  const terms = { clock, entry: pathToFileURL(entry), name: 'test', heapMb: 64 };
  const thread = new AskedThread<unknown, unknown>({ ...terms, answerMostMs: ANSWER_MOST_MS, idleMs: IDLE_MS });
  const dispose = async (): Promise<void> => {
    await thread[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  };
  return { clock, thread, [Symbol.asyncDispose]: dispose };
}

const answer = (count: number): Answered<unknown> => ({ kind: 'answered', answer: count });

test('one thread answers all, in order, and what throws is no loss', async () => {
  await using place = await asking();
  const asks = ['a', 'throw', 'b'].map((ask) => place.thread.ask(ask));
  expect(await Promise.all(asks)).toEqual([answer(0), { kind: 'broke', cause: 'no answer to that' }, answer(1)]);
});

test('a thread that is lost or too slow is another one for whatever comes next', async () => {
  await using place = await asking();
  const { clock, thread } = place;
  expect(await thread.ask('a')).toEqual(answer(0));
  expect(await thread.ask('die')).toMatchObject({ kind: 'lost', cause: expect.stringMatching(/\w/) });
  expect(await thread.ask('b')).toEqual(answer(0));
  const [slow, next] = [thread.ask('hang'), thread.ask('c')];
  await clock.advance(ANSWER_MOST_MS);
  expect([await slow, await next]).toEqual([{ kind: 'late' }, answer(0)]);
});

test('ends when nobody asks for long, and begins anew', async () => {
  await using place = await asking();
  const { clock, thread } = place;
  expect(await thread.ask('a')).toEqual(answer(0));
  await clock.advance(IDLE_MS - 1);
  expect(await thread.ask('b')).toEqual(answer(1));
  await clock.advance(IDLE_MS);
  expect(await thread.ask('c')).toEqual(answer(0));
});

test('bytes are moved both ways, not copied', async () => {
  await using place = await asking();
  const bytes = new Uint8Array([1, 2, 3]);
  const answered = place.thread.ask(bytes, [bytes.buffer]);
  expect(await answered).toEqual({ kind: 'answered', answer: new Uint8Array([1, 2, 3]) });
  expect(bytes.byteLength).toBe(0);
});
