import { SMTPStream } from 'smtp-server/lib/smtp-stream.js';
import type { MessageDecoder } from './message-decoder.ts';

/** What the parser hands its findings to. A promise makes it wait; none may reject. */
export type ParserOwner = {
  /** One command line, without its CR LF (or LF: old clients send it so). */
  line(line: Buffer): Promise<void> | null;
  /** A command line over the limit has ended; its content was dropped. */
  overlongLine(): void;
  /** It goes on and on. */
  endlessLine(): void;
  /** Part of a message has been decoded. */
  messageGrew(): void;
  /** The message asked for by `readMessage` has ended. */
  messageEnd(): Promise<void>;
  /** Writes the replies out; `then` runs once the client has room for more. */
  flush(then: () => void): void;
  /** The client sends nothing more. A half line before that was no command. */
  inputEnded(): void;
};

/** RFC 4954 §4 lets lines of an AUTH exchange be this long; every other command is far shorter. */
const MAX_LINE_BYTES = 12_288;
const ENDLESS_BYTES = 1024 * 1024;
/** So many commands in one turn of the event loop. */
const TURN_COMMANDS = 100;
const LF = 0x0a;
const CR = 0x0d;

function nothing(): void {}

/**
 * Cuts the client's bytes into command lines and messages. Takes the place of the library's parser, whose message stream
 * costs a turn of the event loop a dotted line and passes on what it should not.
 */
export class CommandParser extends SMTPStream {
  readonly #owner: ParserOwner;
  #partial: Buffer | null = null;
  #skippedBytes = 0;
  #decoder: MessageDecoder | null = null;

  constructor(owner: ParserOwner) {
    // A chunk of this size or more pauses the socket until it is worked off: one chunk a turn, so everyone gets a turn.
    super({ highWaterMark: 16 * 1024 });
    this.#owner = owner;
  }

  /** From the next byte on everything goes to the decoder, until it finds the end. */
  readMessage(decoder: MessageDecoder): void {
    this.#decoder = decoder;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding | 'buffer', next: (error?: Error | null) => void): void {
    this.#consume(chunk, 0, next);
  }

  override _flushData(): void {
    if (!this.isClosed) this.#owner.inputEnded();
  }

  #consume(chunk: Buffer, from: number, next: () => void): void {
    const owner = this.#owner;
    let at = from;
    for (let count = 0; count < TURN_COMMANDS; count++) {
      if (this.isClosed) {
        next();
        return;
      }
      let pending: Promise<void> | null = null;
      if (this.#decoder === null) {
        const end = chunk.indexOf(LF, at);
        if (end === -1) {
          this.#keep(chunk, at);
          owner.flush(next);
          return;
        }
        const line = this.#lineUpTo(chunk, at, end);
        at = end + 1;
        if (line === null) owner.overlongLine();
        else pending = owner.line(line);
      } else {
        at = this.#decoder.write(chunk, at);
        owner.messageGrew();
        if (at === -1) {
          owner.flush(next);
          return;
        }
        this.#decoder = null;
        pending = owner.messageEnd();
      }
      if (pending !== null) {
        const rest = at;
        owner.flush(nothing);
        void pending.then(() => this.#consume(chunk, rest, next));
        return;
      }
    }
    owner.flush(() => setImmediate(() => this.#consume(chunk, at, next)));
  }

  /** null: the line is too long, and was dropped. */
  #lineUpTo(chunk: Buffer, from: number, end: number): Buffer | null {
    const partial = this.#partial;
    const skipped = this.#skippedBytes;
    this.#partial = null;
    this.#skippedBytes = 0;
    let line = chunk.subarray(from, end);
    if (skipped > 0 || line.length + (partial?.length ?? 0) > MAX_LINE_BYTES) return null;
    if (partial !== null) line = Buffer.concat([partial, line]);
    return line[line.length - 1] === CR ? line.subarray(0, -1) : line;
  }

  /** Keeps the start of a line, copied, so that the chunk can go. */
  #keep(chunk: Buffer, from: number): void {
    if (from >= chunk.length) return;
    const added = chunk.length - from;
    const length = (this.#partial?.length ?? 0) + added;
    if (this.#skippedBytes === 0 && length <= MAX_LINE_BYTES) {
      const rest = chunk.subarray(from);
      this.#partial = this.#partial === null ? Buffer.from(rest) : Buffer.concat([this.#partial, rest]);
      return;
    }
    this.#skippedBytes += length;
    this.#partial = null;
    if (this.#skippedBytes > ENDLESS_BYTES) this.#owner.endlessLine();
  }
}
