/** The thread that reads large bodies: neither HTTP nor mail waits for it. */
import { parentPort } from 'node:worker_threads';
import { type ReadAnswer, type ReadAsk, readBody } from './reader.ts';

/** What the thread says of one body. */
export type ThreadAnswer = ReadAnswer | { readonly kind: 'broke'; readonly cause: string };

parentPort?.on('message', (ask: ReadAsk) => {
  readBody(ask).then(answer, (error: unknown) =>
    answer({ kind: 'broke', cause: error instanceof Error ? error.message : String(error) }),
  );
});

function answer(said: ThreadAnswer): void {
  parentPort?.postMessage(said);
}
