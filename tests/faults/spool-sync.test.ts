import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relevo-sync-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

type Call = { readonly what: 'write' | 'sync' | 'asked' | 'answered'; readonly message: number };

/** The system calls of five accepts, in the order in which they ended. */
async function callsOf(durability: string): Promise<readonly Call[]> {
  const trace = join(folder, 'trace');
  const child = [join(import.meta.dirname, 'spool-sync-child.ts'), join(folder, 'spool'), durability];
  execFileSync(
    'strace',
    ['-f', '-y', '-e', 'trace=fdatasync,fsync,pwrite64,write', '-o', trace, process.execPath, ...child],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const begun = new Map<string, string>();
  return (await readFile(trace, 'utf8')).split('\n').flatMap((line): Call[] => {
    const [, thread = '', call = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (call.endsWith('<unfinished ...>')) {
      begun.set(thread, call);
      return [];
    }
    const whole = call.startsWith('<...') ? `${begun.get(thread) ?? ''}${call}` : call;
    const mark = /^write\(2<.*"(asked|answered)-(\d)/.exec(whole);
    if (mark !== null) return [{ what: mark[1] === 'asked' ? 'asked' : 'answered', message: Number(mark[2]) }];
    if (/^pwrite64\(\d+<.*spool\.db-wal>/.test(whole)) return [{ what: 'write', message: 0 }];
    if (/^f(?:data)?sync\(\d+<.*spool\.db-wal>.*= 0$/.test(whole)) return [{ what: 'sync', message: 0 }];
    return [];
  });
}

/** Between asking and the answer: did the log get the message, and was it synced after the last write? */
function between(calls: readonly Call[], message: number): { readonly written: boolean; readonly synced: boolean } {
  const asked = calls.findIndex((call) => call.what === 'asked' && call.message === message);
  const answered = calls.findIndex((call) => call.what === 'answered' && call.message === message);
  const inside = calls.slice(asked + 1, answered).map((call) => call.what);
  return { written: asked >= 0 && inside.includes('write'), synced: inside.at(-1) === 'sync' };
}

test('a message is synced to disk between the question and the answer', async () => {
  const calls = await callsOf('fsync');
  for (let message = 1; message <= 5; message++) {
    expect(between(calls, message), `message ${message}`).toEqual({ written: true, synced: true });
  }
});

test('relaxed durability syncs nothing before the answer: the other test sees a difference', async () => {
  const calls = await callsOf('relaxed');
  expect([2, 3, 4, 5].map((message) => between(calls, message).synced)).toEqual([false, false, false, false]);
});
