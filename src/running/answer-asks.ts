/** The other end of an `AskedThread`: what its entry file runs. */
import { parentPort, type Transferable } from 'node:worker_threads';
import { causeOf, type Said } from './asked-thread.ts';

/** @param handedOver of an answer: moved and not copied. Default: nothing */
export function answerAsks<Ask, Answer>(
  answerTo: (ask: Ask) => Promise<Answer>,
  handedOver: (answer: Answer) => Transferable[] = () => [],
): void {
  const say = (said: Said<Answer>, transfer: Transferable[]): void => parentPort?.postMessage(said, transfer);
  parentPort?.on('message', (ask: Ask) => {
    answerTo(ask).then(
      (answer) => say({ kind: 'answered', answer }, handedOver(answer)),
      (error: unknown) => say({ kind: 'broke', cause: causeOf(error) }, []),
    );
  });
}
