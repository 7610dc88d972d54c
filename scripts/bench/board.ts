/**
 * What load and sink know of each message, in memory that their threads share: every message of a run has a number, which
 * it carries in a header field, so that a lost one and one that came twice are seen whatever the relay says.
 */

/** The header field that carries a message's number. */
export const NUMBER_FIELD = 'X-Bench';

export type BoardMemory = { readonly times: SharedArrayBuffer; readonly flags: SharedArrayBuffer };

const COLUMNS = 3;
const COUNTERS = 8;
const ACKNOWLEDGED = 0;
const REFUSED = 1;
const ARRIVED = 2;
const COPIES = 3;
const SIGNED = 4;

/** Milliseconds that only go forward, the same in all threads and processes of the machine. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Times of each message (0: not yet), and how many there are of each kind. */
export class Board {
  readonly memory: BoardMemory;
  readonly size: number;
  /** When the final dot left the client. */
  readonly sentMs: Float64Array;
  /** When 250 came back. */
  readonly ackedMs: Float64Array;
  /** When the sink had its final dot first. */
  readonly arrivedMs: Float64Array;
  readonly #counts: Int32Array;

  /** @param memory of a board in another thread; or how many messages a new one is for */
  constructor(memory: BoardMemory | number) {
    this.memory =
      typeof memory === 'number'
        ? {
            times: new SharedArrayBuffer(memory * COLUMNS * Float64Array.BYTES_PER_ELEMENT),
            flags: new SharedArrayBuffer(COUNTERS * Int32Array.BYTES_PER_ELEMENT),
          }
        : memory;
    const { times, flags } = this.memory;
    this.size = times.byteLength / COLUMNS / Float64Array.BYTES_PER_ELEMENT;
    const column = (at: number) => new Float64Array(times, at * this.size * Float64Array.BYTES_PER_ELEMENT, this.size);
    [this.sentMs, this.ackedMs, this.arrivedMs] = [column(0), column(1), column(2)];
    this.#counts = new Int32Array(flags);
  }

  get acknowledged(): number {
    return Atomics.load(this.#counts, ACKNOWLEDGED);
  }

  get refused(): number {
    return Atomics.load(this.#counts, REFUSED);
  }

  /** Different messages at the sink. */
  get arrived(): number {
    return Atomics.load(this.#counts, ARRIVED);
  }

  /** Messages at the sink beyond the first of each. */
  get copies(): number {
    return Atomics.load(this.#counts, COPIES);
  }

  /** Messages at the sink, copies too, with a DKIM-Signature field. */
  get signed(): number {
    return Atomics.load(this.#counts, SIGNED);
  }

  tellSigned(): void {
    Atomics.add(this.#counts, SIGNED, 1);
  }

  tellAcknowledged(number: number): void {
    this.ackedMs[number] = monotonicMs();
    Atomics.add(this.#counts, ACKNOWLEDGED, 1);
  }

  tellRefused(): void {
    Atomics.add(this.#counts, REFUSED, 1);
  }

  tellArrived(number: number): void {
    if ((this.arrivedMs[number] ?? 0) > 0) {
      Atomics.add(this.#counts, COPIES, 1);
      return;
    }
    this.arrivedMs[number] = monotonicMs();
    Atomics.add(this.#counts, ARRIVED, 1);
  }

  /** Messages from `from` on that got a 250 and never came; and such as came without one. */
  gaps(from: number, end: number): { readonly lost: number; readonly unasked: number } {
    let [lost, unasked] = [0, 0];
    for (let number = from; number < end; number++) {
      const acked = (this.ackedMs[number] ?? 0) > 0;
      const arrived = (this.arrivedMs[number] ?? 0) > 0;
      if (acked && !arrived) lost += 1;
      if (arrived && !acked) unasked += 1;
    }
    return { lost, unasked };
  }
}
