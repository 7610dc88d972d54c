/** The nodes that share a spool on Redis: one hash, in a slot of its own. */
import {
  nodeOfOwner,
  REMEMBERED_MS,
  type Beat,
  type BeatResult,
  type KnownNode,
  type NodeFacts,
  type Nodes,
} from '../nodes.ts';
import { nodesOf } from './node-list.ts';
import { SCRIPTS } from './scripts.ts';
import { listOf, textOf, type Store } from './store.ts';

const LEASES_AT_ONCE = 1_000;

/** How an operation is asked of a store that may be closed. */
type Ask = <Answer>(ask: (store: Store) => Promise<Answer>) => Promise<Answer>;

export class RedisNodes implements Nodes {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  async beat({ facts, nowMs, untilMs, replaces = '' }: Beat): Promise<BeatResult> {
    const { name, instance } = facts;
    const args = [name, instance, JSON.stringify(facts), nowMs, Math.ceil(untilMs), nowMs - REMEMBERED_MS, replaces];
    const { reply, tookMs } = await this.#ask(async (store) => {
      const startMs = store.clock.monotonicMs();
      const answer = await store.runOn(store.keys.nodes, SCRIPTS.beat, args);
      return { reply: listOf(answer), tookMs: store.clock.monotonicMs() - startMs };
    });
    const [kind, serverMs, ...fields] = reply;
    // The server looked at its clock somewhere in between.
    const clockAheadMs = nowMs + tookMs / 2 - Number(textOf(serverMs));
    const nodes = nodesOf(fields);
    const [by] = nodes;
    return textOf(kind) === 'taken' && by !== undefined ? { kind: 'taken', by } : { kind: 'up', nodes, clockAheadMs };
  }

  async all(): Promise<readonly KnownNode[]> {
    return nodesOf(listOf(await this.#ask((store) => store.runOn(store.keys.nodes, SCRIPTS.nodes, []))));
  }

  async leave({ name, instance }: Pick<NodeFacts, 'name' | 'instance'>): Promise<void> {
    await this.#ask((store) => store.runOn(store.keys.nodes, SCRIPTS.leave, [name, instance]));
  }

  leases(): Promise<ReadonlyMap<string, number>> {
    return this.#ask(async (store) => {
      const counts = new Map<string, number>();
      for (const shard of store.shards) {
        for (let skip = 0; ;) {
          const [seen, ...pairs] = listOf(await store.run(shard, SCRIPTS.holders, [skip, LEASES_AT_ONCE]));
          for (let place = 0; place < pairs.length; place += 2) {
            const node = nodeOfOwner(textOf(pairs[place]));
            counts.set(node, (counts.get(node) ?? 0) + Number(pairs[place + 1]));
          }
          skip += Number(seen);
          if (Number(seen) < LEASES_AT_ONCE) break;
        }
      }
      return counts;
    });
  }
}
