/** A worker of the relay that breaks in the middle of whatever it does when it is told to over a channel. Not for import. */
import { workerData } from 'node:worker_threads';
import '../../src/workers/worker.ts';
import type { WorkerStart } from '../../src/workers/worker-wire.ts';

const { worker, policy } = workerData as WorkerStart;
new BroadcastChannel(policy.hostname).addEventListener('message', ({ data }) => {
  if (data === worker) throw new Error(`worker ${worker} was told to break`);
});
