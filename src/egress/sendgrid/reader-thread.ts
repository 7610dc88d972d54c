/** The thread that takes messages apart: whatever is in one, the thread that sends mail does not wait for it. */
import { answerAsks } from '../../running/answer-asks.ts';
import type { ReaderAsk } from './reader.ts';
import { v3ContentOf } from './v3-content.ts';

answerAsks(({ content, terms }: ReaderAsk) =>
  v3ContentOf(Buffer.from(content.buffer, content.byteOffset, content.byteLength), terms),
);
