/** OpenAPI 3.1 of the API, made from the very schemas that check what is sent. */
import { z } from 'zod';
import type { ApiRoute } from './route.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

export const OPENAPI_PATH = '/api/v1/openapi.json';

/** What a request must be (`input`), or what an answer is (`output`). */
export function schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _, ...made } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return made;
}

/** Names of the braces of a path. */
export function paramsOf(path: string): readonly string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
}

/** Fields after `?`, each with its schema. */
export function queryFieldsOf({
  query,
}: ApiRoute): readonly { name: string; isRequired: boolean; schema: JsonSchema }[] {
  if (query === undefined) return [];
  const schema = schemaOf(query, 'input');
  const required = (schema['required'] ?? []) as readonly string[];
  const fields = (schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>;
  return Object.entries(fields).map(([name, field]) => ({ name, isRequired: required.includes(name), schema: field }));
}

/** The document, whole. @param routes in the order of the reference */
export function openapiOf(routes: readonly ApiRoute[]): JsonSchema {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const place = (paths[route.path] ??= {});
    place[route.method.toLowerCase()] = operationOf(route);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'relevo',
      version: '1',
      description:
        'The API of a relevo relay. Fields are only added, never renamed. Errors are problem documents (RFC 9457).',
    },
    servers: [{ url: '/' }],
    tags: [...new Set(routes.map(({ part }) => part))].map((name) => ({ name })),
    paths,
    components: { securitySchemes: SECURITY, schemas: { Problem: PROBLEM } },
  };
}

const SECURITY = {
  token: {
    type: 'http',
    scheme: 'bearer',
    description: 'A token: `relevo token create`. Its scopes are those of each call.',
  },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: 'relevo-session',
    description: 'Somebody who signed in at the pages. What changes something needs the field `X-Relevo-CSRF` as well.',
  },
} as const;

const PROBLEM = {
  type: 'object',
  description: 'RFC 9457. `errors`: each fault of what was sent.',
  required: ['type', 'title', 'status', 'detail'],
  properties: {
    type: { const: 'about:blank' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    errors: {
      type: 'array',
      // architecture: JSON Schema calls them so.
      items: {
        type: 'object',
        required: ['in', 'path', 'text'],
        properties: { in: { enum: ['query', 'body'] }, path: { type: 'string' }, text: { type: 'string' } },
      },
    },
  },
} as const;

function operationOf(route: ApiRoute): JsonSchema {
  const { summary, part, scope, isOpen = false, body } = route;
  const parameters = [
    ...paramsOf(route.path).map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
    ...queryFieldsOf(route).map(({ name, isRequired, schema }) => ({
      name,
      in: 'query',
      required: isRequired,
      schema,
    })),
  ];
  const scopes = scope === null ? [] : [scope];
  return {
    operationId: operationId(route),
    summary,
    tags: [part],
    // OpenAPI 3.1 lets schemes that are not OAuth name what whoever asks needs.
    security: isOpen ? [] : [{ token: scopes }, { session: scopes }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: requestOf(body) }),
    responses: { ...answerOf(route), default: WRONG },
  };
}

const WRONG = {
  description: 'What went wrong',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};

function requestOf(body: NonNullable<ApiRoute['body']>): JsonSchema {
  if (body.as === 'json')
    return { required: true, content: { 'application/json': { schema: schemaOf(body.schema, 'input') } } };
  const { contentTypes, json } = body;
  const content = contentTypes.map((type) => {
    const isJson = type === 'application/json' && json !== undefined;
    return [type, isJson ? { schema: schemaOf(json, 'input') } : {}];
  });
  return { required: true, content: Object.fromEntries(content) };
}

function answerOf({ answer }: ApiRoute): JsonSchema {
  const content =
    'contentType' in answer
      ? { [answer.contentType]: {} }
      : { 'application/json': { schema: schemaOf(answer, 'output') } };
  return { '2XX': { description: 'Done', content } };
}

/** Such as `postQueueHold`, `getMessagesId`. */
function operationId({ method, path }: ApiRoute): string {
  const words = path
    .replace(/^\/api\/v1\//, '')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '');
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}
