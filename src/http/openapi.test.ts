import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openAccessRig } from '../../tests/fakes/access-rig.ts';
import { routesToTell, withReference } from './api-reference.ts';
import { OPENAPI_PATH, paramsOf, schemaOf } from './openapi.ts';
import { SCOPES } from './token.ts';

type Operation = {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly security: readonly Record<string, readonly string[]>[];
  readonly parameters?: readonly { name: string; in: string; required: boolean; schema: object }[];
  readonly requestBody?: { content: Record<string, unknown> };
  readonly responses: Record<string, unknown>;
};
type Document = { readonly openapi: string; readonly paths: Record<string, Record<string, Operation>> };

/** All texts of `$ref` anywhere below. */
function refsIn(value: unknown): string[] {
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === '$ref' && typeof inner === 'string' ? [inner] : refsIn(inner),
  );
}

test('everybody who is admitted gets a document that has every call, its scope, its fields and its answers', async () => {
  await using relay = await openAccessRig();
  const { token } = await relay.issue('create', 'sender', '--scopes', 'submit');
  expect((await relay.get(OPENAPI_PATH, null)).status).toBe(401);
  const response = await relay.get(OPENAPI_PATH, token);
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
  const document = (await response.json()) as Document;
  expect(document.openapi).toBe('3.1.0');
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  expect(operations.map(({ path, method }) => `${method.toUpperCase()} ${path}`).toSorted()).toEqual(
    routesToTell()
      .map(({ method, path }) => `${method} ${path}`)
      .toSorted(),
  );
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { path, operation } of operations) {
    const inPath = (operation.parameters ?? []).filter((one) => one.in === 'path').map(({ name }) => name);
    expect(inPath, path).toEqual(paramsOf(path));
    expect(operation.responses, path).toHaveProperty('2XX');
    for (const scopes of operation.security.flatMap((one) => Object.values(one)))
      for (const scope of scopes) expect(SCOPES, path).toContain(scope);
  }
  // Every reference leads somewhere in this very document.
  expect(new Set(refsIn(document))).toEqual(new Set(['#/components/schemas/Problem']));
  const hold = document.paths['/api/v1/queue/hold']?.['post'];
  expect(hold?.security).toEqual([{ token: ['operate'] }, { session: ['operate'] }]);
  expect(hold?.requestBody?.content['application/json']).toMatchObject({
    schema: { properties: { preview: { type: 'boolean', default: false } }, additionalProperties: false },
  });
});

test('no two calls are at one place, and each path is below the API or what another API has fixed', () => {
  const places = routesToTell().map(({ method, path }) => `${method} ${path.replaceAll(/\{\w+\}/g, '{}')}`);
  expect(new Set(places).size).toBe(places.length);
  for (const place of places) expect(place).toMatch(/^[A-Z]+ \/(?:api\/v1|v2\/email)\//);
});

test('every schema can be told, and no query takes a field that it does not know', () => {
  const routes = routesToTell();
  const told = routes.flatMap(({ body, answer }) => [
    ...(body?.as === 'json' ? [schemaOf(body.schema, 'input')] : []),
    ...('contentType' in answer ? [] : [schemaOf(answer, 'output')]),
  ]);
  expect(told.length).toBeGreaterThan(50);
  const lax = routes.filter(
    ({ query }) => query !== undefined && schemaOf(query, 'input')['additionalProperties'] !== false,
  );
  expect(lax.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
});

test('docs/api.md is in step with the calls', () => {
  const kept = readFileSync(join(import.meta.dirname, '../../docs/api.md'), 'utf8');
  expect(kept).toBe(withReference(kept));
});
