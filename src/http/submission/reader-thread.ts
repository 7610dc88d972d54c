/** The thread that reads large bodies: neither HTTP nor mail waits for it. */
import { answerAsks } from '../../running/answer-asks.ts';
import { type Read, type ReadAnswer, readBody } from './reader.ts';

answerAsks(readBody, messagesOf);

/** Messages are handed over, not copied. */
function messagesOf(answer: ReadAnswer): ArrayBuffer[] {
  return answer.kind === 'read' ? answer.messages.flatMap(contentOf) : [];
}

function contentOf(read: Read): ArrayBuffer[] {
  if (read.kind !== 'composed') return [];
  const { buffer, byteLength } = read.message.content;
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [];
}
