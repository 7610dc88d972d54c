/** The limits of a scheduler's exits, with what they count by. */
import type { Egress } from '../../egress/egress.ts';
import { CostCounts } from '../budgets/cost-counts.ts';
import { LEASE_MS } from '../schedule.ts';
import type { SchedulerNeeds } from '../scheduler.ts';
import { Limits, type LimitsNeeds } from './limits.ts';
import { SentCounts } from './sent-counts.ts';
import { Warmups } from './warmups.ts';

type OpenLimitsNeeds = Pick<SchedulerNeeds, 'policy' | 'quotas' | 'records' | 'clock' | 'random' | 'emit'>;

export function openLimits(
  { policy, quotas, records, clock, random, emit }: OpenLimitsNeeds,
  heard: Pick<LimitsNeeds, 'changed' | 'turned' | 'reopened' | 'paceOf' | 'providerPaceOf'>,
): Limits {
  const failed = (cause: unknown): void =>
    emit({ event: 'failed', atMs: clock.nowMs(), where: 'limits', cause: String(cause) });
  const { tallies, marks } = records ?? NO_RECORDS;
  const holder = random.bytes(12).toString('hex');
  return new Limits({
    policy,
    quotas,
    warmups: new Warmups({ policy, tallies, marks, clock, failed }),
    sent: new SentCounts({ policy, tallies, clock, failed }),
    costs: new CostCounts({ policy, tallies, quotas, clock, holder, failed }),
    clock,
    holder,
    leaseMs: LEASE_MS,
    ...heard,
    failed,
  });
}

/** What slows an exit down: what is known of it here, and what its provider allows. */
export function paces(
  find: (name: string) => Egress | undefined,
  paceOf: (exit: string) => number,
): Required<Pick<LimitsNeeds, 'paceOf' | 'providerPaceOf'>> {
  return { paceOf, providerPaceOf: (exit) => find(exit)?.pace?.() ?? null };
}

const NO_RECORDS: NonNullable<SchedulerNeeds['records']> = {
  tallies: { count: async () => {}, counts: async () => [] },
  marks: { marks: async () => [], mark: async () => {}, unmark: async () => {} },
};
