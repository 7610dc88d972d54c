/** Learns from the events of a whole relay, as they come, once they are in the history. */
import type { Event, MessageEvent } from '../../message/event.ts';
import type { Clock, Emit } from '../../ports.ts';
import { SpoolError } from '../../spool/spool.ts';
import { isWorthwhile, type Learn } from './learn.ts';
import { lessonOf } from './lessons.ts';
import type { SieveWatch } from './watch.ts';

/** Events that wait for a store that is away; what comes beyond is learnt when the address fails the next time. */
const MOST_WAITING = 20_000;
const AT_ONCE = 200;
const AGAIN_MS = 5_000;

export type PupilNeeds = {
  readonly learn: Learn;
  readonly sieve: Pick<SieveWatch, 'has'>;
  readonly clock: Clock;
  readonly emit: Emit;
};

/** Never throws, and never keeps anybody waiting. */
export class Pupil implements AsyncDisposable {
  readonly #needs: PupilNeeds;
  #waiting: MessageEvent[] = [];
  #dropped = 0;
  #learning: Promise<void> | null = null;
  #isFailing = false;
  #cancel: (() => void) | null = null;

  constructor(needs: PupilNeeds) {
    this.#needs = needs;
  }

  heard(event: Event): void {
    if (!('messageId' in event)) return;
    const lesson = lessonOf(event);
    if (lesson === null || !isWorthwhile(this.#needs, lesson)) return;
    if (this.#waiting.length >= MOST_WAITING) this.#dropped += 1;
    else this.#waiting.push(event);
    if (this.#cancel === null) this.#learnOn();
  }

  /** Resolves once all that was heard is kept, or the store did not take it. */
  async idle(): Promise<void> {
    while (this.#learning !== null) await this.#learning;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.idle();
    this.#cancel?.();
    // Once more what the store did not take before.
    this.#learnOn();
    await this.idle();
    this.#cancel?.();
  }

  #learnOn(): void {
    this.#learning ??= this.#learn().finally(() => (this.#learning = null));
  }

  async #learn(): Promise<void> {
    const { learn } = this.#needs;
    while (this.#waiting.length > 0) {
      const some = this.#waiting.slice(0, AT_ONCE);
      try {
        await learn(some);
      } catch (cause) {
        if (cause instanceof SpoolError && !cause.isFinal) {
          this.#failed(cause);
          return;
        }
        // However often it is tried: it is a bug, and must not keep the others from being learnt.
        this.#tell(cause instanceof Error ? (cause.stack ?? cause.message) : String(cause));
      }
      this.#waiting = this.#waiting.slice(some.length);
      this.#isFailing = false;
    }
    if (this.#dropped > 0) this.#tell(`${this.#dropped} reports of addresses were too many to be kept in mind`);
    this.#dropped = 0;
  }

  #failed(cause: unknown): void {
    const { clock } = this.#needs;
    // Once for one outage.
    if (!this.#isFailing) this.#tell(String(cause));
    this.#isFailing = true;
    this.#cancel = clock.after(AGAIN_MS, () => {
      this.#cancel = null;
      this.#learnOn();
    });
  }

  #tell(cause: string): void {
    const { clock, emit } = this.#needs;
    emit({ event: 'failed', atMs: clock.nowMs(), where: 'suppressions', cause });
  }
}
