/** The entry of a thread that replays traffic: it may take seconds, which the way of mail has not. */
import { parentPort, workerData } from 'node:worker_threads';
import { simulate, type SimulateAsk, type Simulation } from '../../routing/simulate.ts';
import type { PassedMessage } from '../../spool/traffic.ts';

export type ReplayStart = Omit<SimulateAsk, 'messages'>;
/** null: that was all. */
export type ReplayMessages = readonly PassedMessage[] | null;
export type Replayed = { readonly simulation: Simulation };

const messages = new Map<string, PassedMessage>();

parentPort?.on('message', (more: ReplayMessages) => {
  if (more !== null) {
    for (const message of more) messages.set(message.id, message);
    return;
  }
  const ask = workerData as ReplayStart;
  const replayed: Replayed = { simulation: simulate({ ...ask, messages: [...messages.values()] }) };
  parentPort?.postMessage(replayed);
  parentPort?.close();
});
