/** Notices that files changed, and have come to rest. */
import { watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../ports.ts';

/** Calls `onEvent` when something in the folder may have changed; null where the system cannot watch it. */
export type WatchFolder = (folder: string, onEvent: () => void) => Disposable | null;

export type FileWatch = Disposable & {
  /**
   * Watches these from now on. Resolves with true where one of them was not watched before: it may have changed since
   * the caller read it.
   */
  setFiles(files: readonly string[]): Promise<boolean>;
  /** How many changes looks have seen so far. */
  changes(): number;
  /**
   * Looks now. Whether there were no more changes than `changes` said then; false at the end too. A change that this sees
   * is told by `onChange`.
   */
  isStill(changes: number): Promise<boolean>;
};

/** The system's notices are hints: bind mounts, network file systems and used-up limits swallow them, so this looks too. */
const LOOK_EVERY_MS = 200;
/**
 * A write in place may stop half-way, and the half may be sound: only what has not changed for so long is taken for the
 * whole. Looked at in steps, so that one that came late in it costs little more.
 */
const REST_MS = 400;
const REST_STEP_MS = 80;

export type WatchOptions = {
  /** The first one's folder is watched; the others are looked at. */
  readonly files: readonly string[];
  readonly clock: Clock;
  /** Something changed and has not changed for a moment. */
  readonly onChange: () => void;
  readonly watchFolder?: WatchFolder;
};

/** Starts from what the files are now. Nothing of it keeps the process alive. */
export async function watchFiles({
  files,
  clock,
  onChange,
  watchFolder = watchBySystem,
}: WatchOptions): Promise<FileWatch> {
  const looker = new Looker({ clock, onChange }, files);
  await looker.start();
  const folder = dirname(files[0] ?? '.');
  const notices = watchFolder(folder, () => void looker.look());
  return {
    setFiles: (next) => looker.setFiles(next),
    changes: () => looker.changes,
    isStill: (changes) => looker.isStill(changes),
    [Symbol.dispose]: () => {
      notices?.[Symbol.dispose]();
      looker.stop();
    },
  };
}

class Looker {
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #end = new AbortController();
  #files: readonly string[];
  #seen = new Map<string, string>();
  /** How often a look saw something else than the one before it. */
  changes = 0;
  #looking: Promise<void> | null = null;
  #cancel = () => {};

  constructor({ clock, onChange }: { clock: Clock; onChange: () => void }, files: readonly string[]) {
    this.#clock = clock;
    this.#onChange = onChange;
    this.#files = files;
  }

  async start(): Promise<void> {
    await this.#compare();
    this.#schedule();
  }

  stop(): void {
    this.#end.abort();
    this.#cancel();
  }

  async setFiles(files: readonly string[]): Promise<boolean> {
    this.#files = files;
    const isNew = files.some((file) => !this.#seen.has(file));
    // A look that is under way may be one for the files before.
    while (files.some((file) => !this.#seen.has(file)) && !this.#end.signal.aborted) await this.look();
    return isNew;
  }

  /** Joins a look that is under way. */
  look(): Promise<void> {
    if (this.#end.signal.aborted) return Promise.resolve();
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
      this.#schedule();
    });
    return this.#looking;
  }

  async isStill(changes: number): Promise<boolean> {
    await this.look();
    return this.changes === changes && !this.#end.signal.aborted;
  }

  async #look(): Promise<void> {
    this.#cancel();
    if (!(await this.#compare())) return;
    for (let restMs = 0; restMs < REST_MS && !this.#end.signal.aborted; restMs += REST_STEP_MS) {
      await this.#wait(REST_STEP_MS);
      if (await this.#compare()) restMs = -REST_STEP_MS;
    }
    if (!this.#end.signal.aborted) this.#onChange();
  }

  #schedule(): void {
    this.#cancel();
    if (!this.#end.signal.aborted) this.#cancel = this.#clock.after(LOOK_EVERY_MS, () => void this.look());
  }

  /** Ends early at the end. */
  async #wait(delayMs: number): Promise<void> {
    await this.#clock.sleep(delayMs, this.#end.signal).catch(() => {});
  }

  /** Whether a file is another one than at the last look. A file that is watched newly is no change. */
  async #compare(): Promise<boolean> {
    const marks = await Promise.all(this.#files.map(async (file) => [file, await markOf(file)] as const));
    const hasChanged = marks.some(([file, mark]) => (this.#seen.get(file) ?? mark) !== mark);
    this.#seen = new Map(marks);
    if (hasChanged) this.changes++;
    return hasChanged;
  }
}

/** Another content has another mark: a rename brings another inode, a write in place another time, to the nanosecond. */
async function markOf(file: string): Promise<string> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch {
    return 'missing';
  }
}

function watchBySystem(folder: string, onEvent: () => void): Disposable | null {
  try {
    const watcher = watch(folder, { persistent: false }, onEvent);
    // The folder went, or the system ran out of watches: the looks go on.
    watcher.on('error', () => watcher.close());
    return { [Symbol.dispose]: () => watcher.close() };
  } catch {
    return null;
  }
}
