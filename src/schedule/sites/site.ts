import type { Priority } from '../../message/message.ts';
import type { Shape } from '../../policy/shaping.ts';
import type { Choice } from '../../routing/choose.ts';
import { afterMessage, earliestMs, paceOf, UNPACED, type Pace, type Paced } from '../../routing/pace.ts';
import type { Lane } from '../lanes/lane.ts';
import type { Group } from '../window/entry.ts';
import type { SiteFeedback } from './site-feedback.ts';

/** What is under way to a site by one exit, and what it takes from that exit. */
export type SiteExit = {
  feedback: SiteFeedback;
  inFlight: number;
  /** Number of the next attempt, from 1. */
  next: number;
  startedMs: number;
};

/** What a worker may use of a site's figures. */
export type SiteFigures = Pick<Shape, 'connections' | 'rate' | 'provider'>;

const FIRST_GUESS_MS = 1_000;
/** Weight of one attempt in what attempts take of late. */
const NEWS = 0.1;
/** Rather some too early, which wait in memory, than too late. */
const AHEAD = 0.75;

/** The hosts that take mail for some domains, as the scheduler sees them: what is under way, and what it may be. */
export class Site {
  readonly name: string;
  /** null: none that is known. */
  provider: string | null;
  /** Attempts at once, over all exits. */
  most: number;
  /** Its rate as people write it; null: none. */
  rate: Shape['rate'];
  inFlight = 0;
  /** Deliveries that wait in memory, in all of its lanes. */
  waiting = 0;
  readonly exits = new Map<string, SiteExit>();
  /** Exits that it takes less from than the policy allows. */
  readonly narrowed = new Set<string>();
  /** Lanes that have mail and may start an attempt, and that nothing can be started of; by priority. */
  readonly parked: Readonly<Record<Priority, Set<Lane>>> = { high: new Set(), normal: new Set(), low: new Set() };
  /** What its groups would get now; see `Groups`. */
  readonly choices = new Map<Group, Choice>();
  /** The generation of the exits, and its own version, when `choices` were made. */
  chosenAt = -1;
  chosenFor = -1;
  /** Changes with everything that can change a choice. */
  version = 0;
  usedMs: number;
  /** Its hosts are being looked up, and are about to be known: until then, monotonic ms. */
  unknownUntilMs = Number.NEGATIVE_INFINITY;
  #pace: Pace | null = null;
  #paced: Paced = UNPACED;
  /** What an attempt takes, of late. */
  #attemptMs = FIRST_GUESS_MS;
  /** Up to when turns are given to what waits outside of memory. */
  #turnsUntilMs = Number.NEGATIVE_INFINITY;

  constructor(name: string, figures: SiteFigures, nowMs: number) {
    this.name = name;
    this.provider = figures.provider;
    this.most = figures.connections;
    this.rate = null;
    this.usedMs = nowMs;
    this.allow(figures);
  }

  /** Whether these are the figures that hold. */
  has({ connections, rate, provider }: SiteFigures): boolean {
    const isSameRate = this.rate?.count === rate?.count && this.rate?.windowMs === rate?.windowMs;
    return this.most === connections && isSameRate && this.provider === provider;
  }

  /** Other figures hold. */
  allow({ connections, rate, provider }: SiteFigures): void {
    this.provider = provider;
    this.most = connections;
    this.rate = rate;
    this.#pace = rate === null ? null : paceOf(rate);
    this.version += 1;
  }

  /** One more is under way. */
  start(nowMs: number): void {
    this.inFlight += 1;
    this.usedMs = nowMs;
    this.version += 1;
    if (this.#pace !== null) this.#paced = afterMessage(this.#paced, this.#pace, nowMs);
  }

  /** @param startedMs when it began */
  end(nowMs: number, startedMs: number): void {
    this.#attemptMs += (nowMs - startedMs - this.#attemptMs) * NEWS;
    this.inFlight -= 1;
    this.usedMs = nowMs;
    this.version += 1;
  }

  /**
   * When a delivery that does not wait in memory should come up, monotonic ms: behind those that do, and one behind the other,
   * a little faster than the site takes them.
   */
  turnOutside(nowMs: number): number {
    const everyMs = Math.max(this.everyMs, this.#attemptMs / this.most) * AHEAD;
    const firstMs = nowMs + (this.waiting / 2) * everyMs;
    this.#turnsUntilMs = Math.max(this.#turnsUntilMs, firstMs) + everyMs;
    return this.#turnsUntilMs;
  }

  /** Exits whose address it refuses. */
  get refused(): string[] {
    return [...this.exits].flatMap(([exit, { feedback }]) => (feedback.rests > 0 ? [exit] : []));
  }

  get isFull(): boolean {
    return this.inFlight >= this.most;
  }

  /** When its rate lets the next message go, monotonic ms; in the past: now. */
  get nextMs(): number {
    return this.#pace === null ? Number.NEGATIVE_INFINITY : earliestMs(this.#paced, this.#pace);
  }

  /** Whether it may keep any exit from being used now; if not, nothing need be asked. */
  isNarrow(nowMs: number): boolean {
    return this.narrowed.size > 0 || this.isFull || this.nextMs > nowMs || this.unknownUntilMs > nowMs;
  }

  /** Time between two messages at its rate, ms; 0: none. */
  get everyMs(): number {
    return this.#pace === null ? 0 : this.#pace.distanceMs / this.#pace.perGroup;
  }
}

/** The mailbox provider to which its mail is counted; `other`: none of the known ones, or its hosts are not known yet. */
export function providerAt({ provider }: Pick<Site, 'provider'>): string {
  return provider ?? 'other';
}
