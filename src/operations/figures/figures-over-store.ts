/** The figures of a relay over its store, whether it runs or not. */
import type { Policy } from '../../policy/schema.ts';
import type { Clock } from '../../ports.ts';
import { costsOfMonth, monthCosts, type MonthCostsNeeds } from '../../schedule/budgets/month-costs.ts';
import type { Marks } from '../../spool/marks.ts';
import type { FigureOperations } from './figure-operations.ts';
import { type FigureReading, seriesOf, tableOf } from './series.ts';

export type FiguresOverStoreNeeds = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly marks: Pick<Marks, 'marks'>;
  readonly ledger: MonthCostsNeeds['ledger'];
  /** Writes what this relay counted up to now; absent: none runs. Never rejects. */
  readonly flush?: () => Promise<void>;
};

export function figuresOverStore(needs: FiguresOverStoreNeeds): FigureOperations {
  const { policy, clock, marks, flush } = needs;
  const reading = async (): Promise<FigureReading> => {
    await flush?.();
    return { marks, nowMs: clock.nowMs(), timeZone: policy().timeZone };
  };
  return {
    series: async (ask) => seriesOf(await reading(), ask),
    table: async (ask) => tableOf(await reading(), ask),
    costs: ({ month }) => (month === null ? monthCosts(needs) : costsOfMonth(needs, month)),
  };
}
