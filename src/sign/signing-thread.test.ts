import { readdirSync, readFileSync } from 'node:fs';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { type BlankSignature, valueOf } from './blank-signature.ts';
import { SigningThread } from './signing-thread.ts';

const IDLE_MS = 15_000;
const START_AGAIN_MS = 10_000;
const RSA = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
const ED25519 = generateKeyPairSync('ed25519').privateKey;
/** Base64 of 128 bytes, and of 64. */
const LENGTHS = new Map<KeyObject, number>([
  [RSA, 172],
  [ED25519, 88],
]);

function blank(text: string, key = RSA): BlankSignature {
  const algorithm = key === RSA ? 'rsa-sha256' : 'ed25519-sha256';
  return { text, algorithm, key, at: 0, length: LENGTHS.get(key) ?? 0 };
}

/** As the real one, but that it dies of a text. */
const REAL = new URL('signing-entry.ts', import.meta.url).href;
const MORTAL = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads';
    parentPort.on('message', (asks) => {
      if (asks.some(([, [{ text }]]) => text === 'die')) process.exit(1);
    });
    await import(${JSON.stringify(REAL)});`)}`,
);

function started(entry?: URL): { clock: FakeClock; thread: SigningThread } {
  const clock = new FakeClock();
  const thread = new SigningThread(clock, entry);
  onTestFinished(() => thread[Symbol.asyncDispose]());
  return { clock, thread };
}

/** As the kernel counts them, in this process. */
function threadsThatSign(): number {
  const comms = readdirSync('/proc/self/task').map((id) => readFileSync(`/proc/self/task/${id}/comm`, 'utf8'));
  return comms.filter((comm) => comm.trim() === 'signing').length;
}

test('makes what the thread that asks would make, each message its own, by one thread', async () => {
  const { thread } = started();
  const messages = Array.from({ length: 40 }, (_, place) => [blank(`text ${place}`), blank(`text ${place}`, ED25519)]);
  const made = await Promise.all(messages.map((blanks) => thread.make(blanks)));
  expect(made).toEqual(messages.map((blanks) => blanks.map(valueOf)));
  expect(threadsThatSign()).toBe(1);
});

test('a signature that does not fit its place is the loss of that message alone', async () => {
  const { thread } = started();
  const [before, wrong, after] = await Promise.allSettled([
    thread.make([blank('a')]),
    thread.make([{ ...blank('b'), length: 4 }]),
    thread.make([blank('c')]),
  ]);
  expect(wrong).toMatchObject({ reason: { message: expect.stringContaining('172 characters for a place of 4') } });
  expect([before, after]).toMatchObject([{ value: [valueOf(blank('a'))] }, { value: [valueOf(blank('c'))] }]);
});

test('a thread that died rejects what it had, is let be for a while, and then is another one', async () => {
  const { clock, thread } = started(MORTAL);
  await thread.make([blank('a')]);
  const lost = ['a', 'die', 'b'].map((text) => thread.make([blank(text)]).catch(String));
  expect(await Promise.all(lost)).toEqual(lost.map(() => 'Error: the thread that signs ended'));
  await expect(thread.make([blank('b')])).rejects.toThrow('no thread signs now');
  await clock.advance(START_AGAIN_MS);
  expect(await thread.make([blank('b')])).toEqual([valueOf(blank('b'))]);
});

test('not asked for a while it is gone, and comes back when it is', async () => {
  const { clock, thread } = started();
  await thread.make([blank('a')]);
  await clock.advance(IDLE_MS);
  expect(threadsThatSign()).toBe(1);
  await clock.advance(IDLE_MS);
  await expect.poll(threadsThatSign).toBe(0);
  expect(await thread.make([blank('b')])).toEqual([valueOf(blank('b'))]);
});

test('once it is closed it makes nothing, and leaves nobody waiting', async () => {
  const { thread } = started();
  const late = thread.make([blank('a')]).catch(String);
  await thread[Symbol.asyncDispose]();
  expect(await late).toMatch(/ended|closed/);
  await expect(thread.make([blank('b')])).rejects.toThrow('no thread signs now');
  expect(threadsThatSign()).toBe(0);
});
