import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import type { MessageEvent } from '../../message/event.ts';
import type { Clock } from '../../ports.ts';
import { THREAD_FLAGS } from '../../running/thread-flags.ts';
import { SpoolError } from '../spool.ts';
import { Link } from './link.ts';
import { PortSpool } from './port-spool.ts';
import type { OpenReport, OwnerNews, OwnerOrder, OwnerStart, SalvageReport } from './wire.ts';

export type EmbeddedSpoolOptions = {
  /** The folder that the spool is in; made, for its owner only, where it is missing. */
  readonly path: string;
  /** `relaxed`: what was accepted in the last seconds may be lost with the power, but not with the process. */
  readonly durability: 'fsync' | 'relaxed';
  readonly clock: Clock;
  /** The owning thread died and is being started again; until then everything is refused. For operators. */
  readonly onFailure?: (cause: string) => void;
  /** It runs again: threads that came by `connect` need a new way. */
  readonly onReopened?: () => void;
  /** A restart found the database damaged; at the first start the spool's `report` says so. */
  readonly onSalvage?: (report: SalvageReport) => void;
  /**
   * Hears of what the store did by itself once that is durable: deliveries that it quarantined, held, or found in doubt
   * (`reap`). Those that a dead process left in doubt are counted by `report.reaped` instead: they may be very many.
   */
  readonly onEvents?: (events: readonly MessageEvent[]) => void;
  /**
   * Streams whose deliveries are held rather than queued when whoever leased them died, at the start and in `reap`: a copy
   * may be out. Asked each time. Default: none.
   */
  readonly holdWhenInDoubt?: () => readonly string[];
  /** Free space under which nothing is accepted, bytes. Default: 32 MB, or a sixteenth of a small file system. */
  readonly floorBytes?: number;
};

const FIRST_RESTART_MS = 100;
const SLOWEST_RESTART_MS = 10_000;

/**
 * Opens the spool in a folder and takes it for this process, until it is disposed of or the process dies.
 * @throws SpoolError `in-use` when another process has it
 */
export async function openEmbeddedSpool(options: EmbeddedSpoolOptions): Promise<EmbeddedSpool> {
  const link = new Link();
  const spool = new EmbeddedSpool(options, link);
  await spool.start();
  return spool;
}

/** A spool in a local folder, with a thread of its own for the disk. */
export class EmbeddedSpool extends PortSpool {
  readonly #options: EmbeddedSpoolOptions;
  readonly #link: Link;
  #owner: Worker | null = null;
  #report: OpenReport = { reaped: 0, salvaged: null };
  #restartMs = FIRST_RESTART_MS;
  #cancelRestart: (() => void) | null = null;
  #restarting: Promise<void> = Promise.resolve();
  #disposed: Promise<void> | null = null;

  constructor(options: EmbeddedSpoolOptions, link: Link) {
    super(link, options.clock, options.holdWhenInDoubt);
    this.#options = options;
    this.#link = link;
  }

  /** What the opening found. */
  get report(): OpenReport {
    return this.#report;
  }

  /** Called once, by `openEmbeddedSpool`. */
  async start(): Promise<void> {
    this.#report = await this.#open({ restart: false });
  }

  /** A way to the same spool for another thread, which makes a `spoolOverPort` of it. It ends with the owning thread. */
  connect(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    if (this.#owner === null) port1.close();
    else order(this.#owner, { kind: 'port', port: port1 });
    return port2;
  }

  /** Everything asked before is answered first. */
  override [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#close();
    return this.#disposed;
  }

  async #open(how: { readonly restart: boolean }): Promise<OpenReport> {
    const { path, durability, clock, floorBytes, onEvents, holdWhenInDoubt } = this.#options;
    const workerData: OwnerStart = {
      folder: path,
      durability,
      restart: how.restart,
      nowMs: clock.nowMs(),
      hold: holdWhenInDoubt?.() ?? [],
      floorBytes: floorBytes ?? null,
    };
    const owner = new Worker(new URL('./owner.ts', import.meta.url), { workerData, execArgv: [...THREAD_FLAGS] });
    owner.on('message', (news: OwnerNews) => {
      if (news.kind === 'events') onEvents?.(news.events);
    });
    const report = await opening(owner);
    this.#owner = owner;
    this.#link.attach(this.connect());
    owner.on('error', (error) => this.#lost(owner, error instanceof Error ? error.message : String(error)));
    owner.on('exit', (code) => this.#lost(owner, `the thread ended with ${code}`));
    return report;
  }

  /** The owner died. Leases go on: who holds them is alive. */
  #lost(owner: Worker, cause: string): void {
    if (owner !== this.#owner || this.#disposed !== null) return;
    this.#owner = null;
    this.#link.detach(`the store's thread died: ${cause}`);
    this.#options.onFailure?.(cause);
    this.#restartLater();
  }

  #restartLater(): void {
    this.#cancelRestart = this.#options.clock.after(this.#restartMs, () => {
      this.#cancelRestart = null;
      this.#restarting = this.#restart();
    });
    this.#restartMs = Math.min(this.#restartMs * 2, SLOWEST_RESTART_MS);
  }

  async #restart(): Promise<void> {
    try {
      const { salvaged } = await this.#open({ restart: true });
      this.#restartMs = FIRST_RESTART_MS;
      this.#options.onReopened?.();
      if (salvaged !== null) this.#options.onSalvage?.(salvaged);
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      this.#link.detach(`the store cannot be opened: ${cause}`);
      this.#options.onFailure?.(cause);
      if (this.#disposed === null) this.#restartLater();
    }
  }

  async #close(): Promise<void> {
    this.#cancelRestart?.();
    await this.#restarting;
    const owner = this.#owner;
    if (owner !== null) {
      const ended = new Promise<void>((resolve) => owner.once('exit', () => resolve()));
      const answered = this.#link.flush();
      order(owner, { kind: 'close' });
      await Promise.all([ended, answered]);
      this.#owner = null;
    }
    await super[Symbol.asyncDispose]();
  }
}

function order(owner: Worker, one: OwnerOrder): void {
  owner.postMessage(one, one.kind === 'port' ? [one.port] : []);
}

function opening(owner: Worker): Promise<OpenReport> {
  return new Promise((resolve, reject) => {
    owner.on('message', (news: OwnerNews) => {
      if (news.kind === 'opened') resolve(news.report);
      else if (news.kind === 'refused') reject(new SpoolError(news.trouble, news.message));
    });
    owner.once('error', (error) => reject(new SpoolError('unavailable', String(error), { cause: error })));
    owner.once('exit', () => reject(new SpoolError('unavailable', 'the store ended while it was opened')));
  });
}
