/** Pools as they are used: members that are pools themselves become their egresses. Pure. */

export const STRATEGIES = ['round-robin', 'random', 'least-used', 'best-performance'] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** As the file has it: a member is an egress, or a pool. */
export type WrittenPool = {
  readonly members: readonly (string | { readonly egress: string; readonly weight: number })[];
  readonly strategy: Strategy;
};

export type Pool = {
  /** Names of egresses, each once, in the order of the file. */
  readonly members: readonly string[];
  /** Of each member, by place, from 1; how much of the work it gets beside the others. */
  readonly weights: readonly number[];
  readonly strategy: Strategy;
};

/**
 * Every pool with its egresses. The strategy of a pool holds for all that come into it, by whatever pool. A weight of a
 * pool counts for each of its members; who comes in twice counts once, with the larger weight. A pool that is in itself,
 * which is refused elsewhere, is left out of itself.
 */
export function flattened(pools: Readonly<Record<string, WrittenPool>>): Record<string, Pool> {
  return Object.fromEntries(
    Object.entries(pools).map(([name, { strategy }]) => {
      const weights = new Map<string, number>();
      collect(pools, { name, factor: 1, above: new Set(), weights });
      return [name, { members: [...weights.keys()], weights: [...weights.values()], strategy }];
    }),
  );
}

type Collecting = {
  readonly name: string;
  readonly factor: number;
  readonly above: ReadonlySet<string>;
  readonly weights: Map<string, number>;
};

function collect(pools: Readonly<Record<string, WrittenPool>>, { name, factor, above, weights }: Collecting): void {
  const within = new Set([...above, name]);
  for (const written of (Object.hasOwn(pools, name) ? pools[name]?.members : undefined) ?? []) {
    const { egress, weight } = typeof written === 'string' ? { egress: written, weight: 1 } : written;
    if (within.has(egress)) continue;
    const product = factor * weight;
    if (Object.hasOwn(pools, egress)) collect(pools, { name: egress, factor: product, above: within, weights });
    else weights.set(egress, Math.max(product, weights.get(egress) ?? 0));
  }
}
