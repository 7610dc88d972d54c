/** What the workers of one relay tell each other of their sessions, so that limits hold over all of them. */
import type { ListenerPolicy } from '../policy/schema.ts';
import type { Clock } from '../ports.ts';
import type { ListenProblem } from './listen-problem.ts';

/** What changed at one worker since its last news. */
export type PeerNews = {
  /** Sign-ins that failed, by key of address and of user. */
  readonly failures: readonly string[];
  /** Connections from an address as they are now, by key; 0: none any more. */
  readonly connections: readonly (readonly [key: string, count: number])[];
};

/** What ingress has of the other workers on the same ports. */
export type IngressSharing = {
  /** All of them, this one included. */
  readonly workers: number;
  readonly peers: Peers;
  /** What keeps this port from being opened by any of them, such as another program; null: nothing known. */
  readonly refusal: (listener: ListenerPolicy) => ListenProblem | null;
};

/** News is gathered for so long: thousands of connections a second are told of in few messages. */
const GATHER_MS = 10;

/** One worker's side: counts its own, and knows those of the others. */
export class Peers {
  readonly #clock: Clock;
  readonly #tell: (news: PeerNews) => void;
  readonly #own = new Map<string, number>();
  readonly #others = new Map<number, Map<string, number>>();
  #openElsewhere = 0;
  readonly #changed = new Set<string>();
  #failures: string[] = [];
  #gathering = false;
  #onFailure: (key: string) => void = () => {};

  /** @param needs `tell`: to all others */
  constructor(needs: { readonly clock: Clock; readonly tell: (news: PeerNews) => void }) {
    this.#clock = needs.clock;
    this.#tell = needs.tell;
  }

  /** Connections that the others have open. */
  get open(): number {
    return this.#openElsewhere;
  }

  /** The same, from one address. */
  openFrom(key: string): number {
    let sum = 0;
    for (const counts of this.#others.values()) sum += counts.get(key) ?? 0;
    return sum;
  }

  /** This worker has so many connections from there now. */
  counted(key: string, count: number): void {
    if (count > 0) this.#own.set(key, count);
    else this.#own.delete(key);
    this.#changed.add(key);
    this.#gather();
  }

  /** A sign-in failed here. Told at once: a guesser goes on at another worker within a millisecond. */
  failed(key: string): void {
    this.#failures.push(key);
    if (this.#failures.length === 1) queueMicrotask(() => this.#tellAll());
  }

  /** Calls `run` with the key of each sign-in that failed elsewhere. */
  onFailure(run: (key: string) => void): void {
    this.#onFailure = run;
  }

  /** A worker came up: it must know all. */
  introduce(): void {
    for (const key of this.#own.keys()) this.#changed.add(key);
    if (this.#changed.size > 0) this.#gather();
  }

  hear(from: number, { failures, connections }: PeerNews): void {
    for (const key of failures) this.#onFailure(key);
    let counts = this.#others.get(from);
    if (counts === undefined) this.#others.set(from, (counts = new Map()));
    for (const [key, count] of connections) {
      this.#openElsewhere += count - (counts.get(key) ?? 0);
      if (count > 0) counts.set(key, count);
      else counts.delete(key);
    }
  }

  /** That worker is gone, and its connections with it. */
  forget(from: number): void {
    for (const count of this.#others.get(from)?.values() ?? []) this.#openElsewhere -= count;
    this.#others.delete(from);
  }

  #gather(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    this.#clock.after(GATHER_MS, () => {
      this.#gathering = false;
      this.#tellAll();
    });
  }

  #tellAll(): void {
    const connections = [...this.#changed].map((key) => [key, this.#own.get(key) ?? 0] as const);
    const failures = this.#failures;
    this.#changed.clear();
    this.#failures = [];
    if (failures.length + connections.length > 0) this.#tell({ failures, connections });
  }
}
