/** How it is named among the tallies what exits took, at which price. Pure. */
import type { Price } from '../policy/money.ts';

/** All accounts begin so. */
export const COSTS = 'cost:';
export const TAG_COSTS = 'cost:tag:';

const COST_KINDS = ['exit', 'stream', 'client', 'tag'] as const;
export type CostKind = (typeof COST_KINDS)[number];

/** `price` null: it took nothing for it. */
export type CostName = { readonly kind: CostKind; readonly name: string; readonly price: Price | null };

const FREE = 'free';

/** `cost:exit:sendgrid:USD.1060000.1000`: counts under it are of messages or recipients, as the exit bills. */
export function costAccount({ kind, name, price }: CostName): string {
  const terms = price === null ? FREE : `${price.currency}.${price.micros}.${price.of}${price.blocks ? '.blocks' : ''}`;
  return `${COSTS}${kind}:${encodeURIComponent(name)}:${terms}`;
}

/** The inverse; null for what is none. */
export function parseCostAccount(account: string): CostName | null {
  const [head, kind, name, terms, ...rest] = account.split(':');
  const known = COST_KINDS.find((one) => one === kind);
  if (`${head}:` !== COSTS || known === undefined || name === undefined || terms === undefined || rest.length > 0)
    return null;
  const price = parseTerms(terms);
  if (price === undefined) return null;
  try {
    return { kind: known, name: decodeURIComponent(name), price };
  } catch {
    return null;
  }
}

function parseTerms(terms: string): Price | null | undefined {
  if (terms === FREE) return null;
  const match = /^([A-Z]{3})\.(\d{1,16})\.(\d{1,7})(\.blocks)?$/.exec(terms);
  if (match === null) return undefined;
  const of = Number(match[3]);
  return of < 1
    ? undefined
    : { currency: match[1] ?? '', micros: Number(match[2]), of, blocks: match[4] !== undefined };
}
