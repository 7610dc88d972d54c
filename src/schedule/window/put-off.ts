/** Mail that would wait too long in memory: put off until its turn may have come, or left in the store as it was. */
import type { Reply } from '../../message/reply.ts';
import { conclude, handBack, type Schedule, spawn, termsFor } from '../schedule.ts';
import { deadlinesOf, jittered } from '../settlement/retry.ts';
import { putOff } from '../settlement/untried.ts';
import type { Entry } from './entry.ts';
import { paceText, waitText } from './groups.ts';

/**
 * Lanes that are named to the store. All that rest are; of those that are full so many as there is room for, and what is
 * claimed for the others is bounded by `perLane`.
 */
export const EXCLUDE_MOST = 5_000;
/** While every exit rests its mail is looked at so often, for what is over by then. */
export const LOOK_EVERY_MS = 30_000;
/** Until mail that no exit may carry comes up again, where no time is known. */
const NO_EXIT_MS = 300_000;
/** The longest until it comes up again, and the time over which mail comes up that waited for the same moment. */
const LONGEST_MS = 3_600_000;
const OPENING_MS = 500;
/** Waits for a rate in memory at most so long; the others come up when their turn may have come. */
const PACED_HERE_MS = 20_000;
const PACED_MOST_MS = 900_000;

/** The rate of its exit keeps it waiting, and so many come first: the room in memory is for others. */
export function putOffPaced(schedule: Schedule, entry: Entry, ahead: number): void {
  const paced = schedule.groups.pacedBy(entry.group);
  if (paced === null) return;
  const leftMs = paced.untilMs - schedule.clock.monotonicMs() + ahead * schedule.limits.everyMs(paced.exit);
  if (leftMs <= PACED_HERE_MS) return;
  const terms = termsFor(schedule, entry.leased, null);
  const delayMs = jittered(Math.min(leftMs, PACED_MOST_MS), terms.fraction);
  const reply: Reply = { code: 451, detail: '4.4', text: paceText(paced.exit) };
  spawn(schedule, 'put off', () => conclude(schedule, entry, putOff(entry.leased, terms, { delayMs, reply })));
}

/** Its site takes no more now, and enough waits for it in memory: it comes up when its turn may have come. */
export function putOffCrowded(schedule: Schedule, entry: Entry): void {
  const { site } = entry.lane;
  const nowMs = schedule.clock.monotonicMs();
  const delayMs = Math.min(PACED_MOST_MS, site.turnOutside(nowMs) - nowMs);
  const reply: Reply = { code: 451, detail: '4.5', text: `waits for its turn at ${site.name}` };
  const terms = termsFor(schedule, entry.leased, null);
  spawn(schedule, 'put off', () => conclude(schedule, entry, putOff(entry.leased, terms, { delayMs, reply })));
}

/**
 * No exit takes them for a while. Where all that their lane could use rest, they go back as they were, and the lane is left
 * alone until then: a restart, or an exit that works again, finds them due. Where some of the lane's mail may go, they make
 * way for it, put off. @returns how many went back
 */
export function leaveInStore(schedule: Schedule, entries: readonly Entry[]): number {
  const { lanes, exits, clock } = schedule;
  const back = entries.filter((entry) => {
    const untilMs = exits.restingUntil(entry.lane.domain);
    const isLeft = untilMs !== null && lanes.resting.size < EXCLUDE_MOST && !isOver(schedule, entry);
    if (isLeft) lanes.shut(entry.lane, Math.min(untilMs, clock.monotonicMs() + LOOK_EVERY_MS));
    else putOffBlocked(schedule, entry);
    return isLeft;
  });
  if (back.length > 0) spawn(schedule, 'give back', () => handBack(schedule, back));
  return back.length;
}

/** Its sender is to hear of it: of the delay, or of its end. */
function isOver(schedule: Schedule, { leased }: Entry): boolean {
  const { retry, ageMs } = termsFor(schedule, leased, null);
  const { expiresInMs, warnsInMs } = deadlinesOf(retry, { ageMs, warned: leased.delivery.warnedAtMs !== null });
  return expiresInMs <= 0 || (warnsInMs !== null && warnsInMs <= 0);
}

/** No exit will take it for a while: it waits in the store, without using up a try. */
function putOffBlocked(schedule: Schedule, entry: Entry): void {
  const choice = schedule.groups.choiceOf(entry.group, entry.lane.site);
  const untilMs = choice.kind === 'wait' ? choice.untilMs : null;
  const terms = termsFor(schedule, entry.leased, null);
  const leftMs = untilMs === null ? NO_EXIT_MS : Math.max(1_000, untilMs - schedule.clock.monotonicMs());
  // For long waits it looks again now and then: somebody may have handed back what is left of a limit.
  const isEnd = untilMs !== null && leftMs <= LONGEST_MS * 1.2;
  // When all may go at once, the oldest comes first.
  const younger = 1 - Math.min(1, terms.ageMs / Math.max(1, terms.retry.expireMs));
  const delayMs = isEnd
    ? leftMs + Math.round(OPENING_MS * younger)
    : jittered(Math.min(leftMs, LONGEST_MS), terms.fraction);
  const reply: Reply = { code: 451, detail: '4.4', text: waitText(choice) };
  spawn(schedule, 'put off', () => conclude(schedule, entry, putOff(entry.leased, terms, { delayMs, reply })));
}
