/** The thread of a `SigningThread`: started by it, never imported. */
import { parentPort } from 'node:worker_threads';
import { valueOf } from './blank-signature.ts';
import type { SigningAnswer, SigningAsks } from './signing-wire.ts';

/** Each answer wakes whoever asked, whose time is shorter, and until it comes what waits for it does not go on: measured, docs/decisions/0044. */
const ANSWER_EVERY_MS = 4;

let waiting: SigningAsks[number][] = [];

parentPort?.on('message', (asks: SigningAsks) => {
  const isAtWork = waiting.length > 0;
  waiting.push(...asks);
  if (!isAtWork) work();
});

function work(): void {
  // architecture: a thread has no injected clock; this one only measures how long it worked.
  const startedMs = performance.now();
  const answers: SigningAnswer[] = [];
  for (const ask of waiting) {
    answers.push(answerTo(ask));
    // architecture: as above, a thread has no injected clock
    if (performance.now() - startedMs >= ANSWER_EVERY_MS) break;
  }
  waiting = waiting.slice(answers.length);
  parentPort?.postMessage(answers);
  if (waiting.length > 0) setImmediate(work);
}

function answerTo([id, blanks]: SigningAsks[number]): SigningAnswer {
  try {
    return [id, blanks.map(valueOf), ''];
  } catch (error) {
    return [id, null, String(error)];
  }
}
