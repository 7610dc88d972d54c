import { PRIORITIES, type Priority } from '../message/message.ts';
import type { Entry, Group } from './entry.ts';
import { afterSignal, connectionsFor, isResting, isSuspect, withMost, type Signal } from './feedback.ts';
import { Lane } from './lane.ts';
import { PriorityTurns } from './turns.ts';

/** What is remembered of a destination without work, and for how many at most. */
const REMEMBERED_MS = 1_800_000;
const REMEMBERED_LANES = 20_000;

/**
 * All lanes, and whose turn it is among them when connections are short: priorities by weight, and inside a priority one
 * lane after the other. A lane that is at its limit or rests stands in no ring, so that a turn costs no search.
 */
export class Lanes {
  readonly #lanes = new Map<string, Lane>();
  readonly #rings: Record<Priority, Set<Lane>> = { high: new Set(), normal: new Set(), low: new Set() };
  readonly #turns = new PriorityTurns();
  readonly #resting = new Set<Lane>();
  /** Destinations without a lane for which the store has mail that came before; the oldest are forgotten. */
  readonly #behind = new Set<string>();
  readonly #mostConnections: () => number;
  readonly #monotonicMs: () => number;

  constructor(needs: { readonly mostConnections: () => number; readonly monotonicMs: () => number }) {
    this.#mostConnections = needs.mostConnections;
    this.#monotonicMs = needs.monotonicMs;
  }

  get all(): Iterable<Lane> {
    return this.#lanes.values();
  }

  get size(): number {
    return this.#lanes.size;
  }

  find(domain: string): Lane | undefined {
    return this.#lanes.get(domain);
  }

  laneOf(domain: string): Lane {
    let lane = this.#lanes.get(domain);
    if (lane === undefined) {
      lane = new Lane(domain, { most: this.#mostConnections(), nowMs: this.#monotonicMs() });
      lane.behind = this.#behind.delete(domain);
      this.#lanes.set(domain, lane);
    }
    return lane;
  }

  /** Whether the store may have mail for it that came before. */
  isBehind(domain: string): boolean {
    return this.#lanes.get(domain)?.behind ?? this.#behind.has(domain);
  }

  /** The store gets mail for it. Makes no lane: there may be as many destinations in the store as there are. */
  fellBehind(domain: string): void {
    const lane = this.#lanes.get(domain);
    if (lane !== undefined) {
      lane.behind = true;
      return;
    }
    this.#behind.add(domain);
    const [oldest] = this.#behind;
    if (this.#behind.size > REMEMBERED_LANES && oldest !== undefined) this.#behind.delete(oldest);
  }

  /** A claim took all that there was for destinations without a lane. */
  caughtUp(): void {
    this.#behind.clear();
  }

  /** Nothing is tried, taken in or claimed for it: its destination does not answer, or no exit takes its mail. */
  isResting(lane: Lane): boolean {
    const nowMs = this.#monotonicMs();
    return isResting(lane.feedback, nowMs) || lane.shutUntilMs > nowMs;
  }

  /** No exit takes its mail until then, monotonic ms. */
  shut(lane: Lane, untilMs: number): void {
    lane.shutUntilMs = untilMs;
    this.#resting.add(lane);
    this.#review(lane);
  }

  /** Exits are not what they were. */
  reopen(): void {
    for (const lane of this.#resting) lane.shutUntilMs = Number.NEGATIVE_INFINITY;
  }

  /** Connections that the lane may have now. */
  connectionsOf(lane: Lane): number {
    return connectionsFor(lane.feedback.limit, lane.waiting + lane.inFlight);
  }

  push(entry: Entry): void {
    const { lane } = entry;
    if (lane.waiting === 0 && lane.inFlight === 0) lane.movedAtMs = this.#monotonicMs();
    lane.push(entry);
    this.#review(lane);
  }

  remove(entry: Entry, state: 'settling' | 'gone'): void {
    entry.lane.remove(entry, state);
    this.#review(entry.lane);
  }

  /** The next to be tried, now counted as under way; null: nothing can be tried now. */
  next(isOpen: (group: Group) => boolean): { readonly entry: Entry; readonly number: number } | null {
    const found: Partial<Record<Priority, Lane>> = {};
    const priority = this.#turns.next((one) => {
      const lane = this.#firstIn(one, isOpen);
      if (lane !== null) found[one] = lane;
      return lane !== null;
    });
    const lane = priority === null ? undefined : found[priority];
    // The lane has turns of its own: it may prefer another priority than the one that brought it here.
    const entry = lane?.take(isOpen) ?? null;
    if (priority === null || lane === undefined || entry === null) return null;
    this.#turns.took(entry.leased.delivery.priority);
    for (const ring of Object.values(this.#rings)) {
      if (ring.delete(lane)) ring.add(lane);
    }
    lane.inFlight += 1;
    lane.movedAtMs = this.#monotonicMs();
    this.#review(lane);
    return { entry, number: lane.nextAttempt++ };
  }

  #firstIn(priority: Priority, isOpen: (group: Group) => boolean): Lane | null {
    for (const lane of this.#rings[priority]) if (lane.canServe(priority, isOpen)) return lane;
    return null;
  }

  /** An attempt ended. Returns whether the lane was put to rest by it. */
  ended(lane: Lane, number: number, signal: Signal): boolean {
    const wasResting = this.isResting(lane);
    lane.inFlight -= 1;
    lane.movedAtMs = this.#monotonicMs();
    lane.feedback = afterSignal(lane.feedback, signal, {
      number,
      next: lane.nextAttempt,
      nowMs: lane.movedAtMs,
    });
    if (this.isResting(lane)) this.#resting.add(lane);
    else this.#resting.delete(lane);
    this.#review(lane);
    return !wasResting && this.isResting(lane);
  }

  /** Lanes whose rest is over since the last call: they may be tried again. */
  woken(): readonly Lane[] {
    const woken = [...this.#resting].filter((lane) => !this.isResting(lane));
    for (const lane of woken) {
      this.#resting.delete(lane);
      lane.movedAtMs = this.#monotonicMs();
      this.#review(lane);
    }
    return woken;
  }

  get resting(): ReadonlySet<Lane> {
    return this.#resting;
  }

  /** The policy's limits changed. */
  adjust(): void {
    for (const lane of this.#lanes.values()) {
      lane.feedback = withMost(lane.feedback, this.#mostConnections());
      this.#review(lane);
    }
  }

  /** Forgets destinations without work of which nothing worth keeping is known. */
  forget(): void {
    const nowMs = this.#monotonicMs();
    for (const lane of this.#lanes.values()) {
      if (lane.held > 0 || this.#resting.has(lane)) continue;
      const unremarkable = lane.feedback.limit === lane.feedback.most && !isSuspect(lane.feedback);
      const old = nowMs - lane.movedAtMs > REMEMBERED_MS;
      if (unremarkable || old || this.#lanes.size > REMEMBERED_LANES) {
        this.#lanes.delete(lane.domain);
        if (lane.behind) this.fellBehind(lane.domain);
      }
    }
  }

  /** In the rings of its priorities while it may start an attempt; in none otherwise. */
  #review(lane: Lane): void {
    const mayStart = lane.inFlight < this.connectionsOf(lane) && !this.isResting(lane);
    for (const priority of PRIORITIES) {
      if (mayStart && lane.waitingOf(priority) > 0) this.#rings[priority].add(lane);
      else this.#rings[priority].delete(lane);
    }
  }
}
