/** Mail of a replay that waits for an exit: what has the same way waits in one line a priority, the urgent first. */
import { PRIORITIES, type Priority } from '../message/message.ts';
import type { RoutePolicy } from '../policy/schema.ts';
import type { ClosedLimit } from './simulated-exit.ts';

/** A limit that keeps mail. */
export type KeptBy = { readonly egress: string; readonly closed: ClosedLimit };

/** Deliveries of the same route, stream and provider: what one may do, each of them may. */
export type ReplayClass = {
  readonly route: RoutePolicy;
  readonly stream: string;
  readonly provider: string;
  readonly lines: Readonly<Record<Priority, Line>>;
  count: number;
  /** Not before then, wall ms. */
  wakeAtMs: number;
  keptBy: readonly KeptBy[];
};

type Line = { readonly places: number[]; from: number };

export class WaitingMail {
  readonly #priorityOf: (place: number) => Priority;
  readonly #classes = new Map<string, ReplayClass>();

  /** @param priorityOf a delivery, by its place */
  constructor(priorityOf: (place: number) => Priority) {
    this.#priorityOf = priorityOf;
  }

  classOf({ route, stream, provider }: Pick<ReplayClass, 'route' | 'stream' | 'provider'>): ReplayClass {
    const key = `${route.name}\n${stream}\n${provider}`;
    const known = this.#classes.get(key);
    if (known !== undefined) return known;
    const line = (): Line => ({ places: [], from: 0 });
    const lines = { high: line(), normal: line(), low: line() };
    const made = { route, stream, provider, lines, count: 0, wakeAtMs: Number.POSITIVE_INFINITY, keptBy: [] };
    this.#classes.set(key, made);
    return made;
  }

  add(to: ReplayClass, place: number): void {
    to.lines[this.#priorityOf(place)].places.push(place);
    to.count += 1;
  }

  /** Whose turn is next until a time; of several at once, the most urgent, then who waits longest. null: nobody's. */
  next(untilMs: number): ReplayClass | null {
    let next: ReplayClass | null = null;
    for (const one of this.#classes.values()) {
      if (one.count === 0 || one.wakeAtMs > untilMs) continue;
      if (next === null || this.#isBefore(one, next)) next = one;
    }
    return next;
  }

  /** The delivery that is first in it. */
  head(of: ReplayClass): number {
    const line = of.lines[headPriority(of)];
    return line.places[line.from] ?? -1;
  }

  /** Takes that one away. */
  remove(of: ReplayClass): void {
    const line = of.lines[headPriority(of)];
    line.from += 1;
    of.count -= 1;
    if (line.from < line.places.length) return;
    line.places.length = 0;
    line.from = 0;
  }

  #isBefore(one: ReplayClass, other: ReplayClass): boolean {
    if (one.wakeAtMs !== other.wakeAtMs) return one.wakeAtMs < other.wakeAtMs;
    const [left, right] = [PRIORITIES.indexOf(headPriority(one)), PRIORITIES.indexOf(headPriority(other))];
    return left === right ? this.head(one) < this.head(other) : left < right;
  }
}

function headPriority({ lines }: ReplayClass): Priority {
  return PRIORITIES.find((priority) => lines[priority].places.length > 0) ?? 'normal';
}
