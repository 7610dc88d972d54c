import { createServer } from 'node:net';
import type { ListenerPolicy } from '../policy/schema.ts';
import { type ListenProblem, listenProblem } from './listen-problem.ts';

/**
 * Binds a port alone, and lets it go. Workers share their ports, and the system would let another program of this user
 * share them too, silently: so one that is in use must be noticed before.
 * @returns what keeps it from being had; null: it is free
 */
export function probeListener(policy: ListenerPolicy): Promise<ListenProblem | null> {
  const { port, address } = policy;
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => resolve(listenProblem(policy, error)));
    server.listen({ port, exclusive: true, ...(address === null ? {} : { host: address }) }, () => {
      server.close(() => resolve(null));
    });
  });
}
