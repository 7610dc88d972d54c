/**
 * The nodes that share a spool: each is a relay with a name of its own, which says now and then that it lives. The port;
 * a store that nobody shares has none. Times are wall time in ms.
 */

/** One life of a node, as it says of itself. */
export type NodeFacts = {
  /** Unlike that of any other node, and the same after a restart: leases are booked under it. */
  readonly name: string;
  /** Unlike that of any other life. */
  readonly instance: string;
  readonly host: string;
  /** Where `pid` means something: the same for processes that can tell whether the other one runs; null: not known. */
  readonly machine: string | null;
  readonly pid: number;
  readonly startedAtMs: number;
  readonly version: string;
  readonly policyVersion: string;
  /** The same for all that follow one policy, whatever each has of its own; absent: an older relay does not say. */
  readonly sharedPolicy?: string;
  /** Threads that take and send mail. */
  readonly workers: number;
  /** Local addresses that it can send from. */
  readonly addresses: readonly string[];
  /** Exits that are for some nodes only by which nothing goes out now: used up for the day, or at rest after failures. */
  readonly closed?: readonly string[];
  /** It takes no more mail, and ends what it has in hand. */
  readonly isStopping?: boolean;
  /** By so much its clock was ahead of the one that all nodes can see; absent: it did not look yet. */
  readonly clockAheadMs?: number;
};

/** `untilMs`: to be taken for gone from then on. */
export type KnownNode = NodeFacts & { readonly untilMs: number };

/** `clockAheadMs`: by so much this node's clock is ahead of the one that all nodes can see. `taken`: another life has the name, and is not known to be over. */
export type BeatResult =
  | { readonly kind: 'up'; readonly nodes: readonly KnownNode[]; readonly clockAheadMs: number }
  | { readonly kind: 'taken'; readonly by: KnownNode };

export type Beat = {
  readonly facts: NodeFacts;
  readonly nowMs: number;
  readonly untilMs: number;
  /** A life that is known to be over: the name is taken from it at once. Default: none. */
  readonly replaces?: string;
};

/** All methods may reject with `SpoolError`. */
export interface Nodes {
  /** Takes the name, or keeps it. Nodes that have been gone for a day are forgotten. */
  beat(beat: Beat): Promise<BeatResult>;
  /** All that are known and did not leave, by name. */
  all(): Promise<readonly KnownNode[]>;
  /** It ends in peace: nobody is to miss it. Nothing where another life has the name. */
  leave(facts: Pick<NodeFacts, 'name' | 'instance'>): Promise<void>;
  /** How many deliveries each node has under lease. */
  leases(): Promise<ReadonlyMap<string, number>>;
}

/** How often a node says that it lives, and how long that holds. */
export const BEAT_EVERY_MS = 5_000;
export const BEAT_HOLDS_MS = 15_000;
/** A node that is gone is remembered for so long. */
export const REMEMBERED_MS = 86_400_000;

/** @returns whether it may be taken to live */
export function isUp(node: Pick<KnownNode, 'untilMs'>, nowMs: number): boolean {
  return node.untilMs > nowMs;
}

/** @returns whether mail may be left for it */
export function takesMail(node: KnownNode, nowMs: number): boolean {
  return isUp(node, nowMs) && node.isStopping !== true;
}

/** The node of an owner of leases: its workers own theirs as `name/1` and so on. */
export function nodeOfOwner(owner: string): string {
  const slash = owner.indexOf('/');
  return slash === -1 ? owner : owner.slice(0, slash);
}

/** What a node may be called: in a key, a line of a log, the policy. */
export function isNodeName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name);
}
