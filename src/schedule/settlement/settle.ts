import { type MailFacts, type MessageEvent, ofMail } from '../../message/event.ts';
import type { Notice, Report } from '../../message/notice.ts';
import type { Clock, Emit } from '../../ports.ts';
import { SpoolError, type Settlement, type Spool } from '../../spool/spool.ts';
import type { Plan } from './settlement.ts';

export type SettleNeeds = {
  readonly spool: Pick<Spool, 'settle'>;
  readonly report: Report;
  readonly clock: Clock;
  readonly emit: Emit;
};

export type SettleTerms = {
  /** Stops further tries. */
  readonly signal: AbortSignal;
  /**
   * Of the lease that is ours by now: the store may have handed the delivery out to us anew, and what is known of it
   * stands. Default: the settlement's own.
   */
  readonly tokenNow?: () => number;
  /** The message that it is of: whoever hears of the events counts by it. */
  readonly mail: MailFacts;
};

/**
 * `lost`: the lease had gone, nothing was written. `given-up`: the store did not take it before `signal` said stop.
 * `refused`: the store is sound and will not take this, however often it is asked; nothing was written.
 */
export type Settled = 'settled' | 'lost' | 'given-up' | 'refused';

/** Between tries to write what is known already: the lease is extended meanwhile, so nobody else tries the delivery. */
const PAUSES_MS = [250, 1_000, 2_000, 5_000, 10_000] as const;
/** A store that is away is waited for; one that refuses what it is asked is believed after so many times. */
const REFUSALS_MOST = 4;
/** Tries to store a report before the recipients that it is about are kept queued instead. */
const REPORT_TRIES = 4;
const WITHOUT_REPORT_MS = 300_000;

/**
 * Writes what became of a delivery; the only step that does. A report is stored before the settlement that ends its
 * recipients, so that a crash in between cannot lose it (the same report twice is one message). Never rejects.
 */
export async function settle(
  needs: SettleNeeds,
  plan: Plan,
  { signal, tokenNow, mail }: SettleTerms,
): Promise<Settled> {
  const untold = await tellSender(needs, plan.notices, signal);
  let settlement = untold.length === 0 ? plan.settlement : withoutReports(plan.settlement, untold);
  let refusals = 0;
  let isUnanswered = false;
  for (let attempt = 0; ; attempt++) {
    try {
      const result = await needs.spool.settle(settlement);
      const token = tokenNow?.() ?? settlement.token;
      // Not after a try that may have been written: it would be written twice.
      if (result === 'lost' && token !== settlement.token && !isUnanswered) {
        settlement = { ...settlement, token };
        continue;
      }
      // Lost after a try whose answer never came: most likely that try was written, and ended the lease.
      const written = result === 'settled' || isUnanswered;
      if (written) for (const event of settlement.events) needs.emit(ofMail(event, mail));
      else fail(needs, 'settle', `${settlement.deliveryId}: its lease was lost, another attempt may have been made`);
      return result;
    } catch (cause) {
      isUnanswered = true;
      if (attempt === 0 || attempt % 10 === 0) fail(needs, 'settle', `${settlement.deliveryId}: ${String(cause)}`);
      if (cause instanceof SpoolError && cause.isFinal) refusals += 1;
      if (refusals >= REFUSALS_MOST) {
        refused(needs, settlement, cause);
        return 'refused';
      }
      if (!(await pause(needs, attempt, signal))) return 'given-up';
    }
  }
}

function refused({ clock, emit }: SettleNeeds, { deliveryId }: Settlement, cause: unknown): void {
  const text = `what became of ${deliveryId} cannot be written: ${String(cause)}`;
  emit({ event: 'failed', atMs: clock.nowMs(), where: 'settle', cause: text });
  emit({ event: 'alert', atMs: clock.nowMs(), name: `settlement-refused:${deliveryId}`, text, raised: true });
}

/** Returns the notices that could not be stored. */
async function tellSender(needs: SettleNeeds, notices: readonly Notice[], signal: AbortSignal): Promise<Notice[]> {
  const untold: Notice[] = [];
  for (const notice of notices) {
    if (!(await tell(needs, notice, signal))) untold.push(notice);
  }
  return untold;
}

async function tell(needs: SettleNeeds, notice: Notice, signal: AbortSignal): Promise<boolean> {
  for (let attempt = 0; attempt < REPORT_TRIES; attempt++) {
    if (attempt > 0 && !(await pause(needs, attempt - 1, signal))) return false;
    try {
      await needs.report(notice);
      return true;
    } catch (cause) {
      fail(needs, 'report', `${notice.deliveryId}: ${String(cause)}`);
    }
  }
  return false;
}

/**
 * The same, with nobody's story ended whom a report should have told of: they stay queued and come to the same end
 * later. What was delivered is written all the same.
 */
export function withoutReports(settlement: Settlement, notices: readonly Notice[]): Settlement {
  const untold = new Set(
    notices
      .filter(({ kind }) => kind === 'failed' || kind === 'expired')
      .flatMap(({ recipients }) => recipients.map(({ recipient }) => recipient.address)),
  );
  const unwarned = notices.some(({ kind }) => kind === 'delayed');
  const [sample] = settlement.events;
  const dueAtMs = settlement.atMs + WITHOUT_REPORT_MS;
  const events = settlement.events.flatMap((event) =>
    event.event === 'warned' && unwarned ? [] : stripped(event, untold),
  );
  if (untold.size > 0 && sample !== undefined && 'deliveryId' in sample) {
    const { atMs, messageId, deliveryId, domain } = sample;
    const reason = 'the report to the sender could not be stored';
    events.push({ event: 'deferred', dueAtMs, reason, atMs, messageId, deliveryId, domain, recipients: [...untold] });
  }
  return {
    ...settlement,
    finished: settlement.finished.filter(({ address }) => !untold.has(address)),
    rest: {
      ...settlement.rest,
      dueAtMs: untold.size > 0 ? dueAtMs : settlement.rest.dueAtMs,
      warnedAtMs: unwarned ? null : settlement.rest.warnedAtMs,
    },
    events,
  };
}

function stripped(event: MessageEvent, untold: ReadonlySet<string>): MessageEvent[] {
  if (event.event !== 'bounced' && event.event !== 'expired' && event.event !== 'suppressed') return [event];
  const recipients = event.recipients.filter((address) => !untold.has(address));
  return recipients.length === 0 ? [] : [{ ...event, recipients }];
}

/** @returns false when it is time to stop */
async function pause(needs: SettleNeeds, attempt: number, signal: AbortSignal): Promise<boolean> {
  try {
    await needs.clock.sleep(PAUSES_MS[attempt] ?? 10_000, signal);
    return !signal.aborted;
  } catch {
    return false;
  }
}

function fail(needs: SettleNeeds, where: string, cause: string): void {
  needs.emit({ event: 'failed', atMs: needs.clock.nowMs(), where, cause });
}
