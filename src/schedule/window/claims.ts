import type { Reply } from '../../message/reply.ts';
import type { LeasedDelivery } from '../../spool/spool.ts';
import { dispatch, endLate } from '../attempt/dispatch.ts';
import { isSuspect } from '../lanes/feedback.ts';
import { conclude, giveBack, LEASE_MS, spawn, tellFailure, termsFor, type Schedule } from '../schedule.ts';
import { deadlinesOf, jittered } from '../settlement/retry.ts';
import { screensFirst } from '../settlement/screen.ts';
import { putOff } from '../settlement/untried.ts';
import type { Entry } from './entry.ts';
import { EXCLUDE_MOST, leaveInStore, LOOK_EVERY_MS, putOffCrowded } from './put-off.ts';
import { PassedOver } from './passed-over.ts';
import { CLAIM_LEAST } from './window.ts';

/** Taken from the store at once: it answers others between two claims. */
const CLAIM_MOST = 128;
/** Of it from one lane: others with something due have their part of each. */
const CLAIM_LANE_MOST = 64;
/** The same after a claim of which nothing may be tried: it looks at more lanes. */
const CLAIM_LANE_LOOKING = 8;
/**
 * Between the starts of two runs, however often they are asked for. A claim of which nothing may be tried ends a run: behind exits that are
 * down there may be a million of it, all to be put off, and new mail and the status pages need the same store.
 */
const PAUSE_MS = 50;
/** Until mail whose sender was told of the delay comes up again in a lane that cannot be reached. */
const TOLD_MS = 60_000;

/** While every exit rests: so many are looked at, every `LOOK_EVERY_MS`, for those whose time is over. */
const LOOKED_AT = 100;

const UNREACHABLE: Reply = { code: 451, detail: '4.1', text: 'the destination cannot be reached' };

