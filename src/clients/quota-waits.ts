/**
 * Mail that is over the quota of its client and waits for room in it, as marks: one for each message, by which it is let go
 * again in the order of time, and one for each client, by which all threads that take mail know that some waits.
 */
import type { MessageId } from '../message/ids.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock } from '../ports.ts';
import { repeated } from '../running/repeated.ts';
import type { Mark, Marks } from '../spool/marks.ts';

/** One message each; their names sort by time. */
export const WAIT_MARKS = 'quota-wait:';
/** How much of a client waits. */
export const WAITING_MARKS = 'quota-waiting:';
const LOOK_MS = 2_000;
/** Who lets mail go has looked by then, and says himself how much waits. */
const OWN_WORD_MS = 30_000;

/** How much of a client waits: about so many messages. */
export type Waiting = { readonly client: string; readonly messages: number; readonly sinceMs: number };

export function waitMarks(client: string): string {
  return `${WAIT_MARKS}${client}:`;
}

export function waitingMark({ client, messages, sinceMs }: Waiting, atMs: number): Mark {
  return { name: `${WAITING_MARKS}${client}`, text: JSON.stringify({ messages, sinceMs }), atMs };
}

/** null: it cannot be read. */
export function waitingOf({ name, text }: Pick<Mark, 'name' | 'text'>): Waiting | null {
  try {
    const { messages, sinceMs } = JSON.parse(text) as Partial<Waiting>;
    if (typeof messages !== 'number' || typeof sinceMs !== 'number') return null;
    return { client: name.slice(WAITING_MARKS.length), messages, sinceMs };
  } catch {
    return null;
  }
}

export type QuotaWaitsNeeds = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly marks: Pick<Marks, 'marks' | 'mark'>;
};

/** What a thread that takes mail knows of it. Where no client may wait for its quota it never looks. */
export class QuotaWaits implements AsyncDisposable {
  readonly #needs: QuotaWaitsNeeds;
  readonly #looking: AsyncDisposable;
  #waiting: ReadonlyMap<string, Waiting> = new Map();
  /** Held by this thread since it was last told how much waits. */
  readonly #own = new Map<string, { messages: number; readonly sinceMs: number }>();

  constructor(needs: QuotaWaitsNeeds) {
    this.#needs = needs;
    const look = (): Promise<void> => this.look().catch(() => undefined);
    this.#looking = repeated(look, { clock: needs.clock, everyMs: LOOK_MS, firstMs: 0 });
  }

  /** Whether mail of that client waits, so that what comes now waits behind it. */
  isWaiting(client: string): boolean {
    return this.#waiting.has(client);
  }

  isFull(client: string, most: number): boolean {
    const { messages = 0 } = this.#waiting.get(client) ?? {};
    return messages + (this.#own.get(client)?.messages ?? 0) >= most;
  }

  /** Before a message is accepted as held. Where that comes to nothing its mark goes by itself. */
  async expect(client: string, id: MessageId): Promise<void> {
    const { clock, marks } = this.#needs;
    await marks.mark([{ name: `${waitMarks(client)}${id}`, text: '', atMs: clock.nowMs() }]);
    const own = this.#own.get(client);
    if (own === undefined) this.#own.set(client, { messages: 1, sinceMs: clock.monotonicMs() });
    else own.messages += 1;
  }

  /** Learns now what waits. */
  async look(): Promise<void> {
    const { policy, clock, marks } = this.#needs;
    if (!mayWait(policy()) && this.#waiting.size === 0) return;
    const found = (await marks.marks(WAITING_MARKS)).flatMap((mark) => {
      const waiting = waitingOf(mark);
      return waiting === null ? [] : [[waiting, mark.atMs] as const];
    });
    const before = this.#waiting;
    this.#waiting = new Map(found.map(([waiting]) => [waiting.client, waiting]));
    for (const [client, { sinceMs }] of this.#own) {
      const isTold = this.#waiting.get(client)?.messages !== before.get(client)?.messages;
      if (isTold || clock.monotonicMs() - sinceMs >= OWN_WORD_MS) this.#own.delete(client);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#looking[Symbol.asyncDispose]();
  }
}

/** Whether mail of any client may wait for its quota. */
export function mayWait({ clients }: Pick<Policy, 'clients'>): boolean {
  return Object.values(clients).some(({ overQuota }) => overQuota === 'hold');
}
