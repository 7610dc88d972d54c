import type { DeliveryId } from '../../message/ids.ts';
import type { FreshDelivery, Handoff } from '../../spool/handoff.ts';
import type { LeasedDelivery } from '../../spool/spool.ts';
import { dispatch } from '../attempt/dispatch.ts';
import { giveBack, LEASE_MS, spawn, type Schedule } from '../schedule.ts';
import { screensFirst } from '../settlement/screen.ts';
import type { Entry } from './entry.ts';

/** Fresh mail comes straight into its lanes: leased by `accept` itself, content in memory. See `Handoff`. */
export class Intake implements Handoff {
  readonly #schedule: Schedule;
  #dispatching = false;

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
  }

  reserve(delivery: FreshDelivery): number | null {
    const { clock, closing, lanes, window } = this.#schedule;
    const nowMs = clock.nowMs();
    if (closing.signal.aborted || delivery.dueAtMs > nowMs || !this.#schedule.delivers()) return null;
    // What came before it and waits in the store goes first; only what is urgent overtakes.
    const overtakes = delivery.priority === 'high' || !lanes.isBehind(delivery.domain);
    const waits = !overtakes || this.#schedule.exits.restingUntil(delivery.domain) !== null;
    if (!waits && window.isOpenTo(delivery.priority)) {
      const lane = lanes.laneOf(delivery.domain);
      if (!lanes.isResting(lane) && !lanes.isCrowded(lane, delivery.priority) && window.reserve(delivery, lane))
        return nowMs + LEASE_MS;
    }
    lanes.fellBehind(delivery.domain);
    return null;
  }

  take(leased: readonly LeasedDelivery[], content: Buffer | null): void {
    const { clock, lanes, groups, window, closing } = this.#schedule;
    for (const one of leased) {
      window.unreserve(one.delivery.id);
      // Its lease runs from `reserve` on: a store that took long leaves little of it.
      const sinceMs = one.lease.untilMs - LEASE_MS;
      const heldMs = Math.max(0, clock.nowMs() - sinceMs);
      this.#schedule.leasesSeenMs = Math.min(this.#schedule.leasesSeenMs, clock.monotonicMs() - heldMs);
      this.#schedule.leasesSeenAtMs = Math.min(this.#schedule.leasesSeenAtMs, sinceMs);
    }
    const unwanted: LeasedDelivery[] = [];
    for (const one of leased) {
      if (window.renew(one)) continue;
      const lane = lanes.laneOf(one.delivery.domain);
      // Since the room was reserved it may be time to stop, or the lane went to rest.
      if (closing.signal.aborted || !this.#schedule.delivers() || lanes.isResting(lane)) {
        unwanted.push(one);
        lane.behind = true;
        continue;
      }
      const group = groups.groupOf(one, content !== null && window.hasRoomFor(one.message.id, content));
      const entry = window.admit(one, { lane, group, content, nowMs: clock.monotonicMs() });
      if (!screensFirst(this.#schedule, entry, (left) => this.#push(left))) lanes.push(entry);
    }
    if (unwanted.length > 0) spawn(this.#schedule, 'give back', () => giveBack(this.#schedule, unwanted));
    this.#dispatchSoon();
  }

  #push(entry: Entry): void {
    this.#schedule.lanes.push(entry);
    this.#dispatchSoon();
  }

  cancel(ids: readonly DeliveryId[]): void {
    for (const id of ids) this.#schedule.window.unreserve(id);
  }

  wake(): void {
    this.#schedule.claimSoon();
  }

  /** After the caller had its turn, so that its 250 is not kept waiting by connections that open. */
  #dispatchSoon(): void {
    if (this.#dispatching) return;
    this.#dispatching = true;
    queueMicrotask(() => {
      this.#dispatching = false;
      dispatch(this.#schedule);
    });
  }
}
