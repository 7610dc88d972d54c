/** One listening server, in clear text or by TLS. */
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { SecureContextOptions } from 'node:tls';

/** A certificate and its key, read again when their files change. */
export type PairWatch = Disposable & {
  /** null: there is no pair that works. */
  readonly material: SecureContextOptions | null;
  /** Takes what the policy in force says; resolves once that is done or has failed. */
  apply(): Promise<void>;
};

/** @param changed called with every pair that works, the first one included */
export type OpenPair = (changed: (material: SecureContextOptions) => void) => Promise<PairWatch>;

/** For a handful of monitors and browsers, with small requests; bodies have limits of their own (`posts.ts`). */
const LIMITS = {
  maxHeaderSize: 8 * 1024,
  headersTimeout: 10_000,
  // Longer than any body may take: those have deadlines of their own.
  requestTimeout: 70_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 2_000,
} as const;
const HANDSHAKE_MS = 10_000;

export type NewServer =
  | { readonly kind: 'made'; readonly server: Server; readonly pair: PairWatch | null }
  | { readonly kind: 'failed'; readonly cause: string };

/** @param openPair null: clear text */
export async function newServer(openPair: OpenPair | null): Promise<NewServer> {
  if (openPair === null) return { kind: 'made', server: createServer({ ...LIMITS }), pair: null };
  const server = createTlsServer({ ...LIMITS, handshakeTimeout: HANDSHAKE_MS });
  const pair = await openPair((material) => server.setSecureContext(material));
  if (pair.material !== null) return { kind: 'made', server, pair };
  pair[Symbol.dispose]();
  return { kind: 'failed', cause: 'there is no certificate and key that work together' };
}

/** @returns why not; null: it listens */
export function bind(server: Server, wanted: string): Promise<string | null> {
  const colon = wanted.lastIndexOf(':');
  const host = wanted.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  const port = Number(wanted.slice(colon + 1));
  if (port > 65_535) return Promise.resolve('no such port');
  return new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port }, () => {
      server.removeAllListeners('error');
      // Such as EMFILE at accept: the next connection may do.
      server.on('error', () => {});
      resolve(null);
    });
  });
}

/** Ends what is under way on it too. */
export function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
