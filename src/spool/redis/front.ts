import { PRIORITIES } from '../../message/message.ts';
import { partsOfLane } from './keys.ts';
import { SCRIPTS } from './scripts.ts';
import { listOf, type Store } from './store.ts';

/** Nearly always enough; where many lanes at the front are excluded, the steps grow. */
const FIRST_WINDOW = 100;
const NEXT_WINDOW = 1_000;

/** A client's turn in a lane of one shard. */
type Turn = { readonly shard: number; readonly priority: number; readonly lane: string; dueAtMs: number | null };

type Walk = {
  readonly shard: number;
  readonly priority: number;
  /** Lanes that were seen due. */
  readonly due: Set<string>;
  rank: number;
  isAtEnd: boolean;
};

/**
 * The lanes that wait longest, over all shards, without the excluded ones. Those are left out here: a window of the front
 * is smaller than the list of five thousand lanes that a server would have to compare with, and the server's time is
 * everybody's.
 */
export class Front {
  readonly #store: Store;
  readonly #nowMs: number;
  readonly #exclude: ReadonlySet<string>;
  #turns = new Map<string, Turn>();
  #limit = 0;
  #walks: readonly Walk[] = [];

  constructor(store: Store, how: { readonly nowMs: number; readonly exclude: ReadonlySet<string> }) {
    this.#store = store;
    this.#nowMs = how.nowMs;
    this.#exclude = how.exclude;
  }

  /** Looks anew, until `lanes` due ones are known of each priority in each shard, or the first that is not due yet. */
  async look(lanes: number): Promise<void> {
    this.#limit = lanes;
    this.#turns = new Map();
    this.#walks = this.#store.shards.flatMap((shard) =>
      PRIORITIES.map((_, priority) => ({ shard, priority, due: new Set<string>(), rank: 0, isAtEnd: false })),
    );
    await Promise.all(this.#store.shards.map((shard) => this.#walk(shard, lanes)));
  }

  /** The due ones of a priority, those that wait longest first; at most as many as were asked for. */
  lanes(priority: number): readonly string[] {
    const due = [...this.#turns.values()]
      .filter((turn) => turn.priority === priority && turn.dueAtMs !== null && turn.dueAtMs <= this.#nowMs)
      .toSorted((a, b) => (a.dueAtMs ?? 0) - (b.dueAtMs ?? 0) || (a.lane < b.lane ? -1 : 1));
    return [...new Set(due.map(({ lane }) => lane))].slice(0, this.#limit);
  }

  /** Whether a shard may have something due there: `false` only where all that it has ready was seen. */
  isDueIn(shard: number, priority: number, lane: string): boolean {
    const walk = this.#walks[shard * PRIORITIES.length + priority];
    return walk?.isAtEnd !== true || walk.due.has(lane);
  }

  /** What a script said of a turn that it changed. @param turn priority, lane, client; `due`: empty for none */
  mend(shard: number, turn: Buffer, due: unknown): void {
    const key = `${shard} ${turn.toString()}`;
    const known = this.#turns.get(key);
    const dueAtMs = typeof due === 'number' ? due : null;
    if (known !== undefined) known.dueAtMs = dueAtMs;
    else if (dueAtMs !== null) {
      const text = turn.toString();
      this.#turns.set(key, {
        shard,
        priority: Number(text.slice(0, 1)),
        lane: text.slice(1, text.indexOf('\0')),
        dueAtMs,
      });
    }
  }

  /** See `ClaimResult`. */
  async nextDueAtMs(): Promise<number | null> {
    let earliest = this.#earliest();
    if (earliest === null || earliest > this.#nowMs) {
      // All that was seen is taken; there may be more behind it.
      for (const walk of this.#walks) walk.rank = 0;
      await Promise.all(this.#store.shards.map((shard) => this.#walk(shard, 1)));
      earliest = this.#earliest();
    }
    return earliest;
  }

  #earliest(): number | null {
    let earliest: number | null = null;
    for (const { dueAtMs } of this.#turns.values()) {
      if (dueAtMs !== null && (earliest === null || dueAtMs < earliest)) earliest = dueAtMs;
    }
    return earliest;
  }

  /** The walks of one shard, together. @param lanes due ones after which each stops */
  async #walk(shard: number, lanes: number): Promise<void> {
    const all = this.#walks.filter((walk) => walk.shard === shard && !walk.isAtEnd);
    for (const walk of all) walk.due.clear();
    for (let window = FIRST_WINDOW, open = all; open.length > 0; window = NEXT_WINDOW) {
      const args = open.flatMap(({ priority, rank }) => [priority, rank, window]);
      const replies = listOf<readonly Buffer[]>(await this.#store.run(shard, SCRIPTS.peek, args));
      for (const [place, walk] of open.entries()) this.#read(walk, replies[place] ?? [], window);
      open = open.filter((walk) => !walk.isAtEnd && walk.due.size < lanes);
    }
  }

  /** @param pairs lane and client, and when it has something due */
  #read(walk: Walk, pairs: readonly Buffer[], window: number): void {
    walk.rank += pairs.length / 2;
    if (pairs.length / 2 < window) walk.isAtEnd = true;
    for (let place = 0; place < pairs.length; place += 2) {
      const pair = pairs[place]?.toString() ?? '';
      const lane = pair.slice(0, pair.indexOf('\0'));
      const dueAtMs = Number(pairs[place + 1]?.toString());
      if (!this.#isOurs(lane, dueAtMs)) continue;
      const turn = { shard: walk.shard, priority: walk.priority, lane, dueAtMs };
      this.#turns.set(`${walk.shard} ${walk.priority}${pair}`, turn);
      if (dueAtMs > this.#nowMs) {
        walk.isAtEnd = true;
        return;
      }
      walk.due.add(lane);
    }
  }

  #isOurs(lane: string, dueAtMs: number): boolean {
    const { domain, node } = partsOfLane(lane);
    return !this.#exclude.has(domain) && (node === null || this.#store.mayTakeFor(node, dueAtMs));
  }
}
