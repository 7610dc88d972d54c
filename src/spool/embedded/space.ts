import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { randomFillSync } from 'node:crypto';

const FLOOR_BYTES = 32 * 1024 * 1024;
const RESERVE_BYTES = 4 * 1024 * 1024;
const LOOK_EVERY_MS = 1_000;
/** After so much content the last look is too old, whatever the time. */
const LOOK_EVERY_BYTES = 4 * 1024 * 1024;

/**
 * How much space is left where the spool is. Acceptance stops above a floor, before SQLite fails, because delivering
 * needs space too: the log grows with every settlement until it is checkpointed. Should the disk fill up all the same
 * (others write there as well), a reserve file is given up for settling, and made again when there is space.
 */
export class Space {
  readonly #folder: string;
  readonly #reserve: string;
  readonly #wal: string;
  readonly #nowMs: () => number;
  readonly #floorBytes: number;
  readonly #reserveBytes: number;
  /** How large the log may grow before a checkpoint must come: what it holds may all be new pages of the database. */
  readonly walBytes: number;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #acceptedSinceBytes = 0;
  #refusal: string | null = null;

  /** @param nowMs monotonic, ms */
  constructor(options: {
    readonly folder: string;
    readonly reserve: string;
    readonly wal: string;
    readonly floorBytes: number | null;
    readonly walBytes: number;
    readonly nowMs: () => number;
  }) {
    this.#folder = options.folder;
    this.#reserve = options.reserve;
    this.#wal = options.wal;
    this.#nowMs = options.nowMs;
    const system = statfsSync(options.folder);
    // On a very small file system the usual floor would refuse everything.
    const sixteenth = Math.floor((system.blocks * system.bsize) / 16);
    this.#floorBytes = options.floorBytes ?? Math.min(FLOOR_BYTES, sixteenth);
    this.#reserveBytes = Math.min(RESERVE_BYTES, sixteenth);
    this.walBytes = Math.min(options.walBytes, sixteenth);
  }

  /**
   * Why nothing can be accepted now; null: there is room. Looks at most once a second, or every few MB.
   * @param reusableBytes free pages inside the database
   */
  refusal(reusableBytes: () => number): string | null {
    if (
      this.#nowMs() - this.#lookedAtMs < LOOK_EVERY_MS &&
      this.#acceptedSinceBytes < Math.min(LOOK_EVERY_BYTES, this.#floorBytes / 4)
    ) {
      return this.#refusal;
    }
    this.#lookedAtMs = this.#nowMs();
    this.#acceptedSinceBytes = 0;
    const freeBytes = this.#freeBytes();
    // Pages inside the database and the log's own file are room too, even on a disk that others have filled.
    const full = freeBytes + reusableBytes() < this.#floorBytes || freeBytes + sizeOf(this.#wal) < this.walBytes;
    this.#refusal = full
      ? `the disk is full: ${megabytes(freeBytes)} free in ${this.#folder}, ${megabytes(Math.max(this.#floorBytes, this.walBytes))} needed`
      : null;
    if (freeBytes > this.#floorBytes + 2 * this.#reserveBytes) this.makeReserve();
    return this.#refusal;
  }

  accepted(bytes: number): void {
    this.#acceptedSinceBytes += bytes;
  }

  /** SQLite found the disk full: nothing is accepted until a look shows otherwise. */
  full(): void {
    this.#lookedAtMs = this.#nowMs();
    this.#acceptedSinceBytes = 0;
    this.#refusal = `the disk is full: ${megabytes(this.#freeBytes())} free in ${this.#folder}`;
  }

  /** Gives the reserve to whoever settles. Returns whether there was one. */
  releaseReserve(): boolean {
    const had = sizeOf(this.#reserve) > 0;
    rmSync(this.#reserve, { force: true });
    return had;
  }

  /** Never fails: without space there is none to be reserved. */
  makeReserve(): void {
    if (sizeOf(this.#reserve) >= this.#reserveBytes) return;
    try {
      const descriptor = openSync(this.#reserve, 'w', 0o600);
      try {
        // Not zeros: a file system that compresses or makes holes would reserve nothing.
        const block = randomFillSync(Buffer.allocUnsafe(this.#reserveBytes));
        writeSync(descriptor, block);
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
    } catch {
      rmSync(this.#reserve, { force: true });
    }
  }

  #freeBytes(): number {
    const system = statfsSync(this.#folder);
    return system.bavail * system.bsize;
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
