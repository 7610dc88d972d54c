import type { Reply } from '../../message/reply.ts';
import type { Choice } from '../../routing/choose.ts';
import {
  conclude,
  giveBack,
  handBack,
  LEASE_MARGIN_MS,
  LEASE_MS,
  spawn,
  termsFor,
  waitingIn,
  type Schedule,
  tellFailure,
} from '../schedule.ts';
import { needsScreening, screened } from '../settlement/screen.ts';
import { settlementOf, type Plan } from '../settlement/settlement.ts';
import { expired, putOff, setAside } from '../settlement/untried.ts';
import { providerAt } from '../sites/site.ts';
import type { Entry } from '../window/entry.ts';
import type { ChosenExit } from './attempt.ts';
import { takenAfterAll, takeTurn, type Turn } from './turn.ts';

const UNREADABLE: Reply = {
  code: 451,
  detail: '3.0',
  text: 'the content could not be read from the spool, or not be signed',
};
const UNREADABLE_MS = 30_000;
const NOT_BOOKED: Reply = {
  code: 451,
  detail: '4.4',
  text: 'the exit could not be used: its limit was used up a moment ago, or the policy changed',
};
const NOT_BOOKED_MS = 1_000;
/** Beyond its time, for a last attempt. */
const LAST_TURN_MS = 300_000;

/** Whether the leases are known to hold by both clocks: after a freeze or a jump they must be asked for first. */
export function leasesHold({ clock, leasesSeenMs, leasesSeenAtMs }: Schedule): boolean {
  const seenBeforeMs = Math.max(clock.monotonicMs() - leasesSeenMs, clock.nowMs() - leasesSeenAtMs);
  return seenBeforeMs < LEASE_MS - LEASE_MARGIN_MS;
}

/** Starts every attempt that may start now: whose lane, exit and turn it is. What is for other nodes goes to them. */
export function dispatch(schedule: Schedule): void {
  if (schedule.closing.signal.aborted || !leasesHold(schedule)) return;
  const passed: Passed[] = [];
  startAll(schedule, passed);
  for (const [node, some] of Map.groupBy(passed, (one) => one.node)) {
    const entries = some.map(({ entry }) => entry);
    spawn(schedule, 'hand over', () => handOver(schedule, entries, node));
  }
}

/** Its time is over: returned or dropped, and never sent. Of what is in doubt it is asked first who has it after all. */
export function endLate(schedule: Schedule, entry: Entry, reply = entry.leased.delivery.lastReply): void {
  const { leased, content } = entry;
  spawn(schedule, 'expiry', async () => {
    const taken = await takenAfterAll(schedule, entry);
    const terms = termsFor(schedule, leased, content?.bytes ?? null);
    await conclude(schedule, entry, taken === null ? expired(leased, terms, reply) : settlementOf(taken, terms));
  });
}

type Passed = { readonly entry: Entry; readonly node: string };

function startAll(schedule: Schedule, passed: Passed[]): void {
  const { groups, lanes, exits, sites } = schedule;
  while (groups.anyOpen()) {
    const next = lanes.next(groups.isOpen);
    if (next === null) return;
    if (schedule.isLate(next.entry)) {
      lanes.ended(next.entry.lane, next.number, 'none');
      endLate(schedule, next.entry);
      continue;
    }
    const { site } = next.entry.lane;
    const choice = groups.choiceOf(next.entry.group, site);
    if (choice.kind === 'elsewhere') {
      lanes.ended(next.entry.lane, next.number, 'none');
      exits.passed(choice);
      lanes.remove(next.entry, 'settling');
      passed.push({ entry: next.entry, node: choice.node });
      continue;
    }
    if (choice.kind !== 'egress') {
      lanes.ended(next.entry.lane, next.number, 'none');
      lanes.push(next.entry);
      return;
    }
    const chosen = { ...choice, provider: providerAt(site) };
    exits.started(chosen);
    next.entry.ticket = sites.started(site, choice.name);
    schedule.contentBudget.take(next.entry.group.weight, next.entry.leased.message.sizeBytes);
    next.entry.triedSinceMs = schedule.clock.monotonicMs();
    spawn(schedule, 'delivery', () => deliver(schedule, { ...next, choice: chosen }));
  }
}

type Start = { readonly entry: Entry; readonly number: number; readonly choice: Choice & ChosenExit };

/** To the node that has the exit; what has been handed to and fro until its time was over ends. */
async function handOver(schedule: Schedule, entries: readonly Entry[], node: string): Promise<void> {
  const passed: Entry[] = [];
  for (const entry of entries) {
    const { leased } = entry;
    const terms = termsFor(schedule, leased, entry.content?.bytes ?? null);
    if (terms.ageMs - terms.retry.expireMs < LAST_TURN_MS) passed.push(entry);
    else endLate(schedule, entry);
  }
  await giveBack(
    schedule,
    passed.map(({ leased }) => leased),
    node,
  );
  for (const entry of passed) schedule.window.release(entry);
}

/** choose was; now converse and classify (the turn), then settle. */
async function deliver(schedule: Schedule, start: Start): Promise<void> {
  try {
    await attempt(schedule, start);
  } finally {
    schedule.sites.ended(start.entry.ticket, 'none', '');
    // After a bug too: its lease then runs out, and it comes up again as in doubt.
    schedule.window.release(start.entry);
  }
}

async function attempt(schedule: Schedule, { entry, number, choice }: Start): Promise<void> {
  const { lanes, contentBudget } = schedule;
  const { leased, group } = entry;
  const unsent = needsScreening(schedule, leased) ? await screened(schedule, entry) : null;
  if (unsent !== null) {
    await leaveUnsent(schedule, { entry, number, choice }, unsent);
    return;
  }
  const turn = await takeTurn(schedule, entry, choice).finally(() =>
    contentBudget.give(group.weight, leased.message.sizeBytes),
  );
  lanes.takeBack(entry);
  const died = lanes.ended(entry.lane, number, turn.kind === 'tried' ? turn.signal : 'none');
  // The connection is free: the next delivery does not wait for the store.
  dispatch(schedule);
  if (died) spawn(schedule, 'give back', () => handBack(schedule, waitingIn(schedule, entry.lane)));
  await conclude(schedule, entry, planFor(schedule, entry, turn));
}

/** Nothing was tried: what was set aside for the attempt is free again. */
async function leaveUnsent(schedule: Schedule, { entry, number, choice }: Start, plan: Plan): Promise<void> {
  const { lanes, contentBudget, exits, sites, claimSoon } = schedule;
  contentBudget.give(entry.group.weight, entry.leased.message.sizeBytes);
  sites.ended(entry.ticket, 'none', '');
  entry.ticket = null;
  exits.unused(choice);
  lanes.ended(entry.lane, number, 'none');
  dispatch(schedule);
  await conclude(schedule, entry, plan);
  // Those who are left are due.
  claimSoon();
}

function planFor(schedule: Schedule, entry: Entry, turn: Turn): Plan {
  const { leased } = entry;
  const terms = termsFor(schedule, leased, entry.content?.bytes ?? null);
  switch (turn.kind) {
    case 'tried':
      return settlementOf({ leased, ...turn }, terms);
    case 'not-booked':
      return putOff(leased, terms, { delayMs: NOT_BOOKED_MS, reply: NOT_BOOKED });
    case 'no-content':
      return setAside(leased, terms.nowMs, `its content is ${turn.why} in the spool`);
    case 'unreadable':
      tellFailure(schedule, 'content', turn.cause);
      return putOff(leased, terms, { delayMs: UNREADABLE_MS, reply: UNREADABLE });
  }
}
