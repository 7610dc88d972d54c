import { PRIORITIES, type Priority } from '../../message/message.ts';
import type { Site } from '../sites/site.ts';
import type { Sites } from '../sites/sites.ts';
import type { Entry, Group } from '../window/entry.ts';
import { afterSignal, connectionsFor, isResting, isSuspect, withMost, type Signal } from './feedback.ts';
import { Lane } from './lane.ts';
import { Ring } from './ring.ts';
import { PriorityTurns } from './turns.ts';

/** What is remembered of a destination without work, and for how many at most. */
const REMEMBERED_MS = 1_800_000;
const REMEMBERED_LANES = 20_000;
/** Deliveries of one site in memory that wait for it: more of them stay in the store, that others have room. */
export const CROWD = 400;
/** Lanes of one site that are looked at again in a second, where it may be something else that they wait for. */
const REVIVED_MOST = 100;

/** Whether an attempt of that group may begin at that site now; null: anywhere. What is closed anywhere is so at each site. */
export type IsOpen = (group: Group, site: Site | null) => boolean;

/**
 * All lanes, and whose turn it is among them when connections are short: priorities by weight, and inside a priority one
 * lane after the other. A lane that is at its limit or rests stands in no ring, so that a turn costs no search; nor does
 * one whose site takes nothing now: it is parked with its site, which puts back as many lanes as there is room for. Those
 * whose mail waits for an exit are passed over all together.
 */
export class Lanes {
  readonly #lanes = new Map<string, Lane>();
  readonly #rings: Record<Priority, Ring> = { high: new Ring(), normal: new Ring(), low: new Ring() };
  readonly #turns = new PriorityTurns();
  readonly #resting = new Set<Lane>();
  /** Destinations without a lane for which the store has mail that came before; the oldest are forgotten. */
  readonly #behind = new Set<string>();
  /** Sites with lanes that are parked. */
  readonly #crowded = new Set<Site>();
  readonly #sites: Sites;
  readonly #monotonicMs: () => number;

  constructor(needs: { readonly sites: Sites; readonly monotonicMs: () => number }) {
    this.#sites = needs.sites;
    this.#monotonicMs = needs.monotonicMs;
  }

  get all(): Iterable<Lane> {
    return this.#lanes.values();
  }

  get size(): number {
    return this.#lanes.size;
  }

  find(domain: string): Lane | undefined {
    return this.#lanes.get(domain);
  }

