/** What is counted here shows as if the library had counted it. */
import { Counter, Histogram, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { METRICS } from './metric-table.ts';
import { createBook } from './metrics-book.ts';

async function textOf(registry: Registry, name: string): Promise<string> {
  return await registry.getSingleMetricAsString(name);
}

function registries(): { readonly ours: Registry; readonly theirs: Registry } {
  return { ours: new Registry(), theirs: new Registry() };
}

test('counters of one label, of two, and of none', async () => {
  const { ours, theirs } = registries();
  const book = createBook(ours);
  const names = ['relevo_delivered_total', 'relevo_attempts_total', 'relevo_expired_total'] as const;
  const library = new Map(
    names.map((name) => {
      const { help, labels } = METRICS[name];
      return [name, new Counter({ name, help, labelNames: [...labels], registers: [theirs] })];
    }),
  );
  const count = (name: (typeof names)[number], amount: number, labels: Record<string, string>): void => {
    book.add(name, amount, labels);
    library.get(name)?.inc(labels, amount);
  };
  for (let round = 0; round < 3; round++) {
    count('relevo_delivered_total', 2, { egress: 'one' });
    count('relevo_delivered_total', 1, { egress: `exit-${round}` });
    count('relevo_attempts_total', 1, { egress: 'one', class: '2' });
    count('relevo_attempts_total', 1, { class: '4', egress: 'one' });
    if (round > 0) count('relevo_expired_total', 3, {});
    // A second scrape in a row changes nothing.
    for (const name of [...names, ...names]) expect(await textOf(ours, name)).toBe(await textOf(theirs, name));
  }
});

test('histograms with a label and without, with values on a bound, beyond the last, and before the first', async () => {
  const { ours, theirs } = registries();
  const book = createBook(ours);
  for (const name of ['relevo_accept_seconds', 'relevo_attempt_seconds'] as const) {
    const { help, labels, buckets = [] } = METRICS[name];
    const library = new Histogram({ name, help, labelNames: [...labels], buckets: [...buckets], registers: [theirs] });
    expect(await textOf(ours, name)).toBe(await textOf(theirs, name));
    const values = [0, ...buckets, ...buckets.map((bound) => bound * 1.5), 1e9, 0.003];
    for (const [at, value] of values.entries()) {
      const of = Object.fromEntries(labels.map((label) => [label, at % 3 === 0 ? 'one' : 'other']));
      book.observe(name, value, of);
      library.observe(of, value);
    }
    expect(await textOf(ours, name)).toBe(await textOf(theirs, name));
  }
});
