import { messageIdOf, type DeliveryId, type MessageId } from '../../message/ids.ts';
import type { Priority } from '../../message/message.ts';
import type { FreshDelivery } from '../../spool/handoff.ts';
import type { LeasedDelivery } from '../../spool/spool.ts';
import type { Lane } from '../lanes/lane.ts';
import type { Entry, FreshContent, Group } from './entry.ts';

/** With less room than this nothing is claimed from the store: a claim waits until there is more. */
export const CLAIM_LEAST = 10;

/** Deliveries in memory at most, by who may fill the window so far: there is always room for a password reset. */
const MOST_HELD = { low: 1_200, normal: 1_600, high: 2_000 } as const satisfies Record<Priority, number>;
/** A part of that which is no smaller, however many share it: what one worker needs to keep its connections busy. */
const LEAST_PART = 0.1;
const FRESH_BYTES = 64 * 1024 ** 2;
/** Of one lane: at most, and at least however full the window is. */
const LANE_MOST = 256;
const LANE_LEAST = 2;
/** Beyond its share a lane takes so many high ones. */
const LANE_EXTRA_HIGH = 32;

/**
 * What is in memory: deliveries under lease, reservations, and content that has not been sent yet. Bounded by figures of
 * its own, never by the length of the queue. A lane's share is a quarter of the room that is left, so that lanes that
 * stand still can never fill the window: the more there are, the smaller their shares, and some room always remains.
 */
export class Window {
  readonly #entries = new Map<DeliveryId, Entry>();
  readonly #reserved = new Map<DeliveryId, Lane>();
  readonly #fresh = new Map<MessageId, FreshContent>();
  readonly #share: (limit: number) => number;
  #freshBytes = 0;

  /** @param share this worker's part of what all may hold; what one takes of a lane must leave some to the others */
  constructor(share: (limit: number) => number = (limit) => limit) {
    this.#share = share;
  }

  get entries(): ReadonlyMap<DeliveryId, Entry> {
    return this.#entries;
  }

  get held(): number {
    return this.#entries.size + this.#reserved.size;
  }

  get freshBytes(): number {
    return this.#freshBytes;
  }

  /** How many more may be claimed from the store. */
  get claimRoom(): number {
    return Math.max(0, this.#most('low') - this.held);
  }

  /** How many a lane may have in memory now; of what is claimed, unless another priority is named. */
  laneShare(priority: Priority = 'low'): number {
    return Math.min(this.#part(LANE_MOST), Math.max(LANE_LEAST, Math.floor((this.#most(priority) - this.held) / 4)));
  }

  /** Whether the lane has drained so far that it is worth claiming more for it. */
  wantsMore(lane: Lane): boolean {
    return lane.held * 2 <= this.laneShare();
  }

  /** Whether there is room for any delivery of that priority. */
  isOpenTo(priority: Priority): boolean {
    return this.held < this.#most(priority);
  }

  /** Keeps room for a delivery that is about to be accepted; false: there is none. */
  reserve(delivery: FreshDelivery, lane: Lane): boolean {
    const extra = delivery.priority === 'high' ? LANE_EXTRA_HIGH : 0;
    if (!this.isOpenTo(delivery.priority) || lane.held >= this.laneShare(delivery.priority) + extra) return false;
    if (this.#reserved.has(delivery.id) || this.#entries.has(delivery.id)) return false;
    this.#reserved.set(delivery.id, lane);
    lane.held += 1;
    return true;
  }

  /** @returns false when it was not reserved */
  unreserve(id: DeliveryId): boolean {
    const lane = this.#reserved.get(id);
    if (lane === undefined) return false;
    this.#reserved.delete(id);
    lane.held -= 1;
    return true;
  }

  /** Whether content stays in memory when a delivery of its message is admitted. */
  hasRoomFor(id: MessageId, bytes: Buffer): boolean {
    return this.#fresh.has(id) || this.#freshBytes + bytes.length <= this.#share(FRESH_BYTES);
  }

  /** Takes a delivery in, under lease. @param content null: it will be read from the store */
  admit(leased: LeasedDelivery, at: Placing): Entry {
    const { lane, group, content, nowMs } = at;
    if (this.#entries.has(leased.delivery.id)) throw new Error(`${leased.delivery.id} is in memory already`);
    const entry: Entry = {
      leased,
      lane,
      group,
      content: content === null ? null : this.#keep(leased.message.id, content),
      state: 'arrived',
      abort: new AbortController(),
      heldSinceMs: nowMs,
      triedSinceMs: null,
      ticket: null,
      underWay: null,
      isSetAside: false,
    };
    this.#entries.set(leased.delivery.id, entry);
    lane.held += 1;
    return entry;
  }

  /**
   * The store handed out what is in memory: its lease was taken for a dead node's. What is under way goes on by the new
   * one. @returns false: it is not in memory
   */
  renew(leased: LeasedDelivery): boolean {
    const entry = this.#entries.get(leased.delivery.id);
    if (entry === undefined) return false;
    entry.leased = leased;
    return true;
  }

  /** The same delivery in another group: its old entry is `gone`. */
  regroup(entry: Entry, group: Group): Entry {
    const moved: Entry = { ...entry, group, state: 'arrived' };
    entry.content = null;
    this.#entries.set(entry.leased.delivery.id, moved);
    return moved;
  }

  /** It is no longer ours to try. */
  release(entry: Entry): void {
    const { id } = entry.leased.delivery;
    if (this.#entries.get(id) !== entry) return;
    this.#entries.delete(id);
    entry.lane.held -= 1;
    entry.state = 'gone';
    this.#drop(entry);
  }

  #most(priority: Priority): number {
    return this.#part(MOST_HELD[priority]);
  }

  #part(limit: number): number {
    return Math.max(Math.floor(limit * LEAST_PART), this.#share(limit));
  }

  #keep(id: MessageId, bytes: Buffer): FreshContent | null {
    const known = this.#fresh.get(id);
    if (known !== undefined) {
      known.holders += 1;
      return known;
    }
    if (!this.hasRoomFor(id, bytes)) return null;
    const fresh = { bytes, holders: 1 };
    this.#fresh.set(id, fresh);
    this.#freshBytes += bytes.length;
    return fresh;
  }

  #drop(entry: Entry): void {
    const { content } = entry;
    if (content === null) return;
    entry.content = null;
    content.holders -= 1;
    if (content.holders > 0) return;
    this.#fresh.delete(messageIdOf(entry.leased.delivery.id));
    this.#freshBytes -= content.bytes.length;
  }
}

export type Placing = {
  readonly lane: Lane;
  readonly group: Group;
  readonly content: Buffer | null;
  readonly nowMs: number;
};
