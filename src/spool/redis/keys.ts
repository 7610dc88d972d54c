/**
 * The keys of a spool in Redis: a fixed few a shard, all in one slot, so that a script names every key that it touches.
 * `<prefix>{<tag>}:<name>`; the tag is what Redis Cluster hashes, and tells which shard it is.
 *
 * | name | type | what is in it |
 * | --- | --- | --- |
 * | `messages` | hash | message id → its record: figures, meta, the first events (records.ts) |
 * | `events` | hash | `<message id>:<n>` → what was told of the message after that; the record says how many fields there are |
 * | `deliveries` | hash | delivery id → its record |
 * | `contents` | hash | message id → content (content-form.ts); gone with the last delivery |
 * | `queue` | sorted set, by name | ids of messages that are not finished: for operators, newest first |
 * | `leases` | sorted set | delivery id, by the end of its lease |
 * | `finished` | sorted set | message id, by when it was finished: for forgetting |
 * | `tally` | hash | figures of the overview that no other key has |
 * | `ready` | sorted set, by name | priority, lane, client, due time, delivery id: due deliveries of a client in order of time |
 * | `lanes:<p>` | sorted set | lane and client, by when it has something due: those that wait longest first |
 * | `providers` | sorted set, by name | provider's id and message id: only of mail that a provider took |
 * | `feed` | stream | events of all messages in order, by reference; only where somebody wants it (feed.ts) |
 * | `shape` | hash | stretch of time and domain → how many deliveries of messages of that time wait for it (shape.ts) |
 *
 * A lane is a destination, `dest.example`; beside it, `dest.example@node` has what was handed back for that node.
 *
 * Memory of a queued message (`node scripts/redis-memory.ts`): its content, compressed, rounded up to the allocator's next
 * size (a quarter more at most; 4,101 bytes take 5,120) + about 1,150 bytes + about 375 for each further delivery. As
 * history, once delivered: about 900 to 1,300 bytes. What no longer fits into its record takes about 100 bytes more than
 * its text for each settlement.
 */
import { crc32 } from 'node:zlib';
import type { MessageId } from '../../message/ids.ts';
import type { Quota } from '../ledger.ts';

/** In the order in which shard.lua names them. */
const NAMES = [
  'messages',
  'deliveries',
  'contents',
  'queue',
  'leases',
  'finished',
  'tally',
  'ready',
  'lanes:0',
  'lanes:1',
  'lanes:2',
  'events',
  'providers',
  'feed',
  'shape',
];
const SLOTS = 16_384;

/** What has keys of its own, with the name in each. */
export type NameKind = 'dedupe' | 'quota' | 'slot' | 'figures' | 'turn';

/** Where things are, for one number of shards. */
export class Keys {
  readonly shards: number;
  /** By shard: `KEYS[1]` to `KEYS[15]` of the scripts that work on one. */
  readonly ofShard: readonly (readonly string[])[];
  /** The nodes that share the spool: a hash by name. */
  readonly nodes: string;
  /** The names of all accounts that have figures: a sorted set by name. Beside all figures. */
  readonly accounts: string;
  /** Marks: their names, a sorted set by name; and a hash by name. */
  readonly marks: readonly [names: string, texts: string];
  /** Suppressions, as suppression.lua names them. */
  readonly suppressions: readonly [entries: string, order: string, numbers: string, ends: string];
  readonly #stems: readonly string[];

  /** @throws RangeError where the prefix would decide about slots */
  constructor(prefix: string, shards: number) {
    if (/[{}]/.test(prefix)) throw new RangeError('the prefix of the keys must not have braces');
    this.shards = shards;
    this.nodes = `${prefix}{nodes}:nodes`;
    this.#stems = Array.from({ length: shards }, (_, shard) => `${prefix}{${tagOf(shard, shards)}}:`);
    const first = this.#stems[0] ?? '';
    this.accounts = `${first}accounts`;
    this.marks = [`${first}mark-names`, `${first}marks`];
    this.suppressions = [
      `${first}suppressions`,
      `${first}suppression-order`,
      `${first}suppression-numbers`,
      `${first}suppression-ends`,
    ];
    this.ofShard = this.#stems.map((stem) => NAMES.map((name) => stem + name));
  }

  /** The stream of references to all events of a shard. */
  feed(shard: number): string {
    return this.ofShard[shard]?.[NAMES.indexOf('feed')] ?? '';
  }

  /** The shard in which all of a message is. */
  shardOf(id: MessageId): number {
    return crc32(id) % this.shards;
  }

  /** Where the first message with a digest is remembered; beside the message where there is but one shard. */
  dedupe(digest: string): string {
    return `${this.#stemFor(digest)}dedupe:${digest}`;
  }

  /** Marks a message that must not be accepted any more; in its shard. */
  barred(id: MessageId): string {
    return `${this.#stems[this.shardOf(id)] ?? ''}barred:${id}`;
  }

  /** One window of an account. */
  quota({ account, startsAtMs, endsAtMs }: Quota): string {
    return `${this.#stemFor(account)}quota:${endsAtMs - startsAtMs}:${startsAtMs}:${account}`;
  }

  /** The last slot of an account. */
  slot(account: string): string {
    return `${this.#stemFor(account)}slot:${account}`;
  }

  /** The figures of an account: a sorted set by start. All in one slot, so that those of one call are written at once. */
  figures(account: string): string {
    return `${this.#stems[0] ?? ''}figures:${account}`;
  }

  /** The place of a circle that was taken last. */
  turn(account: string): string {
    return `${this.#stemFor(account)}turn:${account}`;
  }

  /** What came to a shard with a move that has not ended: a hash of kind and name. */
  arrived(shard: number): string {
    return `${this.#stems[shard] ?? ''}arrived`;
  }

  /** The shard in which a digest, or what was drawn from an account, is remembered. */
  shardOfName(name: string): number {
    return crc32(name) % this.shards;
  }

  /** How the names of a shard's digests, or of what was drawn, begin. */
  stemOf(shard: number, kind: NameKind): string {
    return `${this.#stems[shard] ?? ''}${kind}:`;
  }

  #stemFor(name: string): string {
    return this.#stems[this.shardOfName(name)] ?? '';
  }
}

/** The destination of a lane, and the node that its mail waits for; null: none, whoever claims gets it. */
export function partsOfLane(lane: string): { readonly domain: string; readonly node: string | null } {
  const at = lane.indexOf('@');
  return at === -1 ? { domain: lane, node: null } : { domain: lane.slice(0, at), node: lane.slice(at + 1) };
}

/** Tells how a spool is kept; one a prefix, known before the number of shards is. */
export function formatKey(prefix: string): string {
  return `${prefix}{format}`;
}

/** Has the mark of a move that the spool has part in. */
export function moveKey(prefix: string): string {
  return `${prefix}{format}:move`;
}

/** The least number whose slot is in the shard's part of all slots: however a cluster is cut evenly, so are the shards. */
function tagOf(shard: number, shards: number): string {
  for (let tag = 0; ; tag++) {
    if (Math.floor((slotOf(String(tag)) * shards) / SLOTS) === shard) return String(tag);
  }
}

/** Redis Cluster specification, "Key distribution model": CRC-16/XMODEM of the tag, modulo 16,384. */
function slotOf(tag: string): number {
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  }
  return crc % SLOTS;
}
