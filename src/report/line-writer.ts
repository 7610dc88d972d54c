import type { Clock } from '../ports.ts';
import { isoTime } from './log-fields.ts';

/**
 * Where lines end up. Calls `done` once, later, never in the same turn; `writtenBytes` counts also when there is an error.
 */
export type LineOutput = (
  chunk: Buffer,
  done: (error: NodeJS.ErrnoException | null, writtenBytes: number) => void,
) => void;

/** What may wait in memory: some 10,000 lines. */
const MOST_WAITING_BYTES = 4 * 1024 ** 2;
/** Until the next try when the output is full for now (EAGAIN), or has no space (ENOSPC, EIO, EDQUOT …). */
const BUSY_MS = 20;
const BROKEN_MS = 1_000;

/** The reader is gone for good: nothing written from here on would be read. */
const GONE: ReadonlySet<string> = new Set(['EPIPE', 'ECONNRESET', 'EBADF', 'ERR_STREAM_DESTROYED']);

/**
 * Lines go out in order, whole, in chunks of what came together. A log that cannot be written costs nothing but itself:
 * what does not fit into memory is dropped and counted, and a line says how many once writing works again.
 */
export class LineWriter {
  readonly #output: LineOutput;
  readonly #clock: Clock;
  #lines: string[] = [];
  #waitingChars = 0;
  /** What is being written, or waits to be tried again. */
  #chunk: Buffer | null = null;
  #isBusy = false;
  #isOver = false;
  #lost = 0;
  #untold = 0;
  #drained: (() => void) | null = null;

  constructor(needs: { readonly output: LineOutput; readonly clock: Clock }) {
    this.#output = needs.output;
    this.#clock = needs.clock;
  }

  /** Lines dropped since the start. */
  get lost(): number {
    return this.#lost;
  }

  /** Takes one line, its line feed included. Never throws, never blocks; drops the line when too much waits already. */
  write(line: string): void {
    if (this.#isOver || this.#waitingChars + line.length > MOST_WAITING_BYTES) {
      this.#lost += 1;
      this.#untold += 1;
      return;
    }
    this.#lines.push(line);
    this.#waitingChars += line.length;
    // The lines of one turn go out together.
    if (this.#lines.length === 1 && this.#chunk === null) setImmediate(() => this.#next());
  }

  /** Resolves when all is written, or after `withinMs`; nothing is written afterwards. */
  end(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(withinMs, () => this.#drained?.());
      this.#drained = () => {
        cancel();
        this.#isOver = true;
        resolve();
      };
      if (this.#isOver) this.#drained();
      else if (this.#chunk === null) this.#next();
    });
  }

  #next(): void {
    if (this.#isOver || this.#isBusy) return;
    this.#chunk ??= this.#takeLines();
    if (this.#chunk === null) {
      this.#drained?.();
      return;
    }
    this.#isBusy = true;
    this.#output(this.#chunk, (error, writtenBytes) => this.#written(error, writtenBytes));
  }

  #written(error: NodeJS.ErrnoException | null, writtenBytes: number): void {
    this.#isBusy = false;
    const chunk = this.#chunk;
    this.#chunk = chunk !== null && writtenBytes < chunk.length ? chunk.subarray(writtenBytes) : null;
    if (error === null) this.#next();
    else if (GONE.has(error.code ?? '')) this.#giveUp();
    else this.#clock.after(error.code === 'EAGAIN' ? BUSY_MS : BROKEN_MS, () => this.#next());
  }

  #takeLines(): Buffer | null {
    if (this.#untold > 0) {
      const told = { level: 'warn', time: isoTime(this.#clock.nowMs()), event: 'log-lost', lines: this.#untold };
      this.#lines.push(`${JSON.stringify(told)}\n`);
      this.#untold = 0;
    }
    if (this.#lines.length === 0) return null;
    const text = this.#lines.join('');
    this.#lines = [];
    this.#waitingChars = 0;
    return Buffer.from(text);
  }

  #giveUp(): void {
    this.#isOver = true;
    this.#lines = [];
    this.#chunk = null;
    this.#drained?.();
  }
}
