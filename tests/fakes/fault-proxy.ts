/** A TCP proxy on loopback whose faults can be switched while connections are open. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/**
 * `delay`: bytes come that much later, in both directions. `blackhole`: they are swallowed, and new connections are taken
 * and left alone. `dropAfter`: the connection is reset once so many bytes went that way.
 */
export type ProxyFault =
  | { readonly kind: 'none' }
  | { readonly kind: 'delay'; readonly delayMs: number }
  | { readonly kind: 'blackhole'; readonly direction?: 'there' | 'back' }
  | { readonly kind: 'dropAfter'; readonly bytes: number; readonly direction: 'there' | 'back' };

export class FaultProxy implements AsyncDisposable {
  readonly #target: { readonly port: number; readonly host: string };
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => {
    this.#relay(socket);
  });
  #fault: ProxyFault = { kind: 'none' };
  port = 0;
  /** Connections so far. */
  connections = 0;
  /** Bytes that were taken, by direction. */
  readonly bytes = { there: 0, back: 0 };

  constructor(target: { readonly port: number; readonly host: string }) {
    this.#target = target;
  }

  /** From now on, for open connections as well. */
  set(fault: ProxyFault): void {
    this.#fault = fault;
  }

  /** Resets every open connection. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async listen(): Promise<void> {
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
    const bound = this.#server.address();
    if (bound !== null && typeof bound === 'object') this.port = bound.port;
  }

  /** Refuses new connections and drops the open ones; `listen` brings it back on the same port. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.stop();
  }

  #relay(near: Socket): void {
    this.connections += 1;
    const far = connect(this.#target);
    this.#pipe({ from: near, to: far, direction: 'there' });
    this.#pipe({ from: far, to: near, direction: 'back' });
  }

  #pipe({ from, to, direction }: { from: Socket; to: Socket; direction: 'there' | 'back' }): void {
    this.#sockets.add(from);
    let passed = 0;
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    from.on('end', () => {
      if (this.#fault.kind !== 'blackhole') to.end();
    });
    from.on('data', (chunk: Buffer) => {
      this.bytes[direction] += chunk.length;
      const fault = this.#fault;
      switch (fault.kind) {
        case 'none':
          if (!to.write(chunk)) {
            from.pause();
            to.once('drain', () => from.resume());
          }
          return;
        case 'delay':
          setTimeout(() => to.write(chunk), fault.delayMs);
          return;
        case 'blackhole':
          if ((fault.direction ?? direction) !== direction) to.write(chunk);
          return;
        case 'dropAfter': {
          if (fault.direction !== direction) {
            to.write(chunk);
            return;
          }
          const room = fault.bytes - passed;
          passed += chunk.length;
          to.write(chunk.subarray(0, Math.max(0, room)), () => {
            if (passed < fault.bytes) return;
            from.resetAndDestroy();
            to.resetAndDestroy();
          });
        }
      }
    });
  }
}

/** Listens on a port of its own in front of that one. */
export async function startFaultProxy(port: number, host = '127.0.0.1'): Promise<FaultProxy> {
  const proxy = new FaultProxy({ port, host });
  await proxy.listen();
  return proxy;
}