  laneOf(domain: string): Lane {
    let lane = this.#lanes.get(domain);
    if (lane === undefined) {
      lane = new Lane(domain, { site: this.#sites.siteOf(domain), nowMs: this.#monotonicMs() });
      lane.behind = this.#behind.delete(domain);
      this.#lanes.set(domain, lane);
    }
    return lane;
  }

  /** Whether the store may have mail for it that came before. */
  isBehind(domain: string): boolean {
    return this.#lanes.get(domain)?.behind ?? this.#behind.has(domain);
  }

  /** The store gets mail for it. Makes no lane: there may be as many destinations in the store as there are. */
  fellBehind(domain: string): void {
    const lane = this.#lanes.get(domain);
    if (lane !== undefined) {
      lane.behind = true;
      return;
    }
    this.#behind.add(domain);
    const [oldest] = this.#behind;
    if (this.#behind.size > REMEMBERED_LANES && oldest !== undefined) this.#behind.delete(oldest);
  }

  /** A claim took all that there was for destinations without a lane. */
  caughtUp(): void {
    this.#behind.clear();
  }

  /** Nothing is tried, taken in or claimed for it: its destination does not answer, or no exit takes its mail. */
  isResting(lane: Lane): boolean {
    const nowMs = this.#monotonicMs();
    return isResting(lane.feedback, nowMs) || lane.shutUntilMs > nowMs;
  }

  /** No exit takes its mail until then, monotonic ms. */
  shut(lane: Lane, untilMs: number): void {
    lane.shutUntilMs = untilMs;
    this.#resting.add(lane);
    this.#review(lane);
  }

  /** Exits are not what they were. */
  reopen(): void {
    for (const lane of this.#resting) lane.shutUntilMs = Number.NEGATIVE_INFINITY;
  }

  /** Connections that the lane may have now. */
  connectionsOf(lane: Lane): number {
    return connectionsFor(lane.feedback.limit, lane.waiting + lane.inFlight);
  }

  push(entry: Entry): void {
    const { lane } = entry;
    if (lane.waiting === 0 && lane.inFlight === 0) lane.movedAtMs = this.#monotonicMs();
    lane.push(entry);
    lane.site.waiting += 1;
    this.#review(lane);
  }

  remove(entry: Entry, state: 'settling' | 'gone'): void {
    const { lane } = entry;
    if (entry.state === 'waiting') lane.site.waiting -= 1;
    lane.remove(entry, state);
    this.#review(lane);
  }

  /** The next to be tried, now counted as under way; null: nothing can be tried now. */
  next(isOpen: IsOpen): { readonly entry: Entry; readonly number: number } | null {
    const found: Partial<Record<Priority, Lane>> = {};
    const priority = this.#turns.next((one) => {
      const lane = this.#firstIn(one, isOpen);
      if (lane !== null) found[one] = lane;
      return lane !== null;
    });
    const lane = priority === null ? undefined : found[priority];
    // The lane has turns of its own: it may prefer another priority than the one that brought it here.
    const entry = lane?.take((group) => isOpen(group, lane.site)) ?? null;
    if (priority === null || lane === undefined || entry === null) return null;
    this.#turns.took(entry.leased.delivery.priority);
    lane.site.waiting -= 1;
    for (const ring of Object.values(this.#rings)) ring.passOn(lane);
    lane.inFlight += 1;
    lane.movedAtMs = this.#monotonicMs();
    this.#review(lane);
    return { entry, number: lane.nextAttempt++ };
  }

  #firstIn(priority: Priority, isOpen: IsOpen): Lane | null {
    const canServe = (lane: Lane): boolean => {
      const { site } = lane;
      const can = lane.canServe(priority, (group) => isOpen(group, site));
      if (!can && this.#sites.isNarrow(site)) this.#park(lane, priority);
      return can;
    };
    return this.#rings[priority].next((group) => isOpen(group, null), canServe);
  }

  #park(lane: Lane, priority: Priority): void {
    this.#rings[priority].remove(lane);
    lane.site.parked[priority].add(lane);
    this.#crowded.add(lane.site);
    this.#sites.wakeLater(lane.site);
  }

  /** There is room for so many more attempts at the site. */
  unpark(site: Site, slots: number): void {
    for (const priority of PRIORITIES) {
      const parked = site.parked[priority];
      let left = slots;
      for (const lane of parked) {
        if (left-- <= 0) break;
        parked.delete(lane);
        this.#rings[priority].place(lane, lane.groupsOf(priority));
      }
    }
  }

  /** Looks again at lanes that are parked: they may wait for something else by now. */
  revive(): void {
    for (const site of this.#crowded) {
      this.unpark(site, this.#sites.isNarrow(site) ? REVIVED_MOST : Number.POSITIVE_INFINITY);
      if (PRIORITIES.every((priority) => site.parked[priority].size === 0)) this.#crowded.delete(site);
    }
  }

  /** The hosts of a domain are known, or are others. */
  moved(domain: string): void {
    const lane = this.#lanes.get(domain);
    if (lane !== undefined) this.#place(lane);
  }

  #place(lane: Lane): void {
    const site = this.#sites.siteOf(lane.domain);
    if (site !== lane.site) {
      for (const priority of PRIORITIES) lane.site.parked[priority].delete(lane);
      lane.site.waiting -= lane.waiting;
      site.waiting += lane.waiting;
      lane.site = site;
    }
    lane.feedback = withMost(lane.feedback, site.most);
    this.#review(lane);
  }

  /** Its site takes no more now, and much waits for it in memory already: what is urgent comes in all the same. */
  isCrowded({ site }: Lane, priority: Priority): boolean {
    return priority !== 'high' && site.waiting >= CROWD && this.#sites.isNarrow(site);
  }

  /** An attempt ended. Returns whether the lane was put to rest by it. */
  ended(lane: Lane, number: number, signal: Signal): boolean {
    const wasResting = this.isResting(lane);
    lane.inFlight -= 1;
    lane.movedAtMs = this.#monotonicMs();
    lane.feedback = afterSignal(lane.feedback, signal, {
      number,
      next: lane.nextAttempt,
      nowMs: lane.movedAtMs,
    });
    if (this.isResting(lane)) this.#resting.add(lane);
    else this.#resting.delete(lane);
    this.#review(lane);
    return !wasResting && this.isResting(lane);
  }

  /** What is under way hears nothing, and not for anything that the destination did: others may go in its place. */
  setAside(entry: Entry): void {
    if (entry.isSetAside) return;
    entry.isSetAside = true;
    entry.lane.inFlight -= 1;
    this.#review(entry.lane);
  }

  /** It is over, and ends as any other. */
  takeBack(entry: Entry): void {
    if (!entry.isSetAside) return;
    entry.isSetAside = false;
    entry.lane.inFlight += 1;
  }

  /** Lanes whose rest is over since the last call: they may be tried again. */
  woken(): readonly Lane[] {
    const woken = [...this.#resting].filter((lane) => !this.isResting(lane));
    for (const lane of woken) {
      this.#resting.delete(lane);
      lane.movedAtMs = this.#monotonicMs();
      this.#review(lane);
    }
    return woken;
  }

  get resting(): ReadonlySet<Lane> {
    return this.#resting;
  }

  /** The policy's limits changed. */
  adjust(): void {
    for (const lane of this.#lanes.values()) this.#place(lane);
  }

  /** Forgets destinations without work of which nothing worth keeping is known. */
  forget(): void {
    const nowMs = this.#monotonicMs();
    const used = new Set<Site>();
    for (const lane of this.#lanes.values()) {
      this.#place(lane);
      used.add(lane.site);
      if (lane.held > 0 || this.#resting.has(lane)) continue;
      const unremarkable = lane.feedback.limit === lane.feedback.most && !isSuspect(lane.feedback);
      const old = nowMs - lane.movedAtMs > REMEMBERED_MS;
      if (unremarkable || old || this.#lanes.size > REMEMBERED_LANES) {
        this.#lanes.delete(lane.domain);
        if (lane.behind) this.fellBehind(lane.domain);
      }
    }
    this.#sites.tidy(used);
  }

  /** In the rings of its priorities while it may start an attempt; in none otherwise. */
  #review(lane: Lane): void {
    const mayStart = lane.inFlight < this.connectionsOf(lane) && !this.isResting(lane);
    for (const priority of PRIORITIES) {
      lane.site.parked[priority].delete(lane);
      if (mayStart && lane.waitingOf(priority) > 0) this.#rings[priority].place(lane, lane.groupsOf(priority));
      else this.#rings[priority].remove(lane);
    }
  }
}
