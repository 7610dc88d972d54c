/** What happens by itself, about once a second and less often. */
import type { DeliveryId } from '../message/ids.ts';
import type { Jump } from './age.ts';
import { dispatch, endLate, leasesHold } from './attempt/dispatch.ts';
import { Silence } from './attempt/silence.ts';
import { CROWD } from './lanes/lanes.ts';
import { mendDueTimes } from './mend.ts';
import { conclude, EXTEND_EVERY_MS, LEASE_MS, spawn, tellFailure, termsFor, type Schedule } from './schedule.ts';
import { deadlinesOf, jittered } from './settlement/retry.ts';
import { putOff } from './settlement/untried.ts';
import type { Site } from './sites/site.ts';
import type { Watchdog } from './watchdog.ts';
import type { Entry } from './window/entry.ts';
import { leaveInStore, putOffCrowded, putOffPaced } from './window/put-off.ts';

const TICK_MS = 1_000;
/** Every so many ticks: what may wait a little. */
const SLOW_TICKS = 30;
/** After a failed extension the next one comes as soon as this. */
const EXTEND_AGAIN_MS = 2_000;
/** Leases named in one call. */
const AT_ONCE = 500;
/** A delivery that waits for its turn in memory has so long beyond its time for a last attempt. */
const LAST_TURN_MS = 300_000;

/** Ticks until `schedule.closing` is aborted; leases are extended until `schedule.ending` is. */
export class Upkeep {
  readonly #schedule: Schedule;
  readonly #watchdog: Watchdog;
  readonly #silence: Silence;
  #ticks = 0;
  #extending = false;
  #reaping = false;
  #triedExtendMs = Number.NEGATIVE_INFINITY;
  #awayMs = Number.NEGATIVE_INFINITY;

  constructor(schedule: Schedule, watchdog: Watchdog) {
    this.#schedule = schedule;
    this.#watchdog = watchdog;
    this.#silence = new Silence(schedule);
  }

  async run(): Promise<void> {
    const { clock, ending } = this.#schedule;
    while (!ending.signal.aborted) {
      try {
        await clock.sleep(TICK_MS, ending.signal);
      } catch {
        return;
      }
      this.tick();
    }
  }

  tick(): void {
    const schedule = this.#schedule;
    const jump = schedule.ages.look();
    // Wall time moved, or nothing ran for long: first make sure of the leases, which are kept in wall time.
    if (jump !== null || this.#isExtendDue()) this.#extend();
    if (schedule.closing.signal.aborted) return;
    if (jump !== null) this.#afterJump(jump);
    schedule.limits.tick();
    schedule.connections.tick();
    schedule.exits.touch();
    const { nextDueAtMs } = schedule;
    if (schedule.lanes.woken().length > 0 || schedule.getsMail()) schedule.claimWanted = true;
    if (schedule.claimWanted || (nextDueAtMs !== null && nextDueAtMs <= schedule.clock.nowMs())) schedule.claimSoon();
    this.#reap();
    schedule.lanes.revive();
    this.#silence.look();
    this.#sweep();
    if (++this.#ticks % SLOW_TICKS === 0) this.#slowly();
    dispatch(schedule);
  }

  #slowly(): void {
    const schedule = this.#schedule;
    schedule.lanes.forget();
    schedule.groups.forget();
    this.#watchdog.look();
    spawn(schedule, 'ceilings', async () => {
      if (await schedule.ceilings.write()) schedule.sites.recall();
    });
    // Whatever was queued by others than this process, and whatever a claim could not see.
    schedule.claimSoon();
  }

  /** What dead nodes left. */
  #reap(): void {
    const schedule = this.#schedule;
    // Never before our own leases are known to hold: by a clock that jumped they would look like a dead node's.
    if (this.#reaping || this.#extending || !leasesHold(schedule)) return;
    // A store that was away kept others from extending theirs as well: they get the time that a lease has, from when it
    // answered for good; until then it is asked for nobody's.
    const { clock } = schedule;
    const beforeMs = clock.monotonicMs() - this.#awayMs < LEASE_MS ? 0 : clock.nowMs();
    this.#reaping = true;
    spawn(schedule, 'reap', async () => {
      try {
        if ((await schedule.spool.reap(beforeMs)) > 0) schedule.claimSoon();
      } catch (cause) {
        this.#awayMs = clock.monotonicMs();
        throw cause;
      } finally {
        this.#reaping = false;
      }
    });
  }

  #isExtendDue(): boolean {
    const { clock, leasesSeenMs } = this.#schedule;
    const nowMs = clock.monotonicMs();
    const isDue = nowMs - leasesSeenMs >= EXTEND_EVERY_MS || !leasesHold(this.#schedule);
    return isDue && nowMs - this.#triedExtendMs >= EXTEND_AGAIN_MS;
  }

  #extend(): void {
    if (this.#extending) return;
    this.#extending = true;
    const schedule = this.#schedule;
    this.#triedExtendMs = schedule.clock.monotonicMs();
    spawn(schedule, 'extend', async () => {
      try {
        await extendLeases(schedule);
      } catch (cause) {
        this.#awayMs = schedule.clock.monotonicMs();
        throw cause;
      } finally {
        this.#extending = false;
      }
    });
  }

  /** Deliveries in memory whose turn does not come: blocked exits, delay notices, expiry. */
  #sweep(): void {
    const schedule = this.#schedule;
    const slow = this.#ticks % SLOW_TICKS === 0;
    const paced = new Map<string, number>();
    const ofSite = new Map<Site, number>();
    const blocked: Entry[] = [];
    for (const entry of schedule.window.entries.values()) {
      if (entry.state !== 'waiting') continue;
      if (schedule.isLate(entry)) {
        endLate(schedule, entry);
        continue;
      }
      const { site } = entry.lane;
      const before = ofSite.get(site) ?? 0;
      ofSite.set(site, before + 1);
      // They came before their hosts were known.
      if (before >= CROWD && schedule.lanes.isCrowded(entry.lane, entry.leased.delivery.priority)) {
        putOffCrowded(schedule, entry);
        continue;
      }
      if (schedule.groups.isBlocked(entry.group, site)) blocked.push(entry);
      else if (slow) remind(schedule, entry);
      const exit = schedule.groups.pacedBy(entry.group)?.exit;
      if (exit === undefined || entry.state !== 'waiting') continue;
      const ahead = paced.get(exit) ?? 0;
      paced.set(exit, ahead + 1);
      putOffPaced(schedule, entry, ahead);
    }
    leaveInStore(schedule, blocked);
  }

