/** The policy in force: watched, and swapped whole or not at all. */
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Clock, Emit } from '../ports.ts';
import { lackedWarnings } from './bound-exits.ts';
import { loadPolicy, type LoadResult } from './file/load.ts';
import { formatProblem, type Problem } from './file/problem.ts';
import type { Policy } from './schema.ts';
import { MAX_TEXT_BYTES } from './file/tree.ts';
import { reasonOf, type Environment } from './file/variables.ts';
import { watchFiles, type FileWatch, type WatchFolder } from './file/watch.ts';

export type HolderOptions = {
  /** As the user gave it. */
  readonly file: string;
  readonly env: Environment;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Makes ready for the next policy (its version is that of `state`), or says why it cannot be: then nothing changes. Not called for the first one. */
  readonly onApply?: (next: Policy, previous: Policy, version: string) => Promise<readonly string[]>;
  readonly watchFolder?: WatchFolder;
  /** Whether this machine has a local address. Default: it is not asked, and nothing is warned of. */
  readonly canSendFrom?: (address: string) => Promise<boolean>;
};

export type PolicyState = {
  readonly version: string;
  readonly appliedAtMs: number;
  readonly warnings: readonly string[];
  /** Why the file as it is now is not in force; empty while it is. */
  readonly problems: readonly string[];
};

export type PolicyHolder = AsyncDisposable & {
  current(): Policy;
  /** The text of the file that the policy in force was read from. */
  text(): string;
  state(): PolicyState;
  /** Reads the file at once, and applies it again even where it did not change (SIGHUP). Resolves when that is decided. */
  reload(): Promise<PolicyState>;
  /** Called after each swap. Returns what ends it. */
  subscribe(run: (next: Policy, previous: Policy) => void): () => void;
};

export type OpenResult =
  | { readonly kind: 'opened'; readonly holder: PolicyHolder }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] };

/**
 * Opens a policy file and keeps to it: a write in place or a rename over it is in force within a second, or refused with
 * a `policy-refused` event while the policy in force stays. Files that `${file:…}` names count as part of it.
 */
export async function openPolicyHolder(options: HolderOptions): Promise<OpenResult> {
  const { file, clock, watchFolder } = options;
  let holder: Holder | null = null;
  let isMissed = false;
  const onChange = () => {
    if (holder === null) isMissed = true;
    else void holder.take(false);
  };
  // Watched before it is read: what is written in between is a change.
  const watch = await watchFiles({ files: [file], clock, onChange, ...(watchFolder && { watchFolder }) });
  const first = await load(options);
  if (first.kind === 'refused') {
    watch[Symbol.dispose]();
    return first;
  }
  holder = new Holder(options, first, watch);
  const isUnsure = await watch.setFiles([file, ...first.includes]);
  if (isMissed || isUnsure) await holder.take(false);
  return { kind: 'opened', holder };
}

type Loaded = Extract<LoadResult, { kind: 'loaded' }> & { readonly text: string };
type Refused = Extract<LoadResult, { kind: 'refused' }>;

class Holder implements PolicyHolder {
  readonly #options: HolderOptions;
  readonly #subscribers = new Set<(next: Policy, previous: Policy) => void>();
  readonly #watch: FileWatch;
  #loaded: Loaded;
  #state: PolicyState;
  /** One load after the other. */
  #last: Promise<void> = Promise.resolve();

  constructor(options: HolderOptions, loaded: Loaded, watch: FileWatch) {
    this.#options = options;
    this.#watch = watch;
    this.#loaded = loaded;
    this.#state = this.#applied(loaded);
  }

  /** @param isForced although nothing changed */
  take(isForced: boolean): Promise<void> {
    this.#last = this.#last.then(() => this.#take(isForced));
    return this.#last;
  }

  current(): Policy {
    return this.#loaded.policy;
  }

  text(): string {
    return this.#loaded.text;
  }

  state(): PolicyState {
    return this.#state;
  }

  async reload(): Promise<PolicyState> {
    await this.take(true);
    return this.#state;
  }

