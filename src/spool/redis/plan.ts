/** Which of the deliveries that wait are taken: the same fairness as the embedded engine's, over all shards together. */
import type { ClaimRequest } from '../spool.ts';
import { partsOfLane } from './keys.ts';
import type { Turns } from '../turns.ts';

/** A delivery that could be leased. */
export type Candidate = {
  readonly shard: number;
  readonly dueAtMs: number;
  /** As in the ready set. */
  readonly member: Buffer;
};

/** What waits in a lane, by client; each client's in order of time. */
export type Waiting = ReadonlyMap<string, readonly Candidate[]>;

/** Of one priority: its lanes with something due, those that wait longest first. */
export type Lanes = ReadonlyMap<string, Waiting>;

/** How many may be taken, of which `takenOf` of a lane were before. */
export type Room = Pick<ClaimRequest, 'limit' | 'perLane'> & { readonly takenOf: ReadonlyMap<string, number> };

/**
 * Lanes by waiting time, priorities 16:4:1, clients in turn; what one cannot use goes to whoever has more.
 * @param priorities high, normal, low
 */
export function plan(turns: Turns, priorities: readonly Lanes[], request: Room): readonly Candidate[] {
  const round = new Round(turns, priorities, request);
  const waiting = priorities.map((lanes) => lanes.size > 0);
  for (const [priority, share] of turns.share('', request.limit, waiting).entries()) {
    round.walk(priority, { places: share, fairly: true });
  }
  for (const priority of priorities.keys()) round.walk(priority, { places: request.limit, fairly: false });
  return round.taken;
}

/** One plan in the making: what is taken, and how much each lane may still give. */
class Round {
  readonly taken: Candidate[] = [];
  readonly #turns: Turns;
  readonly #priorities: readonly Lanes[];
  readonly #request: Room;
  readonly #takenOf: Map<string, number>;
  readonly #sharesOf = new Map<string, number[]>();
  /** By priority, lane and client: how many of them are taken. */
  readonly #usedOf = new Map<string, number>();

  constructor(turns: Turns, priorities: readonly Lanes[], request: Room) {
    this.#turns = turns;
    this.#priorities = priorities;
    this.#request = request;
    this.#takenOf = new Map(request.takenOf);
  }

  /** Takes at most `places` of one priority; `fairly`: and of each lane no more than this priority's share of it. */
  walk(priority: number, how: { readonly places: number; readonly fairly: boolean }): void {
    let places = Math.min(how.places, this.#request.limit - this.taken.length);
    for (const [domain, waiting] of this.#priorities[priority] ?? []) {
      if (places <= 0) return;
      const { domain: destination } = partsOfLane(domain);
      const takenOf = this.#takenOf.get(destination) ?? 0;
      const room = this.#request.perLane - takenOf;
      const share = how.fairly ? Math.min(room, this.#shareOf(domain, priority)) : room;
      const before = this.taken.length;
      this.#take({ lane: `${priority} ${domain}`, waiting }, Math.min(share, places));
      places -= this.taken.length - before;
      this.#takenOf.set(destination, takenOf + this.taken.length - before);
    }
  }

  #shareOf(domain: string, priority: number): number {
    let shares = this.#sharesOf.get(domain);
    if (shares === undefined) {
      const waiting = this.#priorities.map((lanes) => lanes.has(domain));
      shares = this.#turns.share(domain, this.#request.perLane, waiting);
      this.#sharesOf.set(domain, shares);
    }
    return shares[priority] ?? 0;
  }

  /** In turns over the clients that wait there, each of them by due time. */
  #take({ lane, waiting }: { readonly lane: string; readonly waiting: Waiting }, places: number): void {
    if (places <= 0) return;
    const clients = this.#inTurn(lane, waiting);
    this.#turns.takeInTurns({ lane, clients, places }, (client, wanted) =>
      this.#takeOf(`${lane} ${client}`, waiting.get(client) ?? [], wanted),
    );
  }

  #takeOf(key: string, candidates: readonly Candidate[], wanted: number): number {
    const used = this.#usedOf.get(key) ?? 0;
    const some = candidates.slice(used, used + wanted);
    this.taken.push(...some);
    this.#usedOf.set(key, used + some.length);
    return some.length;
  }

  #inTurn(lane: string, waiting: Waiting): string[] {
    const last = this.#turns.lastClient(lane);
    const clients = [...waiting.keys()].toSorted((a, b) => (a < b ? -1 : 1));
    return [...clients.filter((client) => client > last), ...clients.filter((client) => client <= last)];
  }
}
