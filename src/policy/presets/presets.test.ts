import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { presetOf, presetTotals, PRESETS, totalsOf } from './presets.ts';

/** The customer's table: preset, own servers, messages a day, a month, $ a month, $ for 1000. */
const TABLE = `
  starter              1    500   15,000   25  1.67
  basic-dual           2  1,000   30,000   50  1.67
  starter-triple       3  1,500   45,000   75  1.67
  professional         5  2,500   75,000  125  1.67
  professional-plus    7  3,500  105,000  175  1.67
  business            10  5,000  150,000  250  1.67
  business-advanced   12  6,000  180,000  300  1.67
  enterprise          15  7,500  225,000  375  1.67
  enterprise-plus     20 10,000  300,000  500  1.67
  enterprise-ultimate 25 12,500  375,000  625  1.67
  hybrid-basic         3  3,000   90,000   95  1.06
  hybrid-professional  5  6,000  180,000  215  1.19
  geographic          12  6,000  180,000  300  1.67
  high-volume-burst   15 20,000  600,000  450  0.75
  ultra-secure        20  4,000  120,000  400  3.33
`;

test('the figures of all 15 presets follow from their contents as the customer’s table has them', () => {
  const computed = presetTotals().map(({ name, servers, perDay, perMonth, usdPerMonth, usdPer1000 }) =>
    [name, servers, perDay, perMonth, usdPerMonth, usdPer1000?.toFixed(2)].join(' '),
  );
  const wanted = TABLE.trim()
    .split('\n')
    .map((row) => row.trim().replaceAll(',', '').split(/\s+/).join(' '));
  expect(wanted).toHaveLength(15);
  expect(computed).toEqual(wanted);
});

test('SendGrid carries so many messages a day as the customer’s table says, and nothing in the other presets', () => {
  const clouds = PRESETS.flatMap(({ name, sendgrid }) => (sendgrid === null ? [] : [[name, sendgrid.dailyLimit]]));
  expect(clouds).toEqual([
    ['hybrid-basic', 1_500],
    ['hybrid-professional', 3_500],
    ['high-volume-burst', 12_500],
  ]);
});

test('a server carries 500 messages a day for 25 USD a month, in ultra-secure 200 for 20 USD', () => {
  const others = PRESETS.filter(({ dailyLimit, serverUsdPerMonth }) => dailyLimit !== 500 || serverUsdPerMonth !== 25);
  expect(others.map(({ name, dailyLimit, serverUsdPerMonth }) => [name, dailyLimit, serverUsdPerMonth])).toEqual([
    ['ultra-secure', 200, 20],
  ]);
});

test('five presets are recommended, hybrid-basic before all', () => {
  expect(PRESETS.filter(({ recommended }) => recommended === 'first').map(({ name }) => name)).toEqual([
    'hybrid-basic',
  ]);
  expect(PRESETS.filter(({ recommended }) => recommended === 'yes').map(({ name }) => name)).toEqual([
    'starter',
    'professional',
    'business',
    'enterprise',
  ]);
});

test('only geographic spreads its servers over regions, which share them evenly', () => {
  const spread = PRESETS.filter(({ regions }) => regions.length > 0);
  expect(spread.map(({ name, servers, regions }) => [name, servers, regions])).toEqual([
    ['geographic', 12, ['us', 'eu', 'latam']],
  ]);
});

test('a price that is not known makes the sum unknown, and no capacity', () => {
  const contents = {
    servers: 8,
    dailyLimit: 600,
    serverUsdPerMonth: 25,
    sendgrid: { dailyLimit: 2_000, usdPerMonth: null },
  };
  expect(totalsOf({ ...contents, regions: [], isWarmedUp: true })).toEqual({
    servers: 8,
    perDay: 6_800,
    perMonth: 204_000,
    usdPerMonth: null,
    usdPer1000: null,
  });
});

test('a preset is found by its name alone', () => {
  expect(presetOf('hybrid-basic')?.servers).toBe(3);
  expect(presetOf('Hybrid-Basic')).toBeUndefined();
  expect(presetOf('toString')).toBeUndefined();
});

test('the page on presets has the figures that are computed', () => {
  const rows = PRESETS.map(({ name, recommended, servers, sendgrid, ...rest }) => {
    const totals = totalsOf({ servers, sendgrid, ...rest });
    const mark = { first: ' (recommended first)', yes: ' (recommended)', no: '' }[recommended];
    const cells = [`\`${name}\`${mark}`, servers, sendgrid?.dailyLimit ?? '', totals.perDay, totals.perMonth];
    const prices = [totals.usdPerMonth, totals.usdPer1000?.toFixed(2)];
    const texts = [...cells, ...prices].map((cell) => (typeof cell === 'number' ? cell.toLocaleString('en-US') : cell));
    return `| ${texts.join(' | ')} |`.replaceAll('|  |', '| |');
  });
  const page = readFileSync(join(import.meta.dirname, '../../../docs/presets.md'), 'utf8');
  expect(page.split('\n').filter((line) => /^\| `[a-z-]+`.*\d \|$/.test(line))).toEqual(rows);
});
