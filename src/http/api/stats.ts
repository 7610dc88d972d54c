/** Figures of the relay. */
import { z } from 'zod';
import type { RouteNeeds } from '../needs.ts';
import { type ApiRoute, defineRoute } from '../route.ts';
import { shared } from './shared.ts';

export function statsRoutes({ operations }: Pick<RouteNeeds, 'operations'>): readonly ApiRoute[] {
  const stats = shared(() => operations.stats());
  return [
    defineRoute({
      method: 'GET',
      path: '/api/v1/stats',
      scope: 'read',
      part: 'stats',
      summary:
        'What went out today, what waits, what exits cost, and what might be done about it: `relevo stats --json`',
      answer: z.looseObject({}),
      run: async () => ({ kind: 'json', value: await stats() }),
    }),
  ];
}
