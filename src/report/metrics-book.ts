/** The metrics of one registry, with what is counted for each message summed up here and given to the library at a scrape. */
import { Counter, Gauge, type Registry } from 'prom-client';
import { Durations } from './durations.ts';
import { METRICS, type MetricName, type MetricRow } from './metric-table.ts';

export type Labels = Readonly<Record<string, string>>;

/** The metrics of one registry. */
export type Book = {
  add(name: MetricName, amount: number, labels?: Labels): void;
  set(name: MetricName, value: number, labels?: Labels): void;
  observe(name: MetricName, value: number, labels?: Labels): void;
  /** Takes the metric's values out: unknown is not 0. */
  clear(name: MetricName): void;
};

export function createBook(registry: Registry): Book {
  const counts = new Map<MetricName, Counts>();
  const gauges = new Map<MetricName, Gauge>();
  const durations = new Map<MetricName, Durations>();
  for (const [name, { kind, help, labels, buckets = [] }] of Object.entries(METRICS) as [MetricName, MetricRow][]) {
    const options = { name, help, labelNames: [...labels], registers: [registry] };
    if (kind === 'counter') counts.set(name, new Counts(options));
    else if (kind === 'gauge') gauges.set(name, new Gauge(options));
    else {
      const [label = null] = labels;
      const metric = new Durations({ name, help, label, buckets });
      metric.registerIn(registry);
      durations.set(name, metric);
    }
  }
  return {
    add: (name, amount, labels = NO_LABELS) => counts.get(name)?.add(amount, labels),
    set: (name, value, labels = {}) => gauges.get(name)?.set(labels, value),
    observe: (name, value, labels = NO_LABELS) => {
      const [label] = METRICS[name].labels;
      durations.get(name)?.observe(value, label === undefined ? '' : (labels[label] ?? ''));
    },
    clear: (name) => {
      if (METRICS[name].labels.length === 0) gauges.get(name)?.remove();
      else gauges.get(name)?.reset();
    },
  };
}

const NO_LABELS: Labels = {};

type Sum = { readonly labels: Labels; amount: number };

/** A counter of the library that is told at each scrape what came since: it is slow at looking up labels. */
class Counts {
  readonly #names: readonly string[];
  readonly #sums = new Map<string, Sum>();

  constructor(options: {
    readonly name: string;
    readonly help: string;
    readonly labelNames: string[];
    readonly registers: Registry[];
  }) {
    this.#names = options.labelNames;
    const sums = this.#sums;
    new Counter({
      ...options,
      collect() {
        for (const { labels, amount } of sums.values()) this.inc(labels, amount);
        sums.clear();
      },
    });
  }

  add(amount: number, labels: Labels): void {
    const key = this.#keyOf(labels);
    const sum = this.#sums.get(key);
    if (sum === undefined) this.#sums.set(key, { labels, amount });
    else sum.amount += amount;
  }

  #keyOf(labels: Labels): string {
    const [first] = this.#names;
    if (first === undefined) return '';
    if (this.#names.length === 1) return labels[first] ?? '';
    return this.#names.map((name) => labels[name] ?? '').join('\n');
  }
}
