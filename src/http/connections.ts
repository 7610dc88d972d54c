/** Who may hold connections, so that there is always one for who asks whether the relay lives. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * More are closed unheard. Bodies that are read (`posts.ts`: 64 of strangers, 64 of others), streams of events (32) and of pages
 * (64), and `LINGERING_MOST` leave room for a fifth of them.
 */
const MOST_CONNECTIONS = 320;
/** From here on a new connection takes the place of one on which nothing is asked. */
const CROWDED = MOST_CONNECTIONS - 8;
const LINGERING_MOST = 32;

/** The connections of one server. */
export class Connections {
  /** On which no request is being served: silent, kept for the next one, or slow with its head. The longest first. */
  readonly #idle = new Map<string, Socket>();
  #count = 0;
  #lingering = 0;

  constructor(server: Server) {
    server.maxConnections = MOST_CONNECTIONS;
    server.on('connection', (socket: Socket) => this.#opened(socket));
  }

  /** A request has come whose answer keeps its connection until it is out. */
  serving({ socket }: IncomingMessage, response: ServerResponse): void {
    const key = keyOf(socket);
    const taken = this.#idle.get(key) ?? socket;
    this.#idle.delete(key);
    response.once('close', () => {
      if (!socket.destroyed) this.#idle.set(key, taken);
    });
  }

  /** Whether one that still sends what nobody reads may stay until it has read its answer. */
  mayLinger(response: ServerResponse): boolean {
    if (this.#lingering >= LINGERING_MOST) return false;
    this.#lingering += 1;
    response.once('close', () => {
      this.#lingering -= 1;
    });
    return true;
  }

  #opened(socket: Socket): void {
    this.#count += 1;
    const key = keyOf(socket);
    socket.once('close', () => {
      this.#count -= 1;
      this.#idle.delete(key);
    });
    const [oldest] = this.#idle.values();
    this.#idle.set(key, socket);
    if (this.#count > CROWDED) oldest?.destroy();
  }
}

/** By TLS a request has another socket than its connection, with the same addresses. */
function keyOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
