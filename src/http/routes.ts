/** All calls of the API: a line for each resource. */
import { alertRoutes } from './api/alerts.ts';
import { clientRoutes } from './api/clients.ts';
import { accountRoutes } from './api/account.ts';
import { auditRoutes } from './api/audit.ts';
import { egressRoutes } from './api/egress.ts';
import { messageSearchRoutes } from './api/message-search.ts';
import { figureRoutes } from './api/figures.ts';
import { eventRoutes } from './api/events.ts';
import { messageRoutes } from './api/messages.ts';
import { openapiRoute } from './api/openapi.ts';
import { policyRoutes } from './api/policy.ts';
import { queueRoutes } from './api/queue.ts';
import { relayRoutes } from './api/relay.ts';
import { signInRoutes } from './api/sign-in.ts';
import { reportRoutes } from './api/reports.ts';
import { sesRoutes } from './api/ses.ts';
import { statsRoutes } from './api/stats.ts';
import { submitRoutes } from './api/submit.ts';
import { suppressionRoutes } from './api/suppressions.ts';
import { suppressionTransferRoutes } from './api/suppression-transfer.ts';
import { tokenRoutes } from './api/tokens.ts';
import { userRoutes } from './api/users.ts';
import { webhookRoutes } from './api/webhooks.ts';
import type { RouteNeeds } from './needs.ts';
import type { ApiRoute } from './route.ts';

export function allRoutes(needs: RouteNeeds): readonly ApiRoute[] {
  const routes = [
    ...alertRoutes(needs),
    ...clientRoutes(needs),
    ...messageRoutes(needs),
    ...messageSearchRoutes(needs),
    ...submitRoutes(needs),
    ...sesRoutes(needs),
    ...queueRoutes(needs),
    ...egressRoutes(needs),
    ...relayRoutes(needs),
    ...webhookRoutes(needs),
    ...eventRoutes(needs),
    ...tokenRoutes(needs),
    ...auditRoutes(needs),
    ...policyRoutes(needs),
    ...suppressionRoutes(needs),
    ...suppressionTransferRoutes(needs),
    ...statsRoutes(needs),
    ...figureRoutes(needs),
    ...reportRoutes(needs),
    ...signInRoutes(needs),
    ...accountRoutes(needs),
    ...userRoutes(needs),
  ];
  return [...routes, openapiRoute(routes)];
}