/** Fills the window from the store, one claim at a time, for as long as there is room and something due. */
export class Claims {
  readonly #schedule: Schedule;
  readonly #passedOver: PassedOver;
  #running = false;
  #startedMs = Number.NEGATIVE_INFINITY;
  #armed = false;
  #lookAgainMs = Number.NEGATIVE_INFINITY;
  /** Of the last claim nothing could be tried. */
  #isFruitless = false;
  #failingSinceMs: number | null = null;
  #alerted = false;

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
    this.#passedOver = new PassedOver(() => schedule.clock.monotonicMs());
  }

  soon(): void {
    const schedule = this.#schedule;
    schedule.claimWanted = true;
    if (this.#running || this.#armed || schedule.closing.signal.aborted || !schedule.delivers()) return;
    if (schedule.window.claimRoom < CLAIM_LEAST || this.#isPaused()) return;
    const pauseMs = this.#startedMs + PAUSE_MS - schedule.clock.monotonicMs();
    if (pauseMs > 0) {
      this.#armed = true;
      schedule.clock.after(pauseMs, () => {
        this.#armed = false;
        if (schedule.claimWanted) this.soon();
      });
      return;
    }
    this.#startedMs = schedule.clock.monotonicMs();
    this.#running = true;
    spawn(schedule, 'claim', () => this.#run());
  }

  async #run(): Promise<void> {
    const schedule = this.#schedule;
    let goesOn = false;
    try {
      while (schedule.claimWanted && schedule.window.claimRoom >= CLAIM_LEAST && !schedule.closing.signal.aborted) {
        if (this.#isPaused()) break;
        schedule.claimWanted = false;
        const { leased, passedOver } = await this.#claim();
        const nextMs = schedule.nextDueAtMs;
        // Nothing came although something is due: what keeps it is not ours to know; look again at the next tick.
        if (leased > 0 && nextMs !== null && nextMs <= schedule.clock.nowMs()) schedule.claimWanted = true;
        if (leased === 0 && passedOver > 0) {
          this.#passedOver.clear();
          schedule.claimWanted = true;
        }
        if (!this.#isFruitless) continue;
        goesOn = true;
        break;
      }
      this.#worked();
    } catch (cause) {
      this.#failed(cause);
    } finally {
      this.#running = false;
      // A store that refused is asked again at the next tick.
      if (goesOn && schedule.claimWanted) this.soon();
    }
  }

  /** Nothing can go out, and what is oldest was looked at a moment ago. */
  #isPaused(): boolean {
    const { clock, exits } = this.#schedule;
    return this.#lookAgainMs > clock.monotonicMs() && exits.restingUntil(null) !== null;
  }

  /** @returns how many came, and how many destinations were looked past */
  async #claim(): Promise<{ readonly leased: number; readonly passedOver: number }> {
    const schedule = this.#schedule;
    const rests = schedule.exits.restingUntil(null) !== null;
    const nowMs = schedule.clock.nowMs();
    const startMs = schedule.clock.monotonicMs();
    const laneMost = this.#isFruitless && !rests ? CLAIM_LANE_LOOKING : CLAIM_LANE_MOST;
    const perLane = Math.min(laneMost, schedule.window.laneShare());
    const limit = Math.min(rests ? LOOKED_AT : CLAIM_MOST, schedule.window.claimRoom);
    const passedOver = this.#passedOver.domains();
    const exclude = [...this.#excluded(), ...passedOver];
    const { leased, nextDueAtMs } = await schedule.spool.claim({
      nowMs,
      leaseUntilMs: nowMs + LEASE_MS,
      limit,
      perLane,
      exclude,
    });
    // What is looked past is due.
    schedule.nextDueAtMs = passedOver.length > 0 ? nowMs : nextDueAtMs;
    const of = { perLane, all: leased.length < limit, exclude: new Set(exclude) };
    this.#noteWhatIsLeft(leased, { ...of, everywhere: passedOver.length === 0 });
    // A claim that took long leaves little of its leases.
    schedule.leasesSeenMs = Math.min(schedule.leasesSeenMs, startMs);
    schedule.leasesSeenAtMs = Math.min(schedule.leasesSeenAtMs, nowMs);
    const fresh = leased.filter((one) => !schedule.window.renew(one));
    const unwanted = fresh.filter((one) => this.#isUnwanted(one));
    if (unwanted.length > 0) spawn(schedule, 'give back', () => giveBack(schedule, unwanted));
    const placed = fresh.filter((one) => !unwanted.includes(one)).map((one) => this.#admit(one));
    // While every exit rests they go back as they are, and are asked about when they may be sent.
    const isScreened = (entry: Entry): boolean =>
      !rests && screensFirst(schedule, entry, (one) => this.#placeAll([one]));
    const { blocked, left } = this.#placeAll(placed.filter((entry) => !isScreened(entry)));
    if (rests && left === leased.length) this.#lookAgainMs = startMs + LOOK_EVERY_MS;
    this.#isFruitless = blocked.length > 0 && blocked.length === leased.length;
    if (!rests && blocked.length > 0) this.#passOver(placed, new Set(blocked));
    return { leased: leased.length, passedOver: passedOver.length };
  }

  /** Nothing that came of these destinations may be tried now. */
  #passOver(placed: readonly Entry[], blocked: ReadonlySet<Entry>): void {
    const { lanes } = this.#schedule;
    const going = new Set(placed.filter((entry) => !blocked.has(entry)).map(({ lane }) => lane.domain));
    const kept = [...blocked].map(({ lane }) => lane).filter((lane) => !lanes.isResting(lane));
    this.#passedOver.add(new Set(kept.map(({ domain }) => domain).filter((domain) => !going.has(domain))));
  }

  #excluded(): string[] {
    const { lanes, window } = this.#schedule;
    const exclude = [...lanes.resting].filter((lane) => lanes.isResting(lane)).map(({ domain }) => domain);
    for (const lane of lanes.all) {
      if (!window.wantsMore(lane) && !lanes.isResting(lane)) exclude.push(lane.domain);
      if (exclude.length >= EXCLUDE_MOST) break;
    }
    return exclude;
  }

  /** Which lanes have more in the store than was taken: fresh mail must not overtake it. */
  #noteWhatIsLeft(
    leased: readonly LeasedDelivery[],
    of: {
      readonly perLane: number;
      readonly all: boolean;
      readonly exclude: ReadonlySet<string>;
      readonly everywhere: boolean;
    },
  ): void {
    const { lanes } = this.#schedule;
    const taken = new Map<string, number>();
    for (const { delivery } of leased) taken.set(delivery.domain, (taken.get(delivery.domain) ?? 0) + 1);
    for (const [domain, count] of taken) if (count >= of.perLane) lanes.laneOf(domain).behind = true;
    if (!of.all) return;
    if (of.everywhere) lanes.caughtUp();
    for (const lane of lanes.all) {
      if (!of.exclude.has(lane.domain) && (taken.get(lane.domain) ?? 0) < of.perLane) lane.behind = false;
    }
  }

  /** It is time to stop, or its lane went to rest while the claim was under way. */
  #isUnwanted({ delivery }: LeasedDelivery): boolean {
    const { lanes, closing } = this.#schedule;
    const lane = lanes.find(delivery.domain);
    return closing.signal.aborted || !this.#schedule.delivers() || (lane !== undefined && lanes.isResting(lane));
  }

  #admit(leased: LeasedDelivery): Entry {
    const { lanes, groups, window, clock } = this.#schedule;
    const lane = lanes.laneOf(leased.delivery.domain);
    const group = groups.groupOf(leased, false);
    return window.admit(leased, { lane, group, content: null, nowMs: clock.monotonicMs() });
  }

  /** @returns those that cannot go out now, and how many of them were left in the store */
  #placeAll(entries: readonly Entry[]): { readonly blocked: readonly Entry[]; readonly left: number } {
    const blocked = entries.filter((entry) => this.#place(entry) === 'blocked');
    const left = leaveInStore(this.#schedule, blocked);
    dispatch(this.#schedule);
    return { blocked, left };
  }

  /** Into its lane; or, where it cannot go out for long, back with what there is to say. `blocked`: no exit takes it now. */
  #place(entry: Entry): 'placed' | 'blocked' {
    const schedule = this.#schedule;
    const terms = termsFor(schedule, entry.leased, null);
    const { delivery } = entry.leased;
    const { expiresInMs, warnsInMs } = deadlinesOf(terms.retry, {
      ageMs: terms.ageMs,
      warned: delivery.warnedAtMs !== null,
    });
    if (schedule.isLate(entry)) {
      endLate(schedule, entry);
      return 'placed';
    }
    if (schedule.groups.isBlocked(entry.group, entry.lane.site)) return 'blocked';
    if (schedule.lanes.isCrowded(entry.lane, delivery.priority)) {
      putOffCrowded(schedule, entry);
      return 'placed';
    }
    if (isSuspect(entry.lane.feedback) && expiresInMs <= 0) {
      // No last attempt at a destination that is known not to answer: a long queue for it must end in time.
      endLate(schedule, entry, delivery.lastReply ?? UNREACHABLE);
    } else if (isSuspect(entry.lane.feedback) && warnsInMs !== null && warnsInMs <= 0) {
      const delayMs = jittered(TOLD_MS, terms.fraction);
      spawn(schedule, 'warning', () =>
        conclude(schedule, entry, putOff(entry.leased, terms, { delayMs, reply: UNREACHABLE })),
      );
    } else {
      schedule.lanes.push(entry);
    }
    return 'placed';
  }

  #worked(): void {
    this.#failingSinceMs = null;
    if (this.#alerted) this.#alert('the spool can be read again', false);
  }

  #failed(cause: unknown): void {
    const { clock } = this.#schedule;
    tellFailure(this.#schedule, 'claim', cause);
    this.#schedule.claimWanted = true;
    this.#failingSinceMs ??= clock.monotonicMs();
    if (!this.#alerted && clock.monotonicMs() - this.#failingSinceMs >= 60_000) {
      this.#alert(`nothing could be claimed from the spool for a minute: ${String(cause)}`, true);
    }
  }

  #alert(text: string, raised: boolean): void {
    this.#alerted = raised;
    const { clock, emit } = this.#schedule;
    emit({ event: 'alert', atMs: clock.nowMs(), name: 'claims-failing', text, raised });
  }
}
