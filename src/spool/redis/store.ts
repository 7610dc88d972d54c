import { crc32 } from 'node:zlib';
import type { MessageEvent } from '../../message/event.ts';
import type { Clock } from '../../ports.ts';
import { nodeOfOwner, takesMail } from '../nodes.ts';
import { Turns } from '../turns.ts';
import type { Keys } from './keys.ts';
import { SCRIPTS } from './scripts.ts';
import { nodesOf } from './node-list.ts';
import type { RedisLink, Script, ScriptArgument } from './link.ts';

export type StoreOptions = {
  readonly link: RedisLink;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly node: string;
  /** How the spool is kept, and when it was made. */
  readonly format: string;
  readonly onEvents: (events: readonly MessageEvent[]) => void;
  readonly holdWhenInDoubt: () => readonly string[];
  readonly feed: () => boolean;
};

/** Mail that waits for a node which does not take it is anybody's after so long. */
const LEFT_LYING_MS = 600_000;
const LOOK_EVERY_MS = 2_000;

/** A token has 32 bits: 65,000 leases of one delivery at least. */
const STRIDES = 65_521;

/** A shard; `extra` is `KEYS[16]`, in the same slot. */
type Place = number | { readonly shard: number; readonly extra: string };

/** The shards as the operations see them, and what one process remembers between them. */
export class Store {
  readonly keys: Keys;
  readonly clock: Clock;
  /** Owner of the leases that are booked here. */
  readonly node: string;
  readonly format: string;
  /**
   * By how much a lease that is booked here raises the token of a delivery. Not the same for any two nodes: a failover that
   * loses a lease does not give its token again to another.
   */
  readonly stride: number;
  readonly turns = new Turns();
  readonly holdWhenInDoubt: () => readonly string[];
  /** Whether somebody here is known to follow the history. */
  readonly isFollowed: () => boolean;
  readonly #link: RedisLink;
  readonly #onEvents: (events: readonly MessageEvent[]) => void;
  /** Nodes that took mail when somebody looked last; null: nobody did. */
  #upNodes: ReadonlySet<string> | null = null;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #wantsNodes = false;
  /** Who does now what must not be done twice at once. */
  readonly #lines = new Map<string, Promise<unknown>>();

  constructor(options: StoreOptions) {
    this.keys = options.keys;
    this.clock = options.clock;
    this.node = options.node;
    this.format = options.format;
    this.stride = 1 + (crc32(options.node) % STRIDES);
    this.holdWhenInDoubt = options.holdWhenInDoubt;
    this.isFollowed = options.feed;
    this.#link = options.link;
    this.#onEvents = options.onEvents;
  }

  /** The numbers of the shards. */
  get shards(): readonly number[] {
    return this.keys.ofShard.map((_, shard) => shard);
  }

  /**
   * Works on a shard. Enough for what undoes itself when it is lost: a settlement that a failover loses leaves its lease,
   * which is then found in doubt.
   */
  run(at: Place, script: Script, args: readonly ScriptArgument[]): Promise<unknown> {
    return this.#link.run(script, this.#keysAt(at), args);
  }

  /** The same together with what else comes at that time. */
  runTogether(at: Place, script: Script, args: readonly ScriptArgument[]): Promise<unknown> {
    return this.#link.runTogether(script, this.#keysAt(at), args);
  }

  /** As durable as the policy asks, or refused: for what a 250 stands for. */
  durably(at: Place, script: Script, args: readonly ScriptArgument[]): Promise<unknown> {
    return this.#link.runDurably(script, this.#keysAt(at), args);
  }

  /**
   * As durable as the policy asks while the server can do that. What takes mail off a server goes on when nothing can be
   * put on it: a full one would stay full.
   */
  firmly(at: Place, script: Script, args: readonly ScriptArgument[]): Promise<unknown> {
    return this.isSound ? this.durably(at, script, args) : this.run(at, script, args);
  }

  /** On a key of its own. */
  runOn(key: string, script: Script, args: readonly ScriptArgument[]): Promise<unknown> {
    return this.#link.run(script, [key], args);
  }

  /** On a key of its own, as `firmly`. */
  runFirmlyOn(key: string, script: Script, args: readonly ScriptArgument[]): Promise<unknown> {
    return this.isSound ? this.#link.runDurably(script, [key], args) : this.#link.run(script, [key], args);
  }

  /** On keys of one slot. */
  runOnKeys(keys: readonly string[], script: Script, args: readonly ScriptArgument[]): Promise<unknown> {
    return this.#link.run(script, keys, args);
  }

  /** On keys of one slot, as `durably`. */
  durablyOnKeys(keys: readonly string[], script: Script, args: readonly ScriptArgument[]): Promise<unknown> {
    return this.#link.runDurably(script, keys, args);
  }

  /** On keys of one slot, as `firmly`. */
  firmlyOnKeys(keys: readonly string[], script: Script, args: readonly ScriptArgument[]): Promise<unknown> {
    return this.isSound ? this.#link.runDurably(script, keys, args) : this.#link.run(script, keys, args);
  }

  /** Whether mail that waits for a node, since `dueAtMs`, may be claimed here. */
  mayTakeFor(node: string, dueAtMs: number): boolean {
    if (node === nodeOfOwner(this.node)) return true;
    this.#wantsNodes = true;
    return (this.#upNodes !== null && !this.#upNodes.has(node)) || this.clock.nowMs() - dueAtMs > LEFT_LYING_MS;
  }

  /** Looks which nodes are up, where that was asked since, and not a moment ago. */
  async lookAtNodes(): Promise<void> {
    const nowMs = this.clock.nowMs();
    if (!this.#wantsNodes || Math.abs(nowMs - this.#lookedMs) < LOOK_EVERY_MS) return;
    const nodes = nodesOf(listOf(await this.runOn(this.keys.nodes, SCRIPTS.nodes, [])));
    this.#upNodes = new Set(nodes.filter((node) => takesMail(node, nowMs)).map(({ name }) => name));
    this.#lookedMs = nowMs;
    this.#wantsNodes = false;
  }

  get isSound(): boolean {
    return this.#link.trouble() === null;
  }

  /** Tells what the engine did by itself. */
  tell(events: readonly MessageEvent[]): void {
    if (events.length > 0) this.#onEvents(events);
  }

  /** Runs `turn` when those of this process that came to the same line before are done. */
  async inTurn<Result>(line: string, turn: () => Promise<Result>): Promise<Result> {
    const before = this.#lines.get(line);
    const mine = (async () => {
      await before?.catch(() => undefined);
      return turn();
    })();
    this.#lines.set(line, mine);
    try {
      return await mine;
    } finally {
      if (this.#lines.get(line) === mine) this.#lines.delete(line);
    }
  }

  #keysAt(at: Place): readonly string[] {
    if (typeof at === 'number') return this.keys.ofShard[at] ?? [];
    return [...(this.keys.ofShard[at.shard] ?? []), at.extra];
  }
}

/** A reply that is text. */
export function textOf(reply: unknown): string {
  return Buffer.isBuffer(reply) ? reply.toString() : String(reply);
}

/** A reply that is a list. */
export function listOf<Element = unknown>(reply: unknown): readonly Element[] {
  return Array.isArray(reply) ? (reply as Element[]) : [];
}
