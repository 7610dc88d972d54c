/** Connections to a provider's service: looked up, dialled and secured by the relay's own ports, and kept for moments. */
import { Agent } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock, Dial, Dns } from '../../ports.ts';
import { dialFirst, interleaved } from '../smtp/dial.ts';
import { upstreamHops } from '../smtp/smtp-egress.ts';
import { secure, TlsContexts } from '../smtp/tls.ts';

export type AgentPorts = { readonly clock: Clock; readonly dns: Dns; readonly dial: Dial };

/** Its message is a phrase for operators. */
export class ConnectError extends Error {}

type AgentOptions = AgentPorts & { readonly timeoutMs: number; readonly connections: number };

type Target = { readonly host: string; readonly port: number };

/**
 * Shorter than servers keep connections: what goes out over one that the server gave up in that moment is in doubt.
 */
const IDLE_MS = 4_000;
/** To one address, and for the handshake. */
const CONNECT_MOST_MS = 10_000;

/** Keeps connections for some seconds; each is made as the relay makes any. TLS with a certificate that is checked, or none. */
export class CloudAgent extends Agent {
  readonly #ports: AgentOptions;
  readonly #way: 'clear' | 'tls';
  readonly #contexts = new TlsContexts(null);
  readonly #gone = new AbortController();

  constructor(options: AgentOptions, way: 'clear' | 'tls') {
    super({ keepAlive: true, maxFreeSockets: options.connections, timeout: IDLE_MS });
    this.#ports = options;
    this.#way = way;
  }

  override createConnection(
    options: { readonly host?: string | null; readonly port?: number | string | null },
    callback: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    void this.#open({ host: options.host ?? '', port: Number(options.port) }, callback);
    return undefined;
  }

  override destroy(): void {
    this.#gone.abort();
    super.destroy();
  }

  async #open(target: Target, callback: (error: Error | null, stream: Duplex) => void): Promise<void> {
    let socket: Socket;
    try {
      socket = await this.#connect(target);
    } catch (error) {
      // The declared type has no way to say that there is no stream.
      (callback as (error: unknown) => void)(error);
      return;
    }
    callback(null, socket);
  }

  async #connect({ host, port }: Target): Promise<Socket> {
    const { dns, dial, clock, timeoutMs } = this.#ports;
    const { signal } = this.#gone;
    const hop = await upstreamHops(host, dns).next();
    if (hop.done === true) throw new ConnectError(hop.value?.reply.text ?? `${host} has no address`);
    const mostMs = Math.min(timeoutMs, CONNECT_MOST_MS);
    let cause = 'no address answered';
    const dialled = await dialFirst({
      addresses: interleaved(hop.value.addresses),
      target: { port, bind: null, timeoutMs: mostMs },
      dial,
      clock,
      signal,
      onFailed: (address, { code }) => {
        cause = `connect to ${host}[${address}]:${port}: ${code === 'ECONNREFUSED' ? 'connection refused' : code}`;
      },
    });
    if (dialled.kind === 'aborted') throw new ConnectError('stopped');
    if (dialled.kind === 'failed') throw new ConnectError(cause);
    dialled.socket.setNoDelay(true);
    if (this.#way === 'clear') return dialled.socket;
    const context = await this.#contexts.of('verified');
    const secured = await secure({
      socket: dialled.socket,
      host,
      trust: 'verified',
      context,
      clock,
      timeoutMs: mostMs,
      signal,
    });
    if (secured.kind === 'secured') return secured.socket;
    throw new ConnectError(`TLS with ${host} failed: ${secured.kind === 'untrusted' ? secured.cause : 'stopped'}`);
  }
}
