import type { Priority } from '../../message/message.ts';
import type { Site } from '../sites/site.ts';
import type { Entry, Group } from '../window/entry.ts';
import { freshFeedback, type Feedback } from './feedback.ts';
import { PriorityTurns } from './turns.ts';

/** What a client may send in one turn, in cost: an ordinary message costs 1, a large one its share of bandwidth. */
const QUANTUM = 1;
const BYTES_PER_COST = 65_536;

/** Deliveries of one client and group, first come first served. Entries that left otherwise are skipped. */
class Line {
  #entries: Entry[] = [];
  #head = 0;
  #waiting = 0;

  get isEmpty(): boolean {
    return this.#waiting === 0;
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
    this.#waiting += 1;
  }

  /** One of it stopped waiting. What left is let go of before it outnumbers what waits. */
  left(): void {
    this.#waiting -= 1;
    if (this.#entries.length < 64 || this.#entries.length <= this.#waiting * 2) return;
    this.#entries = this.#entries.slice(this.#head).filter(({ state }) => state === 'waiting');
    this.#head = 0;
  }

  /** The first that still waits; it stays the first until it no longer does. */
  first(): Entry | null {
    for (let entry = this.#entries[this.#head]; entry !== undefined; entry = this.#entries[this.#head]) {
      if (entry.state === 'waiting') return entry;
      this.#head += 1;
    }
    this.#entries = [];
    this.#head = 0;
    return null;
  }
}

type ClientLines = { readonly client: string; credit: number; readonly lines: Map<Group, Line> };

/** One priority of a lane: deficit round robin between clients. */
class Rank {
  /** Clients with something waiting; the first is next. */
  readonly #clients: ClientLines[] = [];
  /** Of what waits, with how many. */
  readonly groups = new Map<Group, number>();
  waiting = 0;

  push(entry: Entry): void {
    const name = entry.leased.delivery.client;
    let client = this.#clients.find((one) => one.client === name);
    if (client === undefined) {
      client = { client: name, credit: 0, lines: new Map() };
      this.#clients.push(client);
    }
    let line = client.lines.get(entry.group);
    if (line === undefined) client.lines.set(entry.group, (line = new Line()));
    line.push(entry);
    this.waiting += 1;
    this.groups.set(entry.group, (this.groups.get(entry.group) ?? 0) + 1);
  }

  /** An entry stopped waiting, taken or otherwise. */
  left(entry: Entry): void {
    this.waiting -= 1;
    const count = (this.groups.get(entry.group) ?? 0) - 1;
    if (count > 0) this.groups.set(entry.group, count);
    else this.groups.delete(entry.group);
    this.#leave(entry);
  }

  /** Nothing is kept of a line or a client without mail: nobody may pass here while no exit is open. */
  #leave({ group, leased }: Entry): void {
    const place = this.#clients.findIndex(({ client }) => client === leased.delivery.client);
    const client = this.#clients[place];
    const line = client?.lines.get(group);
    if (client === undefined || line === undefined) return;
    line.left();
    if (line.isEmpty) client.lines.delete(group);
    if (client.lines.size === 0) this.#clients.splice(place, 1);
  }

  canServe(isOpen: (group: Group) => boolean): boolean {
    for (const group of this.groups.keys()) if (isOpen(group)) return true;
    return false;
  }

  /** The next entry whose group has an exit, in turn; it still waits. */
  next(isOpen: (group: Group) => boolean): Entry | null {
    // As many rounds as the dearest message needs; those who cannot be served now neither gain nor lose.
    for (;;) {
      let servable = false;
      for (let left = this.#clients.length; left > 0; left--) {
        const client = this.#clients[0];
        if (client === undefined) return null;
        const found = firstOpen(client, isOpen);
        if (found === null) {
          this.#passOn(client);
          continue;
        }
        servable = true;
        if (client.credit >= costOf(found)) {
          client.credit -= costOf(found);
          passGroupOn(client, found.group);
          return found;
        }
        client.credit += QUANTUM;
        if (this.#clients.length > 1) this.#clients.push(...this.#clients.splice(0, 1));
      }
      if (!servable) return null;
    }
  }

  /** To the end of the round; out of it with nothing left. */
  #passOn(client: ClientLines): void {
    this.#clients.shift();
    if (client.lines.size > 0) this.#clients.push(client);
  }
}

function firstOpen(client: ClientLines, isOpen: (group: Group) => boolean): Entry | null {
  for (const [group, line] of client.lines) {
    const entry = line.first();
    if (entry === null) client.lines.delete(group);
    else if (isOpen(group)) return entry;
  }
  return null;
}

/** Groups of one client take turns too: the one served goes to the end. */
function passGroupOn(client: ClientLines, group: Group): void {
  const line = client.lines.get(group);
  if (client.lines.size < 2 || line === undefined) return;
  client.lines.delete(group);
  client.lines.set(group, line);
}

function costOf(entry: Entry): number {
  return 1 + Math.floor(entry.leased.message.sizeBytes / BYTES_PER_COST);
}

/** The deliveries in memory for one destination domain, and what is learnt of that destination. */
export class Lane {
  readonly domain: string;
  /** Whose hosts take its mail, as far as it is known. */
  site: Site;
  feedback: Feedback;
  /** Attempts under way. */
  inFlight = 0;
  /** Number of the next attempt, from 1. */
  nextAttempt = 1;
  /** The store has, or may have, more for this lane that came before: fresh mail must not overtake it. */
  behind = false;
  /** Deliveries in memory in any state, reservations included. */
  held = 0;
  /** Until then no exit takes its mail, monotonic ms. */
  shutUntilMs = Number.NEGATIVE_INFINITY;
  /** Monotonic time of the last sign of life: something started, ended or arrived at an empty lane. */
  movedAtMs: number;
  readonly #turns = new PriorityTurns();
  readonly #ranks = { high: new Rank(), normal: new Rank(), low: new Rank() } as const;

  constructor(domain: string, { site, nowMs }: { readonly site: Site; readonly nowMs: number }) {
    this.domain = domain;
    this.site = site;
    this.feedback = freshFeedback(site.most);
    this.movedAtMs = nowMs;
  }

  get waiting(): number {
    return this.#ranks.high.waiting + this.#ranks.normal.waiting + this.#ranks.low.waiting;
  }

  waitingOf(priority: Priority): number {
    return this.#ranks[priority].waiting;
  }

  /** Of what waits of that priority, with how many. */
  groupsOf(priority: Priority): ReadonlyMap<Group, number> {
    return this.#ranks[priority].groups;
  }

  push(entry: Entry): void {
    entry.state = 'waiting';
    this.#ranks[entry.leased.delivery.priority].push(entry);
    entry.group.waiting += 1;
  }

  /** Takes an entry out of its line, wherever it stands. */
  remove(entry: Entry, state: 'trying' | 'settling' | 'gone'): void {
    const waited = entry.state === 'waiting';
    entry.state = state;
    if (!waited) return;
    entry.group.waiting -= 1;
    this.#ranks[entry.leased.delivery.priority].left(entry);
  }

  canServe(priority: Priority, isOpen: (group: Group) => boolean): boolean {
    return this.#ranks[priority].canServe(isOpen);
  }

  /** The entry whose turn it is among those whose group has an exit now; it is then `trying`. */
  take(isOpen: (group: Group) => boolean): Entry | null {
    const priority = this.#turns.next((one) => this.#ranks[one].canServe(isOpen));
    const entry = priority === null ? null : this.#ranks[priority].next(isOpen);
    if (priority === null || entry === null) return null;
    this.#turns.took(priority);
    this.remove(entry, 'trying');
    return entry;
  }
}
