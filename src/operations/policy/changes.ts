/** Which keys two policy texts have otherwise, without the values of secrets. Pure. */
import { isDeepStrictEqual } from 'node:util';
import { parse } from 'yaml';

/** A key with another value, as the files have it; undefined: the file does not say. */
export type KeyChange = { readonly key: string; readonly from: unknown; readonly to: unknown };

const SECRETS = /password|secret|key|token|url|webhook/i;
/** In a URL: before its host, or as its path, as chat programs have it. */
const CREDENTIALS = /:\/\/[^/]*@|^https?:\/\/[^/]+\/./;

/** Of two texts that are YAML, with no value of a secret in it; null: one of them is none. */
export function textChanges(from: string, to: string): readonly KeyChange[] | null {
  try {
    return keyChanges(parse(from) as unknown, parse(to) as unknown).map(withoutSecrets);
  } catch {
    return null;
  }
}

/** In the order of the first, then what the second has beside. Lists of things with names are compared by name. */
export function keyChanges(from: unknown, to: unknown, at = ''): KeyChange[] {
  if (isDeepStrictEqual(from, to)) return [];
  const [left, right] = [byName(from), byName(to)];
  if (left === null || right === null) return [{ key: at, from, to }];
  const keys = [...new Set([...left.keys(), ...right.keys()])];
  const changes = keys.flatMap((key) => keyChanges(left.get(key), right.get(key), at === '' ? key : `${at}.${key}`));
  // The same things in another order: of routes the first that matches counts.
  return changes.length > 0 ? changes : [{ key: `${at} (order)`, from: [...left.keys()], to: [...right.keys()] }];
}

/** null: it is a value of its own. */
function byName(value: unknown): ReadonlyMap<string, unknown> | null {
  if (typeof value !== 'object' || value === null) return null;
  if (!Array.isArray(value)) return new Map(Object.entries(value));
  const entries = value.map((one: unknown): [string, unknown] | null => {
    const isNamed = typeof one === 'object' && one !== null && 'name' in one && typeof one.name === 'string';
    return isNamed ? [String(one.name), one] : null;
  });
  return entries.every((entry) => entry !== null) && entries.length > 0 ? new Map(entries) : null;
}

/** A value that is a secret, or may have one in it, is not shown. */
export function withoutSecrets({ key, from, to }: KeyChange): KeyChange {
  const hidden = (value: unknown): unknown => (value === undefined ? undefined : masked(value));
  const last = key.slice(key.lastIndexOf('.') + 1);
  return SECRETS.test(last) ? { key, from: hide(from), to: hide(to) } : { key, from: hidden(from), to: hidden(to) };
}

function hide(value: unknown): unknown {
  return value === undefined ? undefined : '(not shown)';
}

function masked(value: unknown): unknown {
  if (typeof value === 'string' && CREDENTIALS.test(value)) return hide(value);
  if (Array.isArray(value)) return value.map(masked);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, SECRETS.test(key) ? hide(one) : masked(one)]),
  );
}
