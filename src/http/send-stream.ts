import type { ServerResponse } from 'node:http';

/** Sends it as fast as it is read, until its end or until nobody is there; then it is cancelled. Never rejects. */
export async function sendStream(
  response: ServerResponse,
  {
    head,
    stream,
    isHead,
  }: {
    readonly head: Readonly<Record<string, string>>;
    readonly stream: ReadableStream<Uint8Array>;
    readonly isHead: boolean;
  },
): Promise<void> {
  const reader = stream.getReader();
  // Also where a read waits for something that may never come.
  response.once('close', () => void reader.cancel().catch(() => {}));
  response.writeHead(200, head);
  if (isHead) {
    response.end();
    return;
  }
  response.flushHeaders();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || response.destroyed) break;
      if (!response.write(value)) await drained(response);
    }
    response.end();
  } catch {
    // What was promised does not come whole: that must not look like its end.
    response.destroy();
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      response.off('drain', go).off('close', go);
      resolve();
    };
    response.on('drain', go).on('close', go);
  });
}
