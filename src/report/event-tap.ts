import type { Event } from '../message/event.ts';
import type { Emit } from '../ports.ts';

/** Lets others hear of every event for a while. Costs nothing while nobody does. */
export class EventTap {
  readonly #followers = new Set<Emit>();

  /** A sink for `createEmit`. */
  heard(event: Event): void {
    for (const follower of this.#followers) follower(event);
  }

  /** @param run must not throw, and must be quick: mail waits for it @returns what ends it */
  follow(run: Emit): () => void {
    this.#followers.add(run);
    return () => void this.#followers.delete(run);
  }
}
