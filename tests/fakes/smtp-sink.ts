/** A real SMTP server on loopback that keeps every byte it gets and goes wrong where it is told to. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { SinkFaults, type SinkAction, type SinkStage } from './sink-faults.ts';
import type { SinkBooks, SinkOptions, SunkMessage } from './sink-books.ts';
import { SinkSession } from './sink-session.ts';

export class SmtpSink implements SinkBooks, AsyncDisposable {
  readonly options: SinkOptions;
  readonly faults = new SinkFaults();
  readonly messages: SunkMessage[] = [];
  /** Every command as `1 EHLO relay.example`, the number being the connection's; replies to challenges are `1 *`. */
  readonly commands: string[] = [];
  port = 0;
  /** Connections so far. */
  sessions = 0;
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Set<() => void>();
  readonly #server = createServer({ noDelay: true }, (socket) => {
    this.#accept(socket);
  });

  constructor(options: SinkOptions) {
    this.options = options;
  }

  get address(): string {
    return this.options.address ?? '127.0.0.1';
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Those that were answered 2yz. */
  get accepted(): readonly SunkMessage[] {
    return this.messages.filter(({ answer }) => answer !== null && answer < 300);
  }

  /** How often each message arrived whole, by Message-ID; `accepted`: only those that were answered 2yz. */
  copies(which: 'all' | 'accepted' = 'all'): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { messageId } of which === 'all' ? this.messages : this.accepted)
      counts.set(messageId, (counts.get(messageId) ?? 0) + 1);
    return counts;
  }

  fault(stage: SinkStage, action: SinkAction, times?: number): void {
    this.faults.set(stage, action, times);
  }

  heal(): void {
    this.faults.heal();
  }

  /** Resolves once that holds; it is asked again whenever something happens here. */
  async until(met: () => boolean): Promise<void> {
    while (!met())
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
      });
  }

  /** For the sessions: something happened. */
  stir(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Stops listening and drops what is open; `listen` brings it back on the same port. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async listen(): Promise<void> {
    this.#server.listen(this.port === 0 ? (this.options.port ?? 0) : this.port, this.address);
    await once(this.#server, 'listening');
    const bound = this.#server.address();
    if (bound !== null && typeof bound === 'object') this.port = bound.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    this.sessions += 1;
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.stir();
    });
    new SinkSession(this, socket, this.sessions).start();
    this.stir();
  }
}

/** A sink that listens. */
export async function startSmtpSink(options: SinkOptions = {}): Promise<SmtpSink> {
  const sink = new SmtpSink(options);
  await sink.listen();
  return sink;
}
