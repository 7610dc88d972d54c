/** What a month cost, in a table. */
import type { CostFigures, ExitCosts, MonthCosts, ShareCosts } from '../../routing/cost-figures.ts';
import type { Savings } from '../../routing/savings.ts';
import { formatDue, printable, table } from '../output.ts';

const SHARES_MOST = 10;

/** '' where nothing has a price. */
export function costsText(costs: MonthCosts, atMs: number): string {
  const { exits, totals, month, turnsAtMs } = costs;
  if (exits.length === 0) return '';
  const sum = exits.length > 1 ? totals.map((total) => row('all', '', total)) : [];
  const rows = [...exits.map(exitRow), ...sum];
  const header = [`COST ${month}`, 'COUNT', 'TO DATE', 'FORECAST', 'BUDGET'];
  const turns = turnsAtMs > atMs ? `The month turns ${formatDue(turnsAtMs - atMs)}.\n` : 'The month is over.\n';
  return table(header, rows) + sharesText(costs) + costs.savings.map(savingsText).join('') + turns;
}

function exitRow({ egress, count, budget, ...figures }: ExitCosts): string[] {
  const used = budget === null ? '-' : `${budget.used.toFixed(2)}/${budget.amount} ${figures.currency}`;
  return [...row(egress, String(count), figures), used];
}

function row(name: string, count: string, { currency, monthToDate, forecast }: CostFigures): string[] {
  return [name, count, amount(monthToDate, currency), forecast === null ? '-' : amount(forecast, currency)];
}

function sharesText({ streams, clients, tags }: MonthCosts): string {
  const of = { stream: streams, client: clients, tag: tags };
  const rows = Object.entries(of).flatMap(([kind, shares]) => shareRows(kind, shares));
  return rows.length === 0 ? '' : table(['PAID BY MESSAGE', 'NAME', 'COUNT', 'TO DATE'], rows);
}

function shareRows(kind: string, shares: readonly ShareCosts[]): string[][] {
  const rows = shares
    .slice(0, SHARES_MOST)
    .map(({ name, count, currency, monthToDate }) => [
      kind,
      printable(name),
      String(count),
      amount(monthToDate, currency),
    ]);
  const left = shares.length - rows.length;
  return left > 0 ? [...rows, [kind, `and ${left} more (--json)`, '', '']] : rows;
}

function savingsText({ currency, cloud, per1000, count, cloudCost, ownCost, saved, forecast }: Savings): string {
  const price = `${Number(per1000.toFixed(4))} ${currency} for 1000`;
  const whole =
    forecast === null ? '' : `; by the month’s end ${amount(Math.abs(forecast), currency)} ${wordFor(forecast)}`;
  return (
    `Own servers carried ${count}, ${amount(cloudCost, currency)} at the price of ${cloud} (${price}), ` +
    `and cost ${amount(ownCost, currency)}: ${amount(Math.abs(saved), currency)} ${wordFor(saved)} so far${whole}.\n`
  );
}

function wordFor(saved: number): string {
  return saved < 0 ? 'dearer' : 'saved';
}

/** `12.30 USD`; of small sums as many places as they need. */
function amount(value: number, currency: string): string {
  const text = value !== 0 && Math.abs(value) < 0.01 ? String(Number(value.toFixed(6))) : value.toFixed(2);
  return `${text} ${currency}`;
}
