/** One SMTP connection as lines out and replies in: absolute deadlines, and no error that nobody hears. */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Reply } from '../../message/reply.ts';
import { parseReply } from '../../message/reply.ts';
import type { Clock } from '../../ports.ts';
import type { Failure } from '../classify.ts';
import type { Recorder } from '../recorder.ts';
import { ReplyReader, type RawReply } from './reply-reader.ts';

/** A reply with its lines apart (EHLO needs them), or why there is none. */
export type Heard = { readonly kind: 'reply'; readonly reply: Reply; readonly lines: readonly string[] } | Failure;

/** `spoke`: the peer said something, or went away, before everything was out. */
export type Flushed = 'written' | 'spoke' | 'timeout';

export class Wire {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #reader = new ReplyReader();
  #failure: Failure | null = null;
  #wake: (() => void) | null = null;
  #dot: 'not yet' | 'handed over' | 'out' = 'not yet';
  #closed: boolean;
  /** 421 was said: the peer closes the connection (RFC 5321 §3.8). */
  #leaving = false;
  /** Called once when the peer speaks or goes away while nobody waits for it: an idle connection is over then. */
  onUnrest: (() => void) | null = null;
  /** Hears what is said from now on; null: nobody does. */
  recorder: Recorder | null = null;

  constructor(socket: Socket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    this.#closed = socket.closed;
    socket.on('data', this.#onBytes);
    socket.on('error', this.#onError);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onClose);
  }

  /** True while the next command can be sent: open, and nothing unasked was said. */
  get usable(): boolean {
    return this.#failure === null && !this.#leaving && this.#reader.empty && this.#socket.writable;
  }

  /**
   * Whether the peer may have the final dot. Exact on TCP: the system took every byte. Under TLS the last record may be
   * out before we learn of it, so there it counts from the moment it was handed over.
   */
  get dotIsOut(): boolean {
    return this.#dot === 'out' || (this.#dot === 'handed over' && this.#socket instanceof TLSSocket);
  }

  get source(): string | null {
    return this.#socket.localAddress ?? null;
  }

  /** Protocol version, such as `TLSv1.3`; null: clear text. */
  get tls(): string | null {
    return this.#socket instanceof TLSSocket ? this.#socket.getProtocol() : null;
  }

  /** Sends a few commands, each with its CRLF. */
  send(text: string): void {
    if (this.#failure !== null) return;
    this.recorder?.sent(text);
    this.#socket.write(text);
  }

  /** Sends one line, with its CRLF, that is not to be read by anybody else. @param shown what is told of it */
  sendSecret(text: string, shown: string): void {
    if (this.#failure !== null) return;
    this.recorder?.sent(shown);
    this.#socket.write(text);
  }

  /** Sends the last bytes of a message, its final dot included. What comes of it is told by `heard`. */
  sendLast(bytes: Buffer): void {
    this.#dot = 'handed over';
    if (this.#failure !== null) this.#dot = 'not yet';
    else
      this.#socket.write(bytes, (error) => {
        if (error === null || error === undefined) this.#dot = 'out';
      });
  }

  /** Forgets the last message's dot: call it before the next transaction. */
  startOver(): void {
    this.#dot = 'not yet';
  }

  /** Sends part of a message and waits until the system has taken it. */
  async flush(bytes: Buffer, timeoutMs: number): Promise<Flushed> {
    if (this.#failure !== null || !this.#reader.empty) return 'spoke';
    let written = false;
    this.#socket.write(bytes, (error) => {
      written = error === null || error === undefined;
      this.#stir();
    });
    const inTime = await this.#stirred(timeoutMs);
    if (!inTime) return 'timeout';
    return written ? 'written' : 'spoke';
  }

  /** The next reply. @param timeoutMs for the whole of it: bytes that drip in do not prolong it */
  async heard(timeoutMs: number): Promise<Heard> {
    const early = this.#take();
    if (early !== null) return early;
    const endMs = this.#clock.monotonicMs() + timeoutMs;
    for (;;) {
      const inTime = await this.#stirred(endMs - this.#clock.monotonicMs());
      const heard = this.#take();
      if (heard !== null) return heard;
      if (!inTime) return this.fail({ kind: 'timeout' });
    }
  }

  /** Ends the connection at once, for this reason (or the one it ended for before, which is returned). */
  fail(failure: Failure): Failure {
    if (this.#failure === null) this.recorder?.note(noteOf(failure));
    this.#failure ??= failure;
    this.#socket.destroy();
    this.#stir();
    return this.#failure;
  }

  /** Says goodbye and closes; resolves when the socket is closed, at the latest after `graceMs`. */
  async quit(graceMs: number): Promise<void> {
    this.onUnrest = null;
    if (this.#closed) return;
    const closed = new Promise<void>((resolve) => this.#socket.once('close', resolve));
    if (this.#failure === null && this.#socket.writable) this.#socket.end('QUIT\r\n');
    const cancel = this.#clock.after(graceMs, () => this.#socket.destroy());
    await closed;
    cancel();
  }

  /** Gives the socket away, to be wrapped in TLS. @returns null when something was said that TLS would swallow */
  detach(): Socket | null {
    if (!this.usable) return null;
    const socket = this.#socket;
    socket.off('data', this.#onBytes);
    socket.off('end', this.#onEnd);
    socket.off('close', this.#onClose);
    // Errors go on to end here as well: a socket without such a listener would end the process.
    this.#failure = { kind: 'lost', code: 'detached' };
    this.#closed = true;
    return socket;
  }

  #take(): Heard | null {
    const raw = this.#reader.take();
    if (raw !== null) this.recorder?.heard(raw);
    if (raw?.code === 421) this.#leaving = true;
    return raw === null ? this.#failure : heardOf(raw);
  }

  /** Waits until something happens. @returns false when it took longer than that */
  #stirred(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(timeoutMs, () => {
        this.#wake = null;
        resolve(false);
      });
      this.#wake = () => {
        cancel();
        resolve(true);
      };
    });
  }

  #stir(): void {
    const wake = this.#wake;
    this.#wake = null;
    if (wake !== null) wake();
    else if (this.onUnrest !== null && !this.usable) {
      const tell = this.onUnrest;
      this.onUnrest = null;
      tell();
    }
  }

  readonly #onBytes = (chunk: Buffer): void => {
    // What comes after the end of the conversation is of no interest.
    if (this.#failure !== null) return;
    const fault = this.#reader.push(chunk);
    if (fault !== null) this.fail({ kind: 'garbage', what: fault });
    else if (this.#reader.waiting > 0 || this.#wake === null) this.#stir();
  };

  readonly #onError = (error: Error): void => {
    this.fail({ kind: 'lost', code: 'code' in error && typeof error.code === 'string' ? error.code : 'closed' });
  };

  readonly #onEnd = (): void => {
    this.fail({ kind: 'lost', code: 'closed' });
  };

  readonly #onClose = (): void => {
    this.#closed = true;
    this.fail({ kind: 'lost', code: 'closed' });
  };
}

function noteOf(failure: Failure): string {
  switch (failure.kind) {
    case 'lost':
      return failure.code === 'closed'
        ? 'the server closed the connection'
        : `the connection was lost: ${failure.code}`;
    case 'timeout':
      return 'no answer in time: the connection is closed';
    case 'garbage':
      return `this is not SMTP: ${failure.what}`;
    case 'aborted':
      return 'broken off by the relay';
  }
}

function heardOf(raw: RawReply): Heard {
  return { kind: 'reply', reply: parseReply(raw.code, raw.lines), lines: raw.lines };
}
