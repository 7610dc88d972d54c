import { expect, test } from 'vitest';
import { lastPeriod } from '../report/periodic/period.ts';
import { reportText } from '../report/periodic/report-text.ts';
import { figuresOf, emptyCell } from '../report/rollups/figures.ts';
import { periodFigures } from './period-figures.ts';

type Asked = Parameters<typeof periodFigures>[0];

/** Of a relay that sent nothing; what was paid is told by the month that is asked for. */
function quiet(): { readonly operations: Asked; readonly months: (string | null)[] } {
  const months: (string | null)[] = [];
  const total = { name: 'all', isRest: false, figures: figuresOf(emptyCell()), success: null, latencyMs: null };
  const operations = {
    table: async () => ({ fromMs: 0, toMs: 0, rows: [], total }),
    stats: async () => ({ exits: [], queue: { deliveries: 0 }, advice: [] }),
    alertList: async () => ({ alerts: [], past: [] }),
    costs: async ({ month }: { month: string | null }) => {
      months.push(month);
      const monthToDate = month === '2026-10' ? 40 : 3;
      return { exits: [], totals: [{ currency: 'EUR', monthToDate, forecast: 30 }] };
    },
  };
  return { operations: operations as unknown as Asked, months };
}

test('the report of a month has what that month cost, others what the month that goes on has cost so far', async () => {
  const nowMs = Date.UTC(2026, 10, 1, 7);
  const { operations, months } = quiet();
  const told = async (every: 'day' | 'month') => {
    const period = lastPeriod(every, nowMs, 'UTC');
    return reportText(await periodFigures(operations, period), { hostname: 'relay.test', period, publicUrl: null });
  };
  const month = await told('month');
  expect(month).toContain('Costs of the month 2026-10\n  40.00 EUR\n');
  expect(month).toContain('Exits\n  no mail left by any\n');
  expect(await told('day')).toContain('Costs of this month so far\n  3.00 EUR, 30.00 EUR by its end\n');
  expect(months).toEqual(['2026-10', null]);
});
