/** What is in memory, when the policy or what is known of exits becomes another. */
import type { Circles } from '../../spool/tallies.ts';
import { dispatch } from '../attempt/dispatch.ts';
import { forgetUnfit } from '../attempt/other-exits.ts';
import { PoolTurns } from '../exits/pool-turns.ts';
import { mendDueTimes } from '../mend.ts';
import { handBack, spawn, tellFailure, type Schedule } from '../schedule.ts';

/** Whose turn it is in each pool, and whether other processes take turns in them. */
export type SharedCircles = Circles & { readonly isShared: () => boolean };

/** Turns in the pools that processes share; those that come start what waits for them. */
export function poolTurnsOf(circles: SharedCircles, scheduleOf: () => Schedule): PoolTurns {
  return new PoolTurns({
    circles,
    isShared: () => circles.isShared(),
    changed: () => {
      scheduleOf().exits.touch();
      dispatch(scheduleOf());
    },
    failed: (cause) => tellFailure(scheduleOf(), 'turns', cause),
  });
}

/** Newest first, of what was put off for want of that exit; the others come up by themselves. */
const REOPENED_MOST = 5_000;

/** What is known of exits is another. @param opened exits that mail may have waited for */
export function standingsChanged(schedule: Schedule, opened: readonly string[]): void {
  schedule.exits.touch();
  if (opened.length > 0) {
    schedule.lanes.reopen();
    schedule.claimSoon();
  }
  for (const exit of opened) {
    spawn(schedule, 'standings', () => mendDueTimes(schedule, { exit, most: REOPENED_MOST }));
  }
  dispatch(schedule);
}

/** Another policy is in force. */
export function regroup(schedule: Schedule): void {
  const { groups, lanes, limits, window, exits } = schedule;
  const hadLimit = limits.adjust();
  if (exits.forgetChanged() || hadLimit) spawn(schedule, 'regroup', () => mendDueTimes(schedule));
  groups.reset();
  forgetUnfit(schedule);
  lanes.reopen();
  lanes.adjust();
  for (const entry of window.entries.values()) {
    if (entry.state !== 'waiting') continue;
    lanes.remove(entry, 'gone');
    lanes.push(window.regroup(entry, groups.groupOf(entry.leased, entry.content !== null)));
  }
  // What it no longer has a connection for is for the others.
  if (!schedule.delivers()) {
    const waiting = [...window.entries.values()].filter(({ state }) => state === 'waiting');
    spawn(schedule, 'give back', () => handBack(schedule, waiting));
  } else schedule.claimSoon();
  dispatch(schedule);
}
