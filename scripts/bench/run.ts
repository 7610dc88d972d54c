/** What every cell has: its settings, its scratch folders, and the checks at its end. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Board } from './board.ts';
import { PeerMissing, type Peer } from './peer.ts';
import type { Relevo } from './peer-relevo.ts';

export type Settings = {
  readonly pairs: number;
  /** Of one measurement. */
  readonly seconds: number;
  /** Messages of one measurement and of its warm-up; null: as many as take `seconds`. */
  readonly messages: number | null;
  /** Messages in the long queue. */
  readonly queued: number;
  /** For the destination that hangs. */
  readonly hung: number;
  /** Low priority, while others are urgent. */
  readonly newsletters: number;
  readonly idleSeconds: number;
  readonly workers: string;
  /** Keeps the scratch folder for a look. */
  readonly keep: boolean;
};

const TMPFS = 0x01021994;
const TMPFS_TEXT = 'The scratch folder is in memory: syncing costs nothing there, and no rate below means anything.';

/** One run of the benchmark, and everything that it leaves on the disk until its end. */
export class Run implements Disposable {
  readonly settings: Settings;
  readonly scratch: string;
  readonly keyFile: string;
  #folders = 0;

  /** @param parent where the scratch folder is made; null: the system's, or /var/tmp where that is in memory */
  constructor(settings: Settings, parent: string | null) {
    this.settings = settings;
    const usual = statfsSync(tmpdir()).type === TMPFS ? '/var/tmp' : tmpdir();
    this.scratch = mkdtempSync(join(parent ?? usual, 'relevo-bench-'));
    if (statfsSync(this.scratch).type === TMPFS) this.say(TMPFS_TEXT);
    // The peers run as users of their own.
    chmodSync(this.scratch, 0o755);
    this.keyFile = join(this.scratch, 'dkim.pem');
    execFileSync('openssl', ['genrsa', '-traditional', '-out', this.keyFile, '2048'], { stdio: 'ignore' });
  }

  folder(): string {
    const path = join(this.scratch, String(this.#folders++));
    mkdirSync(path);
    return path;
  }

  /** Progress, for whoever waits. */
  say(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  [Symbol.dispose](): void {
    if (!this.settings.keep) rmSync(this.scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** What a cell says of a peer that is not there. Rethrows what is a fault of ours. */
export function missingText(error: unknown): string {
  if (error instanceof PeerMissing) return error.message;
  return error instanceof Error ? error.message : String(error);
}

/** The conservation check where everything should be at the sink by now. Returns what is wrong, or null. */
export async function conserved(
  board: Board,
  peer: Peer,
  of: { readonly end: number; readonly signs: boolean },
): Promise<string | null> {
  const { lost, unasked } = board.gaps(0, of.end);
  const { copies, arrived, signed } = board;
  const problems = [
    lost === 0 ? null : `${lost} accepted and not delivered`,
    unasked === 0 ? null : `${unasked} delivered without a 250`,
    copies === 0 ? null : `${copies} delivered twice`,
    !of.signs || signed === arrived + copies ? null : `${arrived + copies - signed} not signed`,
    await peer.account(),
  ].filter((problem) => problem !== null);
  return problems.length === 0 ? null : problems.join('; ');
}

type Audited = {
  readonly accepted: number;
  readonly queued: number;
  readonly finished: { readonly delivered: number };
  readonly violations: readonly unknown[];
};

/** The same where some is still queued: the relay's own account must agree with load and sink. Stops the relay. */
export async function conservedInQueue(board: Board, relay: Relevo): Promise<string | null> {
  await relay.end('SIGTERM');
  const { stdout, stderr } = await relay.command(['audit', '--json']);
  try {
    const { accepted, queued, finished, violations } = JSON.parse(stdout) as Audited;
    const { acknowledged, arrived, copies } = board;
    const problems = [
      violations.length === 0 ? null : `relevo audit: ${violations.length} violations`,
      accepted === acknowledged ? null : `${acknowledged} acknowledged, ${accepted} in the relay's books`,
      finished.delivered + queued === accepted ? null : `${finished.delivered} delivered, ${queued} queued`,
      finished.delivered === arrived ? null : `${finished.delivered} delivered by its books, ${arrived} at the sink`,
      copies === 0 ? null : `${copies} delivered twice`,
    ].filter((problem) => problem !== null);
    return problems.length === 0 ? null : problems.join('; ');
  } catch {
    return `relevo audit: ${(stderr || stdout).slice(0, 300)}`;
  }
}
