/** The thread that reads large bodies: neither HTTP nor mail waits for it. */
import { parentPort } from 'node:worker_threads';
import { type Read, type ReadAnswer, type ReadAsk, readBody } from './reader.ts';

/** What the thread says of one body. */
export type ThreadAnswer = ReadAnswer | { readonly kind: 'broke'; readonly cause: string };

parentPort?.on('message', (ask: ReadAsk) => {
  readBody(ask).then(answer, (error: unknown) =>
    answer({ kind: 'broke', cause: error instanceof Error ? error.message : String(error) }),
  );
});

/** Messages are handed over, not copied. */
function answer(said: ThreadAnswer): void {
  const contents = said.kind === 'read' ? said.messages.flatMap(contentOf) : [];
  parentPort?.postMessage(said, contents);
}

function contentOf(read: Read): ArrayBuffer[] {
  if (read.kind !== 'composed') return [];
  const { buffer, byteLength } = read.message.content;
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [];
}
