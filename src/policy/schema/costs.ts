/** What an exit is billed by, and what it may cost: `billing`, `budget`. */
import { z } from 'zod';
import type { Cost } from '../units.ts';
import { budgetAmount, name } from './values.ts';

const BILLED = ['recipient', 'message'] as const;
const expectedBilling = 'expected recipient, message, or { per: recipient, blocks: true }';

export const billing = z
  .union(
    [
      z.enum(BILLED),
      z.strictObject({ per: z.enum(BILLED).prefault('recipient'), blocks: z.boolean().prefault(false) }),
    ],
    { error: expectedBilling },
  )
  .transform((given) => (typeof given === 'string' ? { per: given, blocks: false } : given));

type Budget = Pick<Cost, 'micros' | 'currency'> & { readonly exempt: readonly string[] | null };

/** `exempt` null: streams of high priority. */
export const budget = z.union(
  [
    budgetAmount.transform(({ micros, currency }): Budget => ({ micros, currency, exempt: null })),
    z
      .strictObject({ amount: budgetAmount, exempt: z.array(name).optional() })
      .transform(({ amount: { micros, currency }, exempt = null }): Budget => ({ micros, currency, exempt })),
  ],
  { error: 'expected a budget such as 90 USD/month, or { amount: 90 USD/month, exempt: [alerts] }' },
);
