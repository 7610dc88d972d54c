/** What was sent, held to the schemas of a route; each fault with its path. */
import { z } from 'zod';
import { type Answer, problem, problemWith } from './answer.ts';
import type { BodyOf } from './route.ts';

export type Fault = {
  readonly in: 'query' | 'body';
  /** Names and places joined by dots, such as `entries.0.address`; '': all of it. */
  readonly path: string;
  readonly text: string;
};

export type Held<Value> =
  | { readonly kind: 'good'; readonly value: Value }
  | { readonly kind: 'bad'; readonly answer: Answer };

/** Of so many faults at most is told. */
const MOST_FAULTS = 50;

/** Of a route that has no fields. */
const NO_FIELDS = z.strictObject({});
/** Of a route that changes something and needs to be told nothing. */
export const NO_BODY: BodyOf<unknown> = { as: 'json', schema: NO_FIELDS };

/** The fields after `?`. */
export function queryOf(schema: z.ZodType = NO_FIELDS, query: string): Held<unknown> {
  const fields = new Map<string, string>();
  for (const [name, text] of new URLSearchParams(query)) {
    if (fields.has(name)) return bad([{ in: 'query', path: name, text: 'is there twice' }]);
    fields.set(name, text);
  }
  return held(schema, Object.fromEntries(fields), 'query');
}

/** @returns why a body of this media type is not read; null: it is. `type`: '' where there was none */
export function wrongType(body: BodyOf<unknown>, type: string): Answer | null {
  const essence = type.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const good = body.as === 'json' ? ['application/json'] : body.contentTypes.map((one) => one.toLowerCase());
  if (good.includes(essence) || (essence === '' && body.as === 'json')) return null;
  const given = essence === '' ? 'there is no Content-Type' : `not ${essence}`;
  return problem(415, `${given}: send ${good.join(' or ')}`, { accept: good.join(', ') });
}

/** Nothing at all is `{}`: where no field must be there, none needs a body. */
export function bodyOf(body: BodyOf<unknown>, sent: Buffer): Held<unknown> {
  if (body.as === 'bytes') return { kind: 'good', value: sent };
  let value: unknown;
  try {
    value = sent.length === 0 ? {} : (JSON.parse(sent.toString()) as unknown);
  } catch {
    return bad([{ in: 'body', path: '', text: 'is no JSON' }]);
  }
  return held(body.schema, value, 'body');
}

function held(schema: z.ZodType, value: unknown, where: Fault['in']): Held<unknown> {
  const parsed = schema.safeParse(value);
  return parsed.success ? { kind: 'good', value: parsed.data } : bad(parsed.error.issues.flatMap(faultsOf(where)));
}

/** A finding of zod as faults of ours. */
export function faultsOf(where: Fault['in']): (issue: z.core.$ZodIssue) => readonly Fault[] {
  return (issue) => {
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({ in: where, path: [...issue.path, key].join('.'), text: 'is not known here' }));
    // Of the forms of a whole body, the one that it comes closest to.
    const closest =
      issue.code === 'invalid_union' && issue.path.length === 0
        ? issue.errors
            .map((issues) => issues.flatMap(faultsOf(where)))
            .toSorted((one, other) => one.length - other.length)[0]
        : undefined;
    return closest ?? [{ in: where, path: issue.path.join('.'), text: issue.message }];
  };
}

/** Also for what only a call itself can see of what was sent. */
export function faulty(errors: readonly Fault[], status: 400 | 422 = 400): Answer {
  const [first] = errors;
  const named = first === undefined ? '' : `${first.in}${first.path === '' ? '' : ` ${first.path}`}: ${first.text}`;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  return problemWith({ errors: errors.slice(0, MOST_FAULTS) }, status, { detail: named + more });
}

function bad(errors: readonly Fault[]): Held<never> {
  return { kind: 'bad', answer: faulty(errors) };
}
