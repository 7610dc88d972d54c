import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { SMTPServer } from 'smtp-server';
import type { SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';
import { formatReply } from '../message/reply.ts';
import type { ListenerPolicy } from '../policy/schema.ts';
import type { Admission } from './admission.ts';
import { Connection } from './connection.ts';
import { type Deadlines, TLS_HANDSHAKE_MS } from './deadlines.ts';
import type { SessionDeps } from './session.ts';
import type { TlsMaterial } from './tls.ts';

export type ListenerDeps = SessionDeps & {
  readonly admission: Admission;
  readonly deadlines: Deadlines;
  readonly isStopping: () => boolean;
};

type UpgradeCallback = Parameters<SMTPServer['_upgrade']>[1];
type ProxyCallback = Parameters<SMTPServer['_handleProxy']>[1];

/** One listening port. Sockets, TLS and STARTTLS are the library's; what is said on them is `Connection`'s. */
export class Listener extends SMTPServer {
  readonly deps: ListenerDeps;
  /** Of new connections; may be replaced while it listens, TLS from the first byte excepted. */
  policy: ListenerPolicy;
  readonly #releases = new WeakMap<Socket, () => void>();
  #hasCertificate: boolean;
  #connectionCount = 0;

  constructor(deps: ListenerDeps, policy: ListenerPolicy, tls: TlsMaterial | null) {
    super({
      secure: policy.tls === 'implicit',
      name: deps.policy().hostname,
      logger: false,
      disableReverseLookup: true,
      // A client may send everything, close its side, and still read the replies.
      allowHalfOpen: true,
      minVersion: 'TLSv1.2',
      ...(tls === null ? {} : optionsOf(tls)),
    });
    this.deps = deps;
    this.policy = policy;
    this.#hasCertificate = tls !== null;
  }

  /** STARTTLS; the library's built-in key, known to everybody, is never offered. */
  get offersTls(): boolean {
    return this.#hasCertificate && (this.policy.tls === 'starttls' || this.policy.tls === 'opportunistic');
  }

  nextConnectionId(): string {
    this.#connectionCount += 1;
    return String(this.#connectionCount);
  }

  /** New handshakes use it; sessions that have begun keep theirs. */
  useCertificate(tls: TlsMaterial): void {
    this.updateSecureContext(optionsOf(tls));
    this.#hasCertificate = true;
  }

  /**
   * @param reusePort other workers listen there too, and the system divides the connections among them
   * @returns the Node error that kept it from listening; null: it listens
   */
  async start({ reusePort }: { readonly reusePort: boolean }): Promise<NodeJS.ErrnoException | null> {
    const { port, address } = this.policy;
    return new Promise((resolve) => {
      this.server.once('error', resolve);
      this.server.listen({ port, reusePort, backlog: 1024, ...(address === null ? {} : { host: address }) }, () => {
        this.server.off('error', resolve);
        resolve(null);
      });
    });
  }

  /** null: it does not listen. */
  address(): AddressInfo | null {
    const address = this.server.address();
    return typeof address === 'object' ? address : null;
  }

  /** No new connections; those that are open go on. */
  stopListening(): void {
    this.server.close();
  }

  /** Ends every session now, whatever it is doing. */
  destroyAll(): void {
    this.stopListening();
    for (const socket of this._pendingSockets.values()) socket.destroy();
    for (const connection of this.connections) connection._socket.destroy();
  }

  /** Sessions past their handshake. */
  sessions(): Connection[] {
    return [...this.connections].filter((connection) => connection instanceof Connection);
  }

  override connect(socket: Socket | TLSSocket, _options?: SMTPConnectionOptions | null): void {
    const release = this.#releases.get(socket) ?? (() => undefined);
    const connection = new Connection(this, socket, release);
    this.connections.add(connection);
    connection.init();
  }

  override _acceptSocket(socket: Socket, handshake: boolean): (() => void) | false {
    socket.on('error', () => socket.destroy());
    const admitted = this.deps.admission.admit(plainAddress(socket.remoteAddress));
    if (admitted.kind === 'refused') {
      // Before a handshake there is nothing to be said.
      if (!handshake) socket.write(`${formatReply(admitted.reply)}\r\n`);
      socket.destroySoon();
      return false;
    }
    this.#releases.set(socket, admitted.release);
    socket.once('close', admitted.release);
    return super._acceptSocket(socket, handshake);
  }

  /** No PROXY protocol; and a greeting does not wait for a turn of the event loop. */
  override _handleProxy(_socket: Socket, callback: ProxyCallback): void {
    callback(null);
  }

  override _upgrade(socket: Socket, callback: UpgradeCallback): void {
    const cancel = this.deps.clock.after(TLS_HANDSHAKE_MS, () =>
      (this._pendingSockets.get(socket) ?? socket).destroy(),
    );
    let isOver = false;
    super._upgrade(socket, (error, tlsSocket) => {
      isOver = true;
      cancel();
      const release = this.#releases.get(socket);
      if (tlsSocket !== undefined && release !== undefined) this.#releases.set(tlsSocket, release);
      callback(error, tlsSocket);
    });
    // Half-open sockets are for those who wait for replies; half a handshake is nothing.
    const top = this._pendingSockets.get(socket);
    top?.once('end', () => {
      if (!isOver) top.destroy();
    });
  }

  /** XCLIENT LOGIN: what the proxy's word is worth is decided by the session. */
  override onAuth(...[auth, , callback]: Parameters<SMTPServer['onAuth']>): void {
    callback(null, auth.method === 'XCLIENT' ? { user: auth.username } : {});
  }

  /** Handshakes that fail and clients that vanish are daily life; what the port itself cannot do is not. */
  override _onError(error: NodeJS.ErrnoException): void {
    if (error.syscall !== 'accept') return;
    this.deps.emit({ event: 'failed', atMs: this.deps.clock.nowMs(), where: 'ingress accept', cause: String(error) });
  }
}

function optionsOf({ cert, key, minVersion, ciphers }: TlsMaterial) {
  return { cert, key, minVersion, ciphers: ciphers ?? undefined };
}

/** A dual-stack socket reports IPv4 peers as `::ffff:192.0.2.1`. */
function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
}
