/**
 * Ten days of mail by fifteen new addresses, in minutes: the relay's own parts on a clock that is moved, between simulated
 * mailbox providers on loopback. Three addresses fail in turn, two are listed. Prints what became of the mail; ends with 1
 * where an address exceeded its cap or anything was lost.
 * Usage: node scripts/ten-days.ts [--days 10] [--limit 500] [--seed 1] [--grain 20] [--alerts]
 */
import { parseArgs } from 'node:util';
import { reportOf } from './ten-days/report.ts';
import { runTenDays } from './ten-days/run.ts';

const { values } = parseArgs({
  options: {
    days: { type: 'string', default: '10' },
    limit: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    grain: { type: 'string', default: '20' },
    alerts: { type: 'boolean', default: false },
  },
});
const beganMs = performance.now();
const terms = {
  days: Number(values.days),
  dailyLimit: Number(values.limit),
  seed: Number(values.seed),
  grainMs: Number(values.grain) * 1_000,
};
const { ledger, audit, problems } = await runTenDays(terms, (day, { accepted, fates }) => {
  const tookS = Math.round((performance.now() - beganMs) / 1_000);
  process.stderr.write(`day ${day}: ${accepted.size} accepted, ${fates.size} ended, after ${tookS} s\n`);
});
process.stdout.write(`${reportOf(ledger, terms)}\n`);
const refusals = [...ledger.refusals].map(([what, count]) => `${what} refused ${count} times`);
process.stdout.write(`${refusals.toSorted((one, other) => one.localeCompare(other)).join('\n')}\n`);
for (const reason of new Set(ledger.doubted.values())) {
  const count = [...ledger.doubted.values()].filter((one) => one === reason).length;
  process.stdout.write(`in doubt ${count} times: ${reason}\n`);
}
if (values.alerts)
  for (const { atMs, name, text, raised } of ledger.alerts)
    process.stdout.write(`${new Date(atMs).toISOString()} ${raised ? 'raised' : 'over'} ${name}: ${text}\n`);
for (const failure of ledger.failures.slice(0, 20)) process.stdout.write(`failed: ${failure}\n`);
for (const problem of problems.slice(0, 50)) process.stdout.write(`WRONG: ${problem}\n`);
process.stdout.write(
  `${problems.length} problems; audit: ${JSON.stringify({ ...audit, violations: audit.violations.length })}\n`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
