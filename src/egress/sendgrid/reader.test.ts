import { writeFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { systemClock } from '../../system.ts';
import { type MessageId, newMessageId } from '../../message/ids.ts';
import { READ_MOST_MS, Reader } from './reader.ts';

const TERMS = { keepsDkim: false };
const ID = (at: number): MessageId => newMessageId(0, Buffer.alloc(10, at));
const MESSAGE = Buffer.from('From: a@example.com\r\nTo: b@example.net\r\nSubject: hello\r\n\r\nHello.\r\n');

async function entryOf(code: string): Promise<URL & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'relevo-reader-'));
  const path = join(folder, 'entry.mjs');
  await writeFile(path, code);
  return Object.assign(pathToFileURL(path), { [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) });
}

describe('a reader', () => {
  test('takes messages apart in its own thread, one after the other', async () => {
    await using reader = new Reader(systemClock);
    const reads = await Promise.all([
      reader.read(ID(1), MESSAGE, TERMS),
      reader.read(ID(2), Buffer.from('Subject: x\r\n\r\ny'), TERMS),
      reader.read(ID(3), MESSAGE, TERMS),
    ]);
    expect(reads).toMatchObject([
      { kind: 'said', to: [{ email: 'b@example.net' }] },
      { kind: 'unfit', why: 'it has no From' },
      { kind: 'said' },
    ]);
  });

  test('gives up what takes too long, and goes on with the next', async () => {
    const clock = new FakeClock();
    await using entry = await entryOf(
      `import { parentPort } from 'node:worker_threads';
       parentPort.on('message', ({ content }) => {
         if (content.length > 3) for (;;);
         parentPort.postMessage({ kind: 'answered', answer: { kind: 'unfit', why: 'short' } });
       });`,
    );
    await using reader = new Reader(clock, entry);
    expect(await reader.read(ID(1), Buffer.from('x'), TERMS)).toEqual({ kind: 'unfit', why: 'short' });
    const slow = reader.read(ID(2), Buffer.from('slow'), TERMS);
    const next = reader.read(ID(3), Buffer.from('y'), TERMS);
    await clock.advance(READ_MOST_MS);
    expect(await slow).toEqual({ kind: 'unfit', why: 'it could not be taken apart within 3 s' });
    expect(await next).toEqual({ kind: 'unfit', why: 'short' });
  });

  test('holds up others once by what takes too long, however often it is tried', async () => {
    const clock = new FakeClock();
    await using entry = await entryOf(
      `import { parentPort } from 'node:worker_threads';
       parentPort.on('message', ({ content }) => {
         if (content.length > 3) for (;;);
         parentPort.postMessage({ kind: 'answered', answer: { kind: 'unfit', why: 'short' } });
       });`,
    );
    await using reader = new Reader(clock, entry);
    // Two deliveries of one message, before either is known, and mail behind them.
    const [slow, twin] = [1, 2].map(() => reader.read(ID(1), Buffer.from('slow'), TERMS));
    const next = reader.read(ID(2), Buffer.from('y'), TERMS);
    await clock.advance(READ_MOST_MS);
    const tooLong = { kind: 'unfit', why: 'it could not be taken apart within 3 s' };
    expect(await slow).toEqual(tooLong);
    // The clock stands still: neither waits for it any more.
    expect(await twin).toEqual(tooLong);
    expect(await next).toEqual({ kind: 'unfit', why: 'short' });
    expect(await reader.read(ID(1), Buffer.from('slow'), TERMS)).toEqual(tooLong);
    expect(await reader.read(ID(2), Buffer.from('y'), TERMS)).toEqual({ kind: 'unfit', why: 'short' });
  });

  test('outlives a thread that dies of what it reads', async () => {
    await using entry = await entryOf(
      `import { parentPort } from 'node:worker_threads';
       parentPort.on('message', ({ content }) => {
         if (content.length > 3) throw new Error('too much');
         parentPort.postMessage({ kind: 'answered', answer: { kind: 'unfit', why: 'short' } });
       });`,
    );
    await using reader = new Reader(systemClock, entry);
    const reads = [reader.read(ID(1), Buffer.from('dies'), TERMS), reader.read(ID(2), Buffer.from('y'), TERMS)];
    expect(await Promise.all(reads)).toEqual([
      { kind: 'unfit', why: 'it could not be taken apart: too much' },
      { kind: 'unfit', why: 'short' },
    ]);
  });
});