  subscribe(run: (next: Policy, previous: Policy) => void): () => void {
    this.#subscribers.add(run);
    return () => void this.#subscribers.delete(run);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch[Symbol.dispose]();
    await this.#last;
  }

  async #take(isForced: boolean): Promise<void> {
    const seen = this.#watch.changes();
    const result = await load(this.#options);
    // A file that is watched from now on may have changed after it was read: then this is done again.
    if (await this.#watch.setFiles([this.#options.file, ...result.includes])) void this.take(false);
    // It may have been read in the middle of a write: that is the next change.
    if (!isForced && !(await this.#watch.isStill(seen))) return;
    if (result.kind === 'refused') return this.#refuse(result.problems.map(formatProblem), isForced);
    if (result.version === this.#state.version && !isForced) {
      if (this.#state.problems.length > 0) this.#state = this.#applied(this.#loaded);
      return;
    }
    const problems = await this.#prepare(result);
    if (problems.length > 0) return this.#refuse(problems, isForced);
    const previous = this.#loaded.policy;
    this.#loaded = result;
    this.#state = this.#applied(result);
    this.#tell(result.policy, previous);
  }

  async #prepare({ policy, version }: Loaded): Promise<readonly string[]> {
    try {
      return (await this.#options.onApply?.(policy, this.#loaded.policy, version)) ?? [];
    } catch (error) {
      return [`the policy could not be applied: ${error instanceof Error ? error.message : String(error)}`];
    }
  }

  #applied({ version, warnings }: Loaded): PolicyState {
    const atMs = this.#options.clock.nowMs();
    this.#options.emit({ event: 'policy-applied', atMs, version, warnings });
    return { version, warnings, appliedAtMs: atMs, problems: [] };
  }

  #refuse(problems: readonly string[], isForced: boolean): void {
    if (isDeepStrictEqual(problems, this.#state.problems) && !isForced) return;
    this.#state = { ...this.#state, problems };
    this.#options.emit({ event: 'policy-refused', atMs: this.#options.clock.nowMs(), problems });
  }

  #tell(next: Policy, previous: Policy): void {
    for (const run of this.#subscribers) {
      try {
        run(next, previous);
      } catch (error) {
        const cause = error instanceof Error ? error.message : String(error);
        this.#options.emit({ event: 'failed', atMs: this.#options.clock.nowMs(), where: 'policy subscriber', cause });
      }
    }
  }
}

async function load(options: HolderOptions): Promise<Loaded | Refused> {
  const result = await loadFile(options);
  if (result.kind === 'refused' || options.canSendFrom === undefined) return result;
  const lacked = await lackedWarnings(result.bound, options.canSendFrom);
  return { ...result, warnings: [...result.warnings, ...lacked] };
}

async function loadFile({ file, env }: HolderOptions): Promise<Loaded | Refused> {
  try {
    await using opened = await open(file, READ);
    const status = await opened.stat();
    if (!status.isFile()) throw notAFile(status);
    // Larger is refused by the loader; a file that fills the memory need not be read for it.
    const text = status.size > MAX_TEXT_BYTES ? ' '.repeat(MAX_TEXT_BYTES + 1) : await opened.readFile('utf8');
    const result = loadPolicy({ file, text, env, readFile: readInclude });
    return result.kind === 'loaded' ? { ...result, text } : result;
  } catch (error) {
    const problem = { file, line: 1, column: 1, path: '', text: `the file cannot be read: ${reasonOf(error)}` };
    return { kind: 'refused', problems: [problem], includes: [] };
  }
}

/** The open of a pipe waits for its writer, for ever where there is none, unless it is told not to. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK;

function readInclude(path: string): string {
  const fd = openSync(path, READ);
  try {
    const status = fstatSync(fd);
    if (!status.isFile()) throw notAFile(status);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

function notAFile(status: Stats): Error {
  return Object.assign(new Error('not a file'), { code: status.isDirectory() ? 'EISDIR' : 'ENOTFILE' });
}
