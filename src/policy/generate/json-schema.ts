/** The policy schema as JSON Schema, for editors: they complete and check the YAML with it. */
import { z } from 'zod';
import { policySchema } from '../schema.ts';

type Json = { [key: string]: unknown };

/** JSON Schema (draft 7, which editors know best) of the file as it is written, variables included. */
export function policyJsonSchema(): Json {
  const schema = z.toJSONSchema(policySchema, { io: 'input', target: 'draft-7' }) as Json;
  return { description: 'The policy of a relevo relay.', ...forEditors(schema) };
}

const VARIABLE = { type: 'string', pattern: String.raw`\$\{.+\}` } as const;
/** Schemas by name, and schemas in a list or alone. */
const MAPS = ['properties'] as const;
const LISTS = ['anyOf', 'oneOf', 'allOf'] as const;
const SINGLES = ['items', 'additionalProperties'] as const;
/** The schema's own marks, which JSON Schema does not know. */
const OWN_MARKS = ['later', 'secret', 'value'] as const;
/** What says how a value reads, and not which values there are. */
const ANNOTATIONS = ['$schema', 'description', 'default'] as const;

function forEditors(node: Json): Json {
  const plain = withoutMarks(node);
  // The largest number that JavaScript counts to says nothing to an operator.
  if (plain['maximum'] === Number.MAX_SAFE_INTEGER) delete plain['maximum'];
  if (node['later'] === true) plain['description'] = `${textOf(plain['description'])} Has no effect yet.`.trim();
  for (const key of MAPS) if (isJson(plain[key])) plain[key] = mapValues(plain[key]);
  for (const key of LISTS)
    if (Array.isArray(plain[key])) plain[key] = plain[key].map((child) => forEditors(child as Json));
  // A key is written as it is: there are no variables in it.
  if (isJson(plain['propertyNames'])) plain['propertyNames'] = withoutMarks(plain['propertyNames']);
  for (const key of SINGLES) if (isJson(plain[key])) plain[key] = forEditors(plain[key]);
  return wantsVariable(plain) ? withVariable(plain) : plain;
}

function withoutMarks(node: Json): Json {
  return Object.fromEntries(Object.entries(node).filter(([key]) => !(OWN_MARKS as readonly string[]).includes(key)));
}

/** Wherever a value stands, a variable may; only where any text may stand that needs no saying. */
function wantsVariable(node: Json): boolean {
  if ('const' in node) return false;
  const types = [node['type']].flat();
  const isScalar =
    node['type'] !== 'null' &&
    types.every(
      (type) => type === 'string' || type === 'number' || type === 'integer' || type === 'boolean' || type === 'null',
    );
  return (
    isScalar &&
    node['type'] !== undefined &&
    (!types.includes('string') || 'enum' in node || 'pattern' in node || 'format' in node)
  );
}

function withVariable(node: Json): Json {
  const outer: Json = {};
  const inner: Json = {};
  for (const [key, value] of Object.entries(node)) {
    if ((ANNOTATIONS as readonly string[]).includes(key)) outer[key] = value;
    else inner[key] = value;
  }
  return { ...outer, anyOf: [inner, VARIABLE] };
}

function mapValues(properties: Json): Json {
  return Object.fromEntries(Object.entries(properties).map(([key, child]) => [key, forEditors(child as Json)]));
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
