/** All calls of the API: a line for each resource. */
import { alertRoutes } from './api/alerts.ts';
import { accountRoutes } from './api/account.ts';
import { egressRoutes } from './api/egress.ts';
import { messageRoutes } from './api/messages.ts';
import { policyRoutes } from './api/policy.ts';
import { signInRoutes } from './api/sign-in.ts';
import { sesRoutes } from './api/ses.ts';
import { statsRoutes } from './api/stats.ts';
import { submitRoutes } from './api/submit.ts';
import { suppressionRoutes } from './api/suppressions.ts';
import { userRoutes } from './api/users.ts';
import type { RouteNeeds } from './needs.ts';
import type { ApiRoute } from './route.ts';

export function allRoutes(needs: RouteNeeds): readonly ApiRoute[] {
  return [
    ...alertRoutes(needs),
    ...messageRoutes(needs),
    ...submitRoutes(needs),
    ...sesRoutes(needs),
    ...egressRoutes(needs),
    ...policyRoutes(needs),
    ...suppressionRoutes(needs),
    ...statsRoutes(needs),
    ...signInRoutes(needs),
    ...accountRoutes(needs),
    ...userRoutes(needs),
  ];
}
