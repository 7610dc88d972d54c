/** The reference of the API, as Markdown, made from its routes. */
import type { z } from 'zod';
import { isTold } from './api/openapi.ts';
import type { RouteNeeds } from './needs.ts';
import { type JsonSchema, queryFieldsOf, schemaOf } from './openapi.ts';
import type { ApiRoute } from './route.ts';
import { allRoutes } from './routes.ts';

/** What follows this line of `docs/api.md` is generated. */
const REFERENCE_BEGINS = '<!-- generated from the routes by `npm run generate` from here on; do not edit -->';

/** All calls of the API, to be looked at: none of them can be run. */
export function routesToTell(): readonly ApiRoute[] {
  return allRoutes(hollow as RouteNeeds).filter(isTold);
}

/** Stands for everything that routes are made from. */
const hollow: unknown = new Proxy(() => {}, {
  get: (_, key) => (key === Symbol.toPrimitive ? () => '' : hollow),
  apply: () => hollow,
});

/** `docs/api.md` with its reference as it must be. @param text as it is now: what stands before the reference is kept */
export function withReference(text: string): string {
  const head = text.split(REFERENCE_BEGINS, 1)[0]?.trimEnd() ?? '';
  return `${head}\n\n${REFERENCE_BEGINS}\n\n${apiReference(routesToTell())}`;
}

/** A chapter for each part, in the order in which the parts come first. */
function apiReference(routes: readonly ApiRoute[]): string {
  const lines = ['## Reference', ''];
  for (const [part, those] of Map.groupBy(routes, ({ part }) => part)) {
    lines.push(`### ${part.charAt(0).toUpperCase()}${part.slice(1)}`, '');
    for (const route of those) lines.push(...linesOf(route), '');
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

function linesOf(route: ApiRoute): readonly string[] {
  const { method, path, scope, summary, isOpen = false, body, answer } = route;
  const who = isOpen ? 'open to all' : scope === null ? 'any token or user' : `scope \`${scope}\``;
  const fields = [
    ...queryFieldsOf(route).map(({ name, isRequired, schema }) => fieldOf(`?${name}`, schema, isRequired)),
    ...(body === undefined ? [] : bodyFields(body)),
  ];
  const told = fields.filter(({ description }) => description !== '');
  const plain = fields.filter(({ description }) => description === '');
  return [
    `**\`${method} ${path}\`** (${who}): ${sentence(summary)}`,
    ...(fields.length === 0 && !('contentType' in answer) ? [] : ['']),
    ...told.map(({ text, description }) => `- ${text}: ${description}`),
    ...(plain.length === 0 ? [] : [`- ${plain.map(({ text }) => text).join(', ')}`]),
    ...('contentType' in answer ? [`- answers \`${answer.contentType}\``] : []),
  ];
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

type Field = { readonly text: string; readonly description: string };

function bodyFields(body: NonNullable<ApiRoute['body']>): readonly Field[] {
  if (body.as === 'json') return jsonFields(body.schema);
  const whole = { text: `a body of ${body.contentTypes.map((type) => `\`${type}\``).join(' or ')}`, description: '' };
  return body.json === undefined ? [whole] : [...jsonFields(body.json), whole];
}

function jsonFields(json: z.ZodType): readonly Field[] {
  const whole = schemaOf(json, 'input');
  // One of several forms: the fields of all, required where each has them so.
  const forms = (whole['anyOf'] ?? [whole]) as readonly JsonSchema[];
  const fields = new Map(
    forms.flatMap((form) => Object.entries((form['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>)),
  );
  const isRequired = (name: string): boolean =>
    forms.every((form) => ((form['required'] ?? []) as readonly string[]).includes(name));
  if (fields.size === 0) return [{ text: 'a body of JSON', description: '' }];
  return [...fields].map(([name, field]) => fieldOf(name, field, isRequired(name)));
}

function fieldOf(name: string, schema: JsonSchema, isRequired: boolean): Field {
  const byDefault = schema['default'];
  const facts = [
    typeText(schema),
    isRequired ? 'required' : '',
    byDefault === undefined || byDefault === null ? '' : `default \`${JSON.stringify(byDefault)}\``,
  ].filter((fact) => fact !== '');
  const { description } = schema;
  return {
    text: `\`${name}\`${facts.length === 0 ? '' : ` (${facts.join('; ')})`}`,
    description: typeof description === 'string' ? description : '',
  };
}

const MOST_NAMES = 12;

function typeText(schema: JsonSchema): string {
  const { type, enum: names, anyOf, oneOf, const: only, minimum, maximum } = schema;
  if (only !== undefined) return `\`${JSON.stringify(only)}\``;
  if (Array.isArray(names))
    return names.length > MOST_NAMES
      ? `one of ${names.length} names`
      : names.map((one) => `\`${String(one)}\``).join(' · ');
  const either = anyOf ?? oneOf;
  if (Array.isArray(either))
    return [...new Set((either as JsonSchema[]).map(typeText).filter((text) => text !== 'null' && text !== ''))].join(
      ' or ',
    );
  if (type === 'array') return `list of ${typeText((schema['items'] ?? {}) as JsonSchema) || 'values'}`;
  if (typeof minimum === 'number' && typeof maximum === 'number' && maximum < Number.MAX_SAFE_INTEGER)
    return `${String(type)} from ${minimum} to ${maximum}`;
  return typeof type === 'string' ? type : '';
}
