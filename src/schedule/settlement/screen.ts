/** Recipients that are not to be written to any more, found before anything is tried: their stories end without an attempt. */
import type { Reply } from '../../message/reply.ts';
import type { LeasedDelivery } from '../../spool/spool.ts';
import { conclude, handBack, spawn, tellFailure, termsFor, type Schedule } from '../schedule.ts';
import type { Entry } from '../window/entry.ts';
import type { Plan } from './settlement.ts';
import { holdBack, putOff, withoutSuppressed } from './untried.ts';

/** Unknown means temporary: without an answer of the store nobody is written to, and no try is used up. */
const NOT_KNOWN: Reply = {
  code: 451,
  detail: '3.0',
  text: 'it cannot be known now whether the recipient is suppressed: the store does not answer',
};
const NOT_KNOWN_MS = 30_000;

/** Whether a recipient may be suppressed, or it is held. Cheap where none is: a look into memory for each. */
export function needsScreening({ screening }: Schedule, { delivery }: LeasedDelivery): boolean {
  if (screening === undefined) return false;
  if ((screening.holds?.(delivery) ?? null) !== null) return true;
  return screening.suspects(delivery.recipients.map(({ address }) => address));
}

/** What becomes of it instead of an attempt; null: all of its recipients may be written to. Never rejects. */
export async function screened(schedule: Schedule, entry: Entry): Promise<Plan | null> {
  const { screening } = schedule;
  if (screening === undefined) return null;
  const { delivery } = entry.leased;
  const { client, stream } = delivery;
  const known = screening.holds?.(delivery) ?? null;
  const held = known === null || screening.holdsNow === undefined ? known : await screening.holdsNow(delivery);
  if (held !== null) return holdBack(entry.leased, schedule.clock.nowMs(), held);
  try {
    const addresses = delivery.recipients.map(({ address }) => address);
    const replies = await screening.suppressedOf({ addresses, client, stream });
    if (replies.size === 0) return null;
    return withoutSuppressed(entry.leased, termsFor(schedule, entry.leased, entry.content?.bytes ?? null), replies);
  } catch (cause) {
    tellFailure(schedule, 'suppressions', cause);
    const terms = termsFor(schedule, entry.leased, null);
    return putOff(entry.leased, terms, { delayMs: NOT_KNOWN_MS, reply: NOT_KNOWN });
  }
}

/**
 * Ends what is not to be sent as soon as it comes into memory, however long its lane is; what may be sent goes on by
 * `place`. Before its attempt it is asked again: it may wait for long.
 * @returns false: nothing speaks against it, and it is left to the caller
 */
export function screensFirst(schedule: Schedule, entry: Entry, place: (entry: Entry) => void): boolean {
  if (!needsScreening(schedule, entry.leased)) return false;
  spawn(schedule, 'screening', async () => {
    const plan = await screened(schedule, entry);
    if (plan !== null) {
      await conclude(schedule, entry, plan);
      schedule.claimSoon();
    } else if (schedule.closing.signal.aborted) await handBack(schedule, [entry]);
    else {
      // Another policy may have come into force meanwhile.
      const { groups, window } = schedule;
      place(window.regroup(entry, groups.groupOf(entry.leased, entry.content !== null)));
    }
  });
  return true;
}
