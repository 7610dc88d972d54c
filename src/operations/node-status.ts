/** A node as operators see it. */
import { BEAT_HOLDS_MS, isUp, type NodeFacts, type Nodes } from '../spool/nodes.ts';

type Shown = Omit<NodeFacts, 'machine' | 'closed' | 'isStopping'>;

export type NodeStatus = Shown & {
  readonly isUp: boolean;
  readonly isStopping: boolean;
  /** When it was last heard of. */
  readonly seenAtMs: number;
  /** Deliveries that it has under lease. */
  readonly leases: number;
};

/** All that share a spool; of those that left nothing is known. Rejects with `SpoolError`. */
export async function nodeStatuses(nodes: Nodes, nowMs: number): Promise<readonly NodeStatus[]> {
  const [all, leases] = await Promise.all([nodes.all(), nodes.leases()]);
  return all.map((node) => ({
    ...shownOf(node),
    isUp: isUp(node, nowMs),
    seenAtMs: node.untilMs - BEAT_HOLDS_MS,
    isStopping: node.isStopping === true,
    leases: leases.get(node.name) ?? 0,
  }));
}

/** The only node on a spool that nobody shares. */
export function soleStatus(facts: NodeFacts, now: { readonly atMs: number; readonly leases: number }): NodeStatus {
  return {
    ...shownOf(facts),
    isUp: true,
    isStopping: facts.isStopping === true,
    seenAtMs: now.atMs,
    leases: now.leases,
  };
}

function shownOf(facts: NodeFacts): Shown {
  const { name, instance, host, pid, startedAtMs, version, policyVersion, sharedPolicy, workers, addresses } = facts;
  const shared = sharedPolicy === undefined ? {} : { sharedPolicy };
  return { name, instance, host, pid, startedAtMs, version, policyVersion, ...shared, workers, addresses };
}
