/** Counts attempts by exit, and how many of them failed or are in doubt, by stretches of five minutes: over all nodes, in the tallies. */
import type { Event } from '../../../message/event.ts';
import { refusalOf } from '../../../message/refusal.ts';
import { replyClass } from '../../../message/reply.ts';
import type { Count, Tally } from '../../../spool/tallies.ts';

/** `tried`: all attempts. `doubted`: copies may be out. */
const ATTEMPT_KINDS = ['tried', 'failed', 'doubted'] as const;
export type AttemptKind = (typeof ATTEMPT_KINDS)[number];
export type Attempts = Readonly<Record<AttemptKind, number>>;

export const ATTEMPTS = 'alert-attempts:';
const STRETCH_MS = 5 * 60_000;
const HOUR_MS = 3_600_000;
const KEPT_MS = 2 * HOUR_MS;
/** Exits and stretches that wait for a store that is away. */
const MOST_WAITING = 5_000;

type Counted = Record<AttemptKind, number>;

export class AttemptBook {
  #startsAtMs = 0;
  #exits = new Map<string, Counted>();
  #waiting = new Map<string, Tally>();

  /** A sink of every event: cheap. */
  heard(event: Event): void {
    if (event.event === 'attempted') {
      const { egress, reply, own } = event.attempt;
      const counted = this.#countedOf(egress, event.atMs);
      counted.tried += 1;
      if (replyClass(reply) === 'success') return;
      // A server that wants to see mail again says nothing of the exit.
      if (own === true || refusalOf(reply) !== 'greylisted') counted.failed += 1;
    } else if (event.event === 'in-doubt') this.#countedOf('', event.atMs).doubted += 1;
  }

  /** Takes out all that was counted. */
  take(): Tally[] {
    this.#close();
    const taken = [...this.#waiting.values()];
    this.#waiting = new Map();
    return taken;
  }

  /** Puts back what could not be written. */
  putBack(entries: readonly Tally[]): void {
    for (const entry of entries) this.#add(entry);
  }

  #countedOf(egress: string, atMs: number): Counted {
    if (atMs - this.#startsAtMs >= STRETCH_MS || atMs < this.#startsAtMs) {
      this.#close();
      this.#startsAtMs = Math.floor(atMs / STRETCH_MS) * STRETCH_MS;
    }
    const known = this.#exits.get(egress);
    if (known !== undefined) return known;
    const fresh = { tried: 0, failed: 0, doubted: 0 };
    this.#exits.set(egress, fresh);
    return fresh;
  }

  #close(): void {
    const keepUntilMs = this.#startsAtMs + KEPT_MS;
    for (const [egress, counted] of this.#exits)
      for (const kind of ATTEMPT_KINDS) {
        const account = `${ATTEMPTS}${encodeURIComponent(egress)}:${kind}`;
        const amount = counted[kind];
        if (amount > 0) this.#add({ account, startsAtMs: this.#startsAtMs, amount, keepUntilMs });
      }
    this.#exits = new Map();
  }

  #add(entry: Tally): void {
    const key = `${entry.startsAtMs} ${entry.account}`;
    const known = this.#waiting.get(key);
    if (known === undefined && this.#waiting.size >= MOST_WAITING) return;
    this.#waiting.set(key, known === undefined ? entry : { ...entry, amount: known.amount + entry.amount });
  }
}

/** From which stretch on the last hour is read. */
export function lastHourMs(nowMs: number): number {
  return Math.floor((nowMs - HOUR_MS) / STRETCH_MS) * STRETCH_MS + STRETCH_MS;
}

/** By exit; '' has what is counted of none. */
export function attemptsByExit(counts: readonly Count[]): ReadonlyMap<string, Attempts> {
  const exits = new Map<string, Record<AttemptKind, number>>();
  for (const { account, amount } of counts) {
    const [egress = '', name] = account.slice(ATTEMPTS.length).split(':');
    const kind = ATTEMPT_KINDS.find((one) => one === name);
    if (kind === undefined) continue;
    const exit = decodeURIComponent(egress);
    const sums = exits.get(exit) ?? { tried: 0, failed: 0, doubted: 0 };
    exits.set(exit, sums);
    sums[kind] += amount;
  }
  return exits;
}
