import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { METRICS } from './metric-table.ts';
import { metricsReference } from './metrics-reference.ts';

test('docs/metrics.md is what the table of metrics says', () => {
  const file = join(import.meta.dirname, '../../docs/metrics.md');
  expect(readFileSync(file, 'utf8')).toBe(metricsReference());
});

test('a metric is named by its unit, and a counter as one', () => {
  for (const [name, row] of Object.entries(METRICS)) {
    expect(name).toMatch(/^relevo_[a-z_]+$/);
    expect(name.endsWith('_total')).toBe(row.kind === 'counter');
    expect(name.endsWith('_seconds') || row.kind !== 'histogram').toBe(true);
  }
});
