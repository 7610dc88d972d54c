import { isDeepStrictEqual } from 'node:util';
import type { Policy } from './schema.ts';

/** Top-level keys whose values differ: for what cannot change while the relay runs. */
export function changedKeys(previous: Policy, next: Policy): (keyof Policy)[] {
  const keys = Object.keys(next) as (keyof Policy)[];
  return keys.filter((key) => !isDeepStrictEqual(previous[key], next[key]));
}
