/** The sieve of one thread, kept up with the store: whether an address may be suppressed, at the cost of a look into memory. */
import type { Clock, Emit } from '../../ports.ts';
import { SUPPRESSIONS_AT_ONCE, type Suppressions } from '../../spool/suppressions.ts';
import { AddressSieve } from './sieve.ts';

/** Between two questions to the store for what is new. */
const EVERY_MS = 1_000;
/** Nobody waits longer at the start: until all is known the store is asked of each address. */
const START_MS = 500;
/** What is known longer ago than this is not enough to send by: the store is asked of each address then. */
const STALE_MS = 20_000;
/** A store that is away is told of this seldom. */
const TELL_EVERY_MS = 60_000;

export type SieveNeeds = {
  readonly suppressions: Pick<Suppressions, 'suppressedSince'>;
  readonly clock: Clock;
  readonly emit: Emit;
};

export class SieveWatch implements AsyncDisposable {
  readonly #needs: SieveNeeds;
  readonly #sieve = new AddressSieve();
  #upTo = 0;
  /** Monotonic; when all that the store had was known last. */
  #knownMs = Number.NEGATIVE_INFINITY;
  #toldMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | null = null;
  #cancel: () => void = () => {};
  #isEnded = false;

  constructor(needs: SieveNeeds) {
    this.#needs = needs;
  }

  get size(): number {
    return this.#sieve.size;
  }

  /** Whether it may have an entry; true as well where it is not known. */
  suspects(address: string): boolean {
    return !this.isKnown() || this.#sieve.has(address);
  }

  /** Whether an entry of it was seen, whatever became of it. */
  has(address: string): boolean {
    return this.#sieve.has(address);
  }

  isKnown(): boolean {
    return this.#needs.clock.monotonicMs() - this.#knownMs < STALE_MS;
  }

  /** What this thread added itself: known at once. */
  add(addresses: readonly string[]): void {
    for (const address of addresses) this.#sieve.add(address);
  }

  /** Reads now, and from then on about once a second. Resolves soon, whether all is known by then or not. Never rejects. */
  async start(): Promise<void> {
    const reading = this.refresh();
    void reading.then(() => this.#again());
    const enough = new AbortController();
    await Promise.race([reading, this.#needs.clock.sleep(START_MS, enough.signal).catch(() => undefined)]);
    enough.abort();
  }

  /** Reads what is new. Never rejects: with the store away it is known less and less. */
  refresh(): Promise<void> {
    this.#reading ??= this.#read().finally(() => (this.#reading = null));
    return this.#reading;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnded = true;
    this.#cancel();
    await this.#reading;
  }

  #again(): void {
    if (this.#isEnded) return;
    this.#cancel = this.#needs.clock.after(EVERY_MS, () => void this.refresh().then(() => this.#again()));
  }

  async #read(): Promise<void> {
    const { suppressions, clock } = this.#needs;
    try {
      for (;;) {
        const startMs = clock.monotonicMs();
        const { addresses, upTo } = await suppressions.suppressedSince(this.#upTo, SUPPRESSIONS_AT_ONCE);
        this.add(addresses);
        if (upTo === this.#upTo) {
          this.#knownMs = startMs;
          return;
        }
        this.#upTo = upTo;
        if (this.#isEnded) return;
      }
    } catch (cause) {
      this.#tell(cause);
    }
  }

  #tell(cause: unknown): void {
    const { clock, emit } = this.#needs;
    if (clock.monotonicMs() - this.#toldMs < TELL_EVERY_MS) return;
    this.#toldMs = clock.monotonicMs();
    emit({ event: 'failed', atMs: clock.nowMs(), where: 'suppressions', cause: String(cause) });
  }
}
