import { writeFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { systemClock } from '../../system.ts';
import { READ_MOST_MS, Reader } from './reader.ts';

const TERMS = { keepsDkim: false };
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
      reader.read(MESSAGE, TERMS),
      reader.read(Buffer.from('Subject: x\r\n\r\ny'), TERMS),
      reader.read(MESSAGE, TERMS),
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
         parentPort.postMessage({ kind: 'read', read: { kind: 'unfit', why: 'short' } });
       });`,
    );
    await using reader = new Reader(clock, entry);
    expect(await reader.read(Buffer.from('x'), TERMS)).toEqual({ kind: 'unfit', why: 'short' });
    const slow = reader.read(Buffer.from('slow'), TERMS);
    const next = reader.read(Buffer.from('y'), TERMS);
    await clock.advance(READ_MOST_MS);
    expect(await slow).toEqual({ kind: 'unfit', why: 'it could not be taken apart within 10 s' });
    expect(await next).toEqual({ kind: 'unfit', why: 'short' });
  });

  test('outlives a thread that dies of what it reads', async () => {
    await using entry = await entryOf(
      `import { parentPort } from 'node:worker_threads';
       parentPort.on('message', ({ content }) => {
         if (content.length > 3) throw new Error('too much');
         parentPort.postMessage({ kind: 'read', read: { kind: 'unfit', why: 'short' } });
       });`,
    );
    await using reader = new Reader(systemClock, entry);
    const reads = [reader.read(Buffer.from('dies'), TERMS), reader.read(Buffer.from('y'), TERMS)];
    expect(await Promise.all(reads)).toEqual([
      { kind: 'unfit', why: 'it could not be taken apart: too much' },
      { kind: 'unfit', why: 'short' },
    ]);
  });
});
