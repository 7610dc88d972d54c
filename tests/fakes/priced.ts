/** Scheduling by exits that are paid by message. */
import { budgetWindow } from '../../src/policy/money.ts';
import type { PolicyInput } from '../../src/policy/schema.ts';
import { parseCostAccount } from '../../src/routing/cost-names.ts';
import type { Scheduling } from './scheduling.ts';

const SECOND = 1_000;

type Terms = Pick<NonNullable<PolicyInput['egress']>[string] & object, 'cost' | 'billing' | 'budget'>;

/** One with these terms, then two without any; mail of `bulk` is not exempt. */
export function priced(
  terms: Terms,
  use: readonly string[] = ['one', 'two'],
): { readonly policy: Partial<PolicyInput> } {
  return {
    policy: {
      streams: { transactional: { priority: 'high' }, bulk: { priority: 'low' } },
      egress: {
        one: { type: 'smtp', host: 'one.test', ...terms },
        two: { type: 'smtp', host: 'two.test' },
      },
      routes: [{ name: 'all', use: [...use] }],
    },
  };
}

/** Ten for a cent each. */
export const TEN: Terms = { cost: '10 USD/1000', budget: '0.10 USD/month' };

/** So many messages, each to so many recipients at a domain of its own. */
export async function bulk(scheduling: Scheduling, count: number, recipients = 1): Promise<void> {
  for (let number = 0; number < count; number++) {
    const to = Array.from({ length: recipients }, (_, place) => `r${place}@d${number}.test`);
    await scheduling.accept({ stream: 'bulk', to });
  }
}

export function sentBy(scheduling: Scheduling, exit: string): number {
  return scheduling.exit(exit).attempts.length;
}

/** As the store has it, once what was set aside is handed back. */
export async function spent(scheduling: Scheduling, exit = 'one'): Promise<number> {
  await scheduling.elapsed(12 * SECOND);
  const { spool, clock } = scheduling;
  const { account, startsAtMs, endsAtMs } = budgetWindow(exit, clock.nowMs(), 'UTC');
  const nowMs = clock.nowMs();
  const look = { account, startsAtMs, endsAtMs, holder: 'test', wanted: 0, limit: 2 ** 52, nowMs, untilMs: nowMs };
  return (await spool.ledger.takeBlock(look)).used;
}

/** What exits took, by the names of that kind and the prices. */
export async function counted({ spool }: Scheduling, kind: string): Promise<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const { account, amount } of await spool.ledger.counts(`cost:${kind}:`, 0)) {
    const { name, price } = parseCostAccount(account) ?? { name: '?', price: null };
    const key = `${name}${price === null ? '' : ` ${price.micros}/${price.of}`}`;
    sums[key] = (sums[key] ?? 0) + amount;
  }
  return sums;
}
