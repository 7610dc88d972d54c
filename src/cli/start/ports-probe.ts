import { createServer } from 'node:net';

export type ListenPorts = { readonly submission: number; readonly submissions: number; readonly relay: number };

/** RFC 6409, RFC 8314, RFC 5321. */
export const STANDARD_PORTS: ListenPorts = { submission: 587, submissions: 465, relay: 25 };
/** For who may not bind those below 1024. */
export const HIGH_PORTS: ListenPorts = { submission: 2587, submissions: 2465, relay: 2525 };

/** `denied`: this user may not. `taken`: another program has it. */
export type PortState = 'free' | 'denied' | 'taken';

/**
 * The ports for a first policy: the standard ones unless this user may not bind them, found out by binding them. One that
 * is only taken stays: the start says so, and the operator ends the other program or gives another port.
 */
export async function choosePorts(probe: (port: number) => Promise<PortState> = probePort): Promise<ListenPorts> {
  for (const port of Object.values(STANDARD_PORTS)) if ((await probe(port)) === 'denied') return HIGH_PORTS;
  return STANDARD_PORTS;
}

/** Binds a port on every address, and lets it go. */
export function probePort(port: number): Promise<PortState> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'EACCES' || error.code === 'EPERM' ? 'denied' : 'taken');
    });
    server.listen({ port, exclusive: true }, () => {
      server.close(() => {
        resolve('free');
      });
    });
  });
}
