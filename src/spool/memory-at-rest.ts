import type * as ffi from 'node:ffi';
import { createRequire } from 'node:module';
import { getHeapStatistics } from 'node:v8';
import type { Clock } from '../ports.ts';

const LOOK_EVERY_MS = 2_000;
/** A thread that allocates less than this from look to look does its own upkeep, which counts as 1 MB, and little more. */
const QUIET_BYTES = 3 * 1024 * 1024;
/** So many looks in a row make a rest. */
const QUIET_LOOKS = 10;
/** With less than this since the last collection there is nothing to be had. */
const LITTLE_BYTES = 16 * 1024 * 1024;

export type RestNeeds = {
  /** Whatever gives memory back; may take as long as a collection of the whole heap. */
  readonly collect: () => void;
  /** All that this thread ever allocated. Default: what V8 says. */
  readonly allocatedBytes?: () => number;
};

/**
 * Gives a thread's memory back once it has nothing to do: V8 collects when it needs room, and after busy hours a relay
 * at rest would keep what the last messages left behind until the next ones come.
 */
export class Rest {
  readonly #needs: RestNeeds;
  #seenBytes = 0;
  /** Before the first collection: the start leaves enough behind. */
  #collectedBytes = Number.NEGATIVE_INFINITY;
  #quietLooks = 0;

  constructor(needs: RestNeeds) {
    this.#needs = needs;
  }

  /** Collects if this is a rest. To be called every second or two; costs microseconds otherwise. */
  look(): void {
    const { collect, allocatedBytes = allocatedByV8 } = this.#needs;
    const bytes = allocatedBytes();
    this.#quietLooks = bytes - this.#seenBytes < QUIET_BYTES ? this.#quietLooks + 1 : 0;
    this.#seenBytes = bytes;
    if (this.#quietLooks < QUIET_LOOKS || bytes - this.#collectedBytes < LITTLE_BYTES) return;
    collect();
    // What the collection itself brought about is no reason for the next one.
    this.#seenBytes = allocatedBytes();
    this.#collectedBytes = this.#seenBytes;
    this.#quietLooks = 0;
  }
}

/** Looks every other second until it is disposed of. For a thread with a clock. */
export function startRest({ clock, ...needs }: RestNeeds & { readonly clock: Clock }): Disposable {
  const rest = new Rest(needs);
  let cancel = (): void => {};
  const look = (): void => {
    rest.look();
    cancel = clock.after(LOOK_EVERY_MS, look);
  };
  cancel = clock.after(LOOK_EVERY_MS, look);
  return { [Symbol.dispose]: () => cancel() };
}

/** Collects all garbage of this thread, where Node was started with `--expose-gc`, as `scripts/relevo` does. */
export function collectGarbage(): void {
  // This flavour lets go of V8's own pages too: without it they are kept for the next messages. The second one finds what was made
  // of code that has not run since the first: 1 MB.
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

/**
 * Collects, and hands what the whole process has freed back to the system. glibc keeps what lies between memory in use,
 * after heavy traffic 50 MB; nothing but its own function lets go of that, and Node's only way there is an experimental
 * module (docs/decisions/0011). Only for the main thread: others would tell of that module on standard error.
 */
export function giveMemoryBack(): void {
  if (globalThis.gc === undefined) return;
  collectGarbage();
  try {
    // Not an import: commands have nothing to give back, and need not read it.
    const { dlopen } = createRequire(import.meta.url)('node:ffi') as typeof ffi;
    using library = dlopen(null, { malloc_trim: { arguments: ['uint64'], return: 'int32' } });
    library.functions.malloc_trim(0n);
  } catch {
    // Another C library, or a Node without that module: the memory stays for what comes next.
  }
}

function allocatedByV8(): number {
  return getHeapStatistics().total_allocated_bytes;
}
