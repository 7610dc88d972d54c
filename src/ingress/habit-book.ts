/** Counts what the software of each client does: a few additions a message, and written down now and then. */
import { type Habit, habitAccount } from '../message/habit.ts';
import type { Clock } from '../ports.ts';
import type { Tallies } from '../spool/tallies.ts';

export type Habits = {
  /** Never throws. */
  note(client: string, habits: readonly Habit[]): void;
};

const FLUSH_MS = 20_000;
const DAY_MS = 86_400_000;
const KEPT_MS = 40 * DAY_MS;
/** Clients and habits that wait for a store that is away. */
const MOST_WAITING = 5_000;

/** Goes on until it is disposed of, which writes the last of it. */
export class HabitBook implements Habits, AsyncDisposable {
  readonly #tallies: Pick<Tallies, 'count'>;
  readonly #clock: Clock;
  readonly #counts = new Map<string, Map<Habit, number>>();
  readonly #ending = new AbortController();
  readonly #running: Promise<void>;

  constructor({ tallies, clock }: { readonly tallies: Pick<Tallies, 'count'>; readonly clock: Clock }) {
    this.#tallies = tallies;
    this.#clock = clock;
    this.#running = this.#run();
  }

  note(client: string, habits: readonly Habit[]): void {
    for (const habit of habits) this.#add(client, habit, 1);
  }

  #add(client: string, habit: Habit, amount: number): void {
    let counts = this.#counts.get(client);
    if (counts === undefined) {
      if (this.#counts.size >= MOST_WAITING) return;
      counts = new Map();
      this.#counts.set(client, counts);
    }
    counts.set(habit, (counts.get(habit) ?? 0) + amount);
  }

  /** What the store does not take is counted again later. */
  async flush(): Promise<void> {
    const startsAtMs = Math.floor(this.#clock.nowMs() / DAY_MS) * DAY_MS;
    const entries = [...this.#counts].flatMap(([client, counts]) =>
      [...counts].map(([habit, amount]) => ({ client, habit, amount })),
    );
    if (entries.length === 0) return;
    this.#counts.clear();
    const tallies = entries.map(({ client, habit, amount }) => ({
      account: habitAccount(client, habit),
      startsAtMs,
      amount,
      keepUntilMs: startsAtMs + KEPT_MS,
    }));
    await this.#tallies.count(tallies).catch(() => {
      for (const { client, habit, amount } of entries) this.#add(client, habit, amount);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort(new Error('the relay ends'));
    await this.#running;
    await this.flush();
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      await this.#clock.sleep(FLUSH_MS, signal).catch(() => undefined);
      if (!signal.aborted) await this.flush();
    }
  }
}
