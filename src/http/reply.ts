import type { Answer } from './answer.ts';

/** What goes on until the reader is gone. Cancelled where nobody reads it. */
export type StreamAnswer = {
  readonly status: 200;
  readonly contentType: string;
  readonly stream: ReadableStream<Uint8Array>;
  readonly headers?: Readonly<Record<string, string>>;
};

export type Reply = Answer | StreamAnswer;
