/** What one thread knows of suppressed addresses: a sieve in memory, questions to the store, and what it learns itself. */
import type { Screening } from '../../message/screening.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Clock, Emit } from '../../ports.ts';
import type { Spool } from '../../spool/spool.ts';
import type { Suppressions } from '../../spool/suppressions.ts';
import type { Tallies } from '../../spool/tallies.ts';
import { createLearner, type Learn } from './learn.ts';
import { createScreening } from './screen.ts';
import { unsubscribe } from './unsubscribe.ts';
import type { UnsubscribeToken } from './unsubscribe-token.ts';
import { SieveWatch } from './watch.ts';

export type SuppressionNeeds = {
  readonly policy: () => Policy;
  readonly spool: Pick<Spool, 'story' | 'note'> & { readonly suppressions: Suppressions; readonly ledger: Tallies };
  readonly clock: Clock;
  readonly emit: Emit;
};

export type Suppressing = AsyncDisposable & {
  readonly screening: Screening;
  readonly learn: Learn;
  readonly sieve: SieveWatch;
  /** See `unsubscribe`. */
  unsubscribe(token: UnsubscribeToken): Promise<void>;
};

/** Resolves once it knows what there is, or that the store does not answer: it asks the store of each address then. */
export async function openSuppression({ policy, spool, clock, emit }: SuppressionNeeds): Promise<Suppressing> {
  const { suppressions, ledger: tallies } = spool;
  const sieve = new SieveWatch({ suppressions, clock, emit });
  await sieve.start();
  const needs = { policy, spool, suppressions, tallies, sieve, clock, emit };
  return {
    screening: createScreening({ suppressions, sieve, clock }),
    learn: createLearner(needs),
    sieve,
    unsubscribe: (token) => unsubscribe(needs, token),
    [Symbol.asyncDispose]: () => sieve[Symbol.asyncDispose](),
  };
}
