/** The thread that takes messages apart: whatever is in one, the thread that sends mail does not wait for it. */
import { parentPort } from 'node:worker_threads';
import type { ReaderAnswer, ReaderAsk } from './reader.ts';
import { v3ContentOf } from './v3-content.ts';

parentPort?.on('message', ({ content, terms }: ReaderAsk) => {
  const message = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  v3ContentOf(message, terms).then(
    (read) => answer({ kind: 'read', read }),
    (error: unknown) => answer({ kind: 'broke', cause: error instanceof Error ? error.message : String(error) }),
  );
});

function answer(said: ReaderAnswer): void {
  parentPort?.postMessage(said);
}
