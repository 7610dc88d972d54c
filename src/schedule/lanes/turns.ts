import { PRIORITIES, type Priority } from '../../message/message.ts';

/** Turns that each priority gets while all have work: a newsletter moves on always, a password reset never queues behind it. */
const WEIGHTS = { high: 16, normal: 4, low: 1 } as const satisfies Record<Priority, number>;

/**
 * Weighted turns between priorities (start-time fair queueing): each turn costs 1/weight of virtual time, and whoever is
 * least far along is next. Time in which a priority had no work is not saved up.
 */
export class PriorityTurns {
  readonly #along: Record<Priority, number> = { high: 0, normal: 0, low: 0 };
  /** Where the turn taken last began: nobody starts from further back. */
  #floor = 0;

  /** Whose turn it is among those that have work; null: nobody has. Changes nothing. */
  next(hasWork: (priority: Priority) => boolean): Priority | null {
    let next: Priority | null = null;
    // From high to low, so that a tie goes to the higher.
    for (const priority of PRIORITIES) {
      if ((next === null || this.#startOf(priority) < this.#startOf(next)) && hasWork(priority)) next = priority;
    }
    return next;
  }

  /** A turn was taken. */
  took(priority: Priority): void {
    const start = this.#startOf(priority);
    this.#floor = Math.max(this.#floor, start);
    this.#along[priority] = start + 1 / WEIGHTS[priority];
  }

  #startOf(priority: Priority): number {
    return Math.max(this.#along[priority], this.#floor);
  }
}
