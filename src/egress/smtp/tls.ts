/** TLS towards peers: with any certificate (opportunistic, RFC 7435) or with a checked one. */
import { readFile, stat } from 'node:fs/promises';
import { isIP, type Socket } from 'node:net';
import { connect, createSecureContext, rootCertificates, type SecureContext, type TLSSocket } from 'node:tls';
import type { Clock } from '../../ports.ts';
import type { Happening } from '../classify.ts';

/** What a certificate must be: `verified`, issued for the host by a trusted authority; `any`: whatever it is. */
export type Trust = 'verified' | 'any';

export type Handshake = {
  readonly socket: Socket;
  readonly host: string;
  readonly trust: Trust;
  readonly context: SecureContext;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
};

export type Secured =
  | { readonly kind: 'secured'; readonly socket: TLSSocket }
  | Extract<Happening, { kind: 'untrusted' | 'aborted' }>;

/** Wraps an open connection; on failure it is closed. Never rejects. */
export function secure({ socket, host, trust, context, clock, timeoutMs, signal }: Handshake): Promise<Secured> {
  return new Promise((resolve) => {
    // Errors of the bare socket surface on the TLS one, but not all of them, nor all in time.
    socket.on('error', () => {});
    // Nobody listened for a moment: it may have ended, and the handshake would wait for ever.
    if (socket.destroyed || socket.readableEnded) {
      socket.destroy();
      resolve({ kind: 'untrusted', cause: CLOSED });
      return;
    }
    const secured = connect({
      socket,
      host,
      // RFC 6066 §3: no addresses as server names.
      ...(isIP(host) === 0 ? { servername: host } : {}),
      secureContext: context,
      rejectUnauthorized: trust === 'verified',
    });
    const settle = (outcome: Secured): void => {
      cancel();
      signal.removeEventListener('abort', aborted);
      secured.off('secureConnect', done).off('error', failed).off('close', gone);
      socket.off('close', gone);
      if (outcome.kind !== 'secured') {
        secured.on('error', () => {});
        secured.destroy();
        socket.destroy();
      }
      resolve(outcome);
    };
    const done = (): void => {
      settle({ kind: 'secured', socket: secured });
    };
    const failed = (error: Error): void => {
      settle({ kind: 'untrusted', cause: causeOf(error) });
    };
    const gone = (): void => {
      settle({ kind: 'untrusted', cause: CLOSED });
    };
    const aborted = (): void => {
      settle({ kind: 'aborted' });
    };
    const cancel = clock.after(timeoutMs, () => {
      settle({ kind: 'untrusted', cause: 'the handshake took too long' });
    });
    secured.on('secureConnect', done).on('error', failed).on('close', gone);
    socket.on('close', gone);
    signal.addEventListener('abort', aborted, { once: true });
    if (signal.aborted) aborted();
  });
}

const CLOSED = 'connection closed during the handshake';

function causeOf(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : null;
  const text = error.message.split('\n')[0] ?? '';
  return code === null || text.includes(code) ? text : `${code} (${text})`;
}

/** What OpenSSL needs to talk to servers that nobody has touched for fifteen years: still better than clear text. */
const ANY: { readonly minVersion: 'TLSv1'; readonly ciphers: string } = {
  minVersion: 'TLSv1',
  ciphers: 'DEFAULT@SECLEVEL=0',
};

/** The contexts of one exit: making one costs milliseconds, so they are kept. */
export class TlsContexts {
  readonly #caPath: string | null;
  #any: SecureContext | null = null;
  #verified: { readonly context: SecureContext; readonly mtimeMs: number } | null = null;

  /** @param caPath PEM file of further trusted authorities, read again when it changes */
  constructor(caPath: string | null) {
    this.#caPath = caPath;
  }

  /** @throws when the file of authorities cannot be read or understood */
  async of(trust: Trust): Promise<SecureContext> {
    if (trust === 'any') return (this.#any ??= createSecureContext(ANY));
    const mtimeMs = this.#caPath === null ? 0 : (await stat(this.#caPath)).mtimeMs;
    if (this.#verified?.mtimeMs !== mtimeMs) {
      const ca = this.#caPath === null ? null : [...rootCertificates, await readFile(this.#caPath, 'utf8')];
      const context = createSecureContext({ minVersion: 'TLSv1.2', ...(ca === null ? {} : { ca }) });
      this.#verified = { context, mtimeMs };
    }
    return this.#verified.context;
  }
}
