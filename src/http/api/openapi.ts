/** What there is, for programs. */
import { z } from 'zod';
import { OPENAPI_PATH, openapiOf } from '../openapi.ts';
import { type ApiRoute, defineRoute } from '../route.ts';

/** @param routes all others; itself it adds */
export function openapiRoute(routes: readonly ApiRoute[]): ApiRoute {
  let text: string | null = null;
  const route: ApiRoute = defineRoute({
    method: 'GET',
    path: OPENAPI_PATH,
    scope: null,
    part: 'relay',
    summary: 'This API as OpenAPI 3.1, made from the schemas that check what is sent',
    answer: z.looseObject({ openapi: z.string() }),
    run: async () => {
      text ??= `${JSON.stringify(openapiOf([...routes, route].filter(isTold)))}\n`;
      return { kind: 'answer', answer: { status: 200, contentType: 'application/json; charset=utf-8', text } };
    },
  });
  return route;
}

/** Calls that only pages make of themselves are no part of what is promised. */
export function isTold({ part }: ApiRoute): boolean {
  return part !== 'pages';
}
