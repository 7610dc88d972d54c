/** Whether clients come again after 4yz: what was put off, and whether the same envelope came within a day. As far as one node hears it. */
import { envelopeDigest } from '../message/envelope-digest.ts';
import type { Event } from '../message/event.ts';
import type { Habit } from '../message/habit.ts';

/** Where what clients do is counted. */
type Habits = { note(client: string, habits: readonly Habit[]): void };

const WITHIN_MS = 86_400_000;
/** What comes sooner is another message to the same people. */
const SOONEST_MS = 20_000;
const MOST_OF_CLIENT = 1_000;
const MOST_CLIENTS = 200;

type PutOff = { readonly atMs: number; cameAgain: boolean };

export class RetryBook {
  readonly #habits: Habits;
  /** By client and digest, the oldest first. */
  readonly #clients = new Map<string, Map<string, PutOff>>();

  constructor(habits: Habits) {
    this.#habits = habits;
  }

  /** A sink of every event: nearly nothing where nothing was put off. */
  heard(event: Event): void {
    if (event.event === 'refused') {
      if (event.envelope !== undefined && event.client !== null)
        this.#refused(event.client, event.envelope, event.atMs);
    } else if (event.event === 'received') {
      const putOff = this.#clients.get(event.client);
      if (putOff === undefined) return;
      const { client, atMs, sender } = event;
      this.#accepted(client, envelopeDigest(sender, event.recipients), atMs);
      // It was put off before it said to whom.
      this.#accepted(client, envelopeDigest(sender, []), atMs);
    }
  }

  #refused(client: string, digest: string, atMs: number): void {
    const putOff = this.#ofClient(client);
    if (putOff === null) return;
    for (const [known, { atMs: sinceMs }] of putOff) {
      if (atMs - sinceMs <= WITHIN_MS && putOff.size < MOST_OF_CLIENT) break;
      putOff.delete(known);
    }
    const known = putOff.get(digest);
    if (known !== undefined) return this.#again(client, known, atMs);
    putOff.set(digest, { atMs, cameAgain: false });
    this.#habits.note(client, ['put-off']);
  }

  #accepted(client: string, digest: string, atMs: number): void {
    const putOff = this.#clients.get(client);
    const known = putOff?.get(digest);
    if (putOff === undefined || known === undefined || atMs - known.atMs < SOONEST_MS) return;
    this.#again(client, known, atMs);
    putOff.delete(digest);
    if (putOff.size === 0) this.#clients.delete(client);
  }

  #again(client: string, known: PutOff, atMs: number): void {
    const afterMs = atMs - known.atMs;
    if (known.cameAgain || afterMs < SOONEST_MS || afterMs > WITHIN_MS) return;
    known.cameAgain = true;
    this.#habits.note(client, ['came-again']);
  }

  #ofClient(client: string): Map<string, PutOff> | null {
    const known = this.#clients.get(client);
    if (known !== undefined || this.#clients.size >= MOST_CLIENTS) return known ?? null;
    const made = new Map<string, PutOff>();
    this.#clients.set(client, made);
    return made;
  }
}
