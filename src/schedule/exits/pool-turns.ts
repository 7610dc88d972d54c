/** Turns in pools whose circle several processes share: asked for when mail waits, and used up in their order. */
import type { TurnWanted } from '../../routing/choose.ts';
import { turnsAfter, type Circles, type TakeTurns } from '../../spool/tallies.ts';

/** An exit whose turn in its pool it was at `place`; null: it took none. */
export type Used = {
  readonly name: string;
  readonly pool: string | null;
  readonly place: number | null;
  /** That was asked of other processes. Default: no. */
  readonly isShared?: boolean;
  /** The mailbox provider to which it goes. Default: none is known. */
  readonly provider?: string;
};

export type PoolTurnsNeeds = {
  readonly circles: Circles;
  /** Whether other processes send by the same pools. */
  readonly isShared: () => boolean;
  /** Turns have come. */
  readonly changed: () => void;
  readonly failed: (cause: unknown) => void;
};

/** Turns that are asked for at once. What one process has in hand, the others go without for so long. */
const MOST_TURNS = 16;

export class PoolTurns {
  readonly #needs: PoolTurnsNeeds;
  readonly #turns = new Map<string, number[]>();
  readonly #last = new Map<string, number>();
  readonly #asked = new Set<string>();
  #round = 0;

  constructor(needs: PoolTurnsNeeds) {
    this.#needs = needs;
  }

  /** Places that are this process's, in order; null: nobody else has any. */
  of(pool: string): readonly number[] | null {
    return this.#needs.isShared() ? (this.#turns.get(pool) ?? []) : null;
  }

  /** Mail waits for a turn. @param waiting so many messages */
  want(turn: TurnWanted, waiting: number): void {
    if (this.#asked.has(turn.pool)) return;
    this.#asked.add(turn.pool);
    void this.#ask(turn, waiting);
  }

  /** A turn was used; those before it were passed over. */
  taken(pool: string, place: number): void {
    this.#last.set(pool, place);
    const turns = this.#turns.get(pool);
    const at = turns?.indexOf(place) ?? -1;
    if (turns !== undefined && at !== -1) turns.splice(0, at + 1);
  }

  /** Another policy is in force: places may be others' now. */
  forget(): void {
    this.#turns.clear();
    this.#last.clear();
    this.#asked.clear();
    this.#round += 1;
  }

  /** Never rejects. */
  async #ask({ pool, places, open }: TurnWanted, waiting: number): Promise<void> {
    const round = this.#round;
    const count = Math.max(1, Math.min(waiting, MOST_TURNS));
    const turns = await this.#take(pool, { account: `circle:${pool}`, places, open, count });
    if (round !== this.#round) return;
    this.#asked.delete(pool);
    // Of the old ones none had an open place; they are older, and come first where that opens again.
    this.#turns.set(pool, [...(this.#turns.get(pool) ?? []), ...turns].slice(-MOST_TURNS));
    this.#needs.changed();
  }

  /** Where nobody can say whose turn it is, this process goes round by itself: mail does not wait for it. */
  async #take(pool: string, ask: TakeTurns): Promise<readonly number[]> {
    try {
      return await this.#needs.circles.takeTurns(ask);
    } catch (cause) {
      this.#needs.failed(cause);
      return turnsAfter(this.#last.get(pool) ?? null, ask);
    }
  }
}
