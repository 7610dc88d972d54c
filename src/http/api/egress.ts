/** Exits: how they are, and whether they are used. */
import { z } from 'zod';
import type { RouteNeeds } from '../needs.ts';
import { type ApiRoute, defineRoute } from '../route.ts';
import { shared } from './shared.ts';

export function egressRoutes({ operations }: Pick<RouteNeeds, 'operations'>): readonly ApiRoute[] {
  const exits = shared(() => operations.exits());
  return [
    defineRoute({
      method: 'GET',
      path: '/api/v1/egress',
      scope: 'read',
      part: 'egress',
      summary: 'All exits: `relevo egress list --json`',
      answer: z.object({ exits: z.array(z.looseObject({})) }),
      run: async () => ({ kind: 'json', value: { exits: await exits() } }),
    }),
  ];
}
