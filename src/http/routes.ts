/** All calls of the API: a line for each resource. */
import { egressRoutes } from './api/egress.ts';
import { messageRoutes } from './api/messages.ts';
import { policyRoutes } from './api/policy.ts';
import { statsRoutes } from './api/stats.ts';
import { suppressionRoutes } from './api/suppressions.ts';
import type { RouteNeeds } from './needs.ts';
import type { ApiRoute } from './route.ts';

export function allRoutes(needs: RouteNeeds): readonly ApiRoute[] {
  return [
    ...messageRoutes(needs),
    ...egressRoutes(needs),
    ...policyRoutes(needs),
    ...suppressionRoutes(needs),
    ...statsRoutes(needs),
  ];
}
