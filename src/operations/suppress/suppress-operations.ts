import { isTally } from '../../feedback/suppression/tally.ts';
import {
  type Suppression,
  type SuppressionFilter,
  type SuppressionKey,
  type SuppressionPage,
  type Suppressions,
} from '../../spool/suppressions.ts';
import { OperationsError } from '../operations.ts';

/** What operators do with addresses that are not written to: over the store, whether a relay runs on it or not. */
export type SuppressOperations = {
  /** A page by address, those that ended included; `after`: `next` of the page before. A page may be short and not the last. */
  suppressions(ask: {
    readonly filter: SuppressionFilter;
    readonly limit: number;
    readonly after: string | null;
  }): Promise<SuppressionPage>;
  /** Makes or replaces at most 1,000; one that was made later stays. Every process knows within a second or two. */
  suppress(ask: { readonly entries: readonly Suppression[] }): Promise<{ readonly made: number }>;
  /** Takes at most 1,000 back; returns how many there were. */
  unsuppress(ask: { readonly keys: readonly SuppressionKey[] }): Promise<{ readonly removed: number }>;
};

/** @param suppressions undefined: the store keeps none, and whoever asks is told so */
export function suppressOperations(suppressions: Suppressions | undefined): SuppressOperations {
  if (suppressions === undefined) {
    const unknown = (): Promise<never> =>
      Promise.reject(new OperationsError('suppressed addresses are not known here'));
    return { suppressions: unknown, suppress: unknown, unsuppress: unknown };
  }
  return {
    suppressions: async ({ filter, limit, after }) => {
      const { entries, next } = await suppressions.suppressions(filter, { limit, after });
      // Counts of soft bounces are entries of the store that hold for nobody.
      return { entries: entries.filter((entry) => !isTally(entry)), next };
    },
    suppress: async ({ entries }) => {
      await suppressions.suppress(entries);
      return { made: entries.length };
    },
    unsuppress: async ({ keys }) => ({ removed: await suppressions.unsuppress(keys) }),
  };
}

/** All that a filter names, page by page. */
export async function* allSuppressions(
  operations: Pick<SuppressOperations, 'suppressions'>,
  filter: SuppressionFilter,
): AsyncGenerator<readonly Suppression[]> {
  for (let after: string | null = null; ;) {
    const page: SuppressionPage = await operations.suppressions({ filter, limit: 1_000, after });
    yield page.entries;
    if (page.next === null) return;
    after = page.next;
  }
}
