/** The header fields that routes ask for: their values are kept with a message, since its content is not read again to route it. */
import { type HeaderField, unfoldedValue } from '../message/header.ts';
import type { Policy } from './schema.ts';

/** Of one value, characters: more is not kept. */
const LONGEST_VALUE = 200;

const asked = new WeakMap<Policy, readonly string[]>();

/** Names of the fields that any route asks for, in lower case. */
export function askedHeaders(policy: Policy): readonly string[] {
  const known = asked.get(policy);
  if (known !== undefined) return known;
  const names = [...new Set(policy.routes.flatMap(({ match }) => Object.keys(match.header ?? {})))];
  asked.set(policy, names);
  return names;
}

/**
 * What is kept of a header for the routes of the policy in force: the first field of each name that one of them asks for,
 * unfolded, its first 200 characters. undefined: nothing is.
 */
export function routedHeaders(
  policy: Policy,
  fields: readonly HeaderField[],
): Readonly<Record<string, string>> | undefined {
  const names = askedHeaders(policy);
  if (names.length === 0) return undefined;
  const kept: Record<string, string> = {};
  for (const field of fields) {
    if (!names.includes(field.name) || Object.hasOwn(kept, field.name)) continue;
    kept[field.name] = Buffer.from(unfoldedValue(field), 'latin1').toString('utf8').trim().slice(0, LONGEST_VALUE);
  }
  return Object.keys(kept).length === 0 ? undefined : kept;
}

/** Whether a header value is like a pattern; `*` stands for any run of characters. Case does not count. */
export function matchesText(glob: string, value: string): boolean {
  if (glob === '*') return true;
  const [first = '', ...others] = glob.toLowerCase().split('*');
  const text = value.toLowerCase();
  if (others.length === 0) return text === first;
  const last = others.pop() ?? '';
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
  let at = first.length;
  const end = text.length - last.length;
  for (const part of others) {
    const found = text.indexOf(part, at);
    if (found === -1 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
