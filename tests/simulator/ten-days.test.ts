/** Six days of mail by fifteen new addresses of small limits; `scripts/ten-days.ts` has ten days with full ones. */
import { expect, test } from 'vitest';
import { capsOf } from '../../scripts/ten-days/ledger.ts';
import { figuresOf } from '../../scripts/ten-days/report.ts';
import { runTenDays } from '../../scripts/ten-days/run.ts';

const TERMS = { days: 6, dailyLimit: 20, seed: 7, grainMs: 55_000 };

test(
  'in six days no address exceeds its cap and nothing is lost, though three fail in turn and two are listed',
  { timeout: 240_000 },
  async () => {
    const { ledger, audit, problems } = await runTenDays(TERMS, () => {});
    expect(problems).toEqual([]);
    expect(audit.violations).toEqual([]);
    expect(ledger.failures).toEqual([]);
    const all = figuresOf(ledger, () => true);
    expect(all.accepted).toBeGreaterThan(600);
    expect(all.delivered / all.accepted).toBeGreaterThan(0.9);
    // The caps did hold something back, and grew.
    const first = capsOf(ledger, 1, TERMS);
    expect(first.slice(0, 3)).toEqual([2, 4, 8]);
    expect(first.some((cap, place) => ledger.sentOn(1, place + 1) === cap)).toBe(true);
    const raised = ledger.alerts.filter((alert) => alert.raised).map(({ name }) => name);
    expect(raised).toEqual(
      expect.arrayContaining([
        'address-missing:127.0.1.4',
        'address-listed:198.51.100.2',
        'address-listed:198.51.100.9',
      ]),
    );
  },
);