  #afterJump({ fromMs, toMs }: Jump): void {
    const schedule = this.#schedule;
    const text = `the clock jumped by ${Math.round((toMs - fromMs) / 1000)} s`;
    tellFailure(schedule, 'clock', text);
    if (toMs < fromMs) spawn(schedule, 'clock', () => mendDueTimes(schedule));
  }
}

/** Extends every lease that is held. What turns out to be lost is not tried any more, and cut off where that can be. */
async function extendLeases(schedule: Schedule): Promise<void> {
  const { clock, spool, window } = schedule;
  const held = [...window.entries.values()];
  const startMs = clock.monotonicMs();
  const startAtMs = clock.nowMs();
  const seenMs = schedule.leasesSeenMs;
  for (let start = 0; start < held.length; start += AT_ONCE) {
    const some = held.slice(start, start + AT_ONCE);
    const asked = some.map((entry) => ({ entry, leased: entry.leased }));
    const leases = asked.map(({ leased: { delivery, lease } }) => ({ deliveryId: delivery.id, token: lease.token }));
    const lost = new Set<DeliveryId>(await spool.extend(leases, clock.nowMs() + LEASE_MS));
    for (const { entry, leased } of asked) {
      if (lost.has(leased.delivery.id) && entry.leased === leased) letGo(schedule, entry);
    }
  }
  // What came in meanwhile with older leases is not among those that were extended.
  if (schedule.leasesSeenMs >= seenMs) {
    schedule.leasesSeenMs = startMs;
    schedule.leasesSeenAtMs = startAtMs;
  }
  dispatch(schedule);
}

function letGo(schedule: Schedule, entry: Entry): void {
  // One that is being settled right now has ended its lease itself.
  if (entry.state === 'settling' || entry.state === 'gone') return;
  tellFailure(schedule, 'lease', `${entry.leased.delivery.id}: its lease was lost`);
  if (entry.state === 'trying') {
    entry.abort.abort(new Error('the lease was lost'));
    return;
  }
  schedule.lanes.remove(entry, 'gone');
  schedule.window.release(entry);
}

/** Its sender hears of the delay and its time ends even while it waits for a turn. */
function remind(schedule: Schedule, entry: Entry): void {
  const terms = termsFor(schedule, entry.leased, entry.content?.bytes ?? null);
  const { delivery } = entry.leased;
  const { expiresInMs, warnsInMs } = deadlinesOf(terms.retry, {
    ageMs: terms.ageMs,
    warned: delivery.warnedAtMs !== null,
  });
  if (expiresInMs > -LAST_TURN_MS && (warnsInMs === null || warnsInMs > 0 || expiresInMs <= 0)) return;
  const reply = { code: 451, detail: '4.5', text: 'waiting for a free connection' };
  const delayMs = jittered(TICK_MS * SLOW_TICKS, terms.fraction);
  spawn(schedule, 'reminder', () => conclude(schedule, entry, putOff(entry.leased, terms, { delayMs, reply })));
}
