/** The API and the pages of a running relay, put together. Loaded at the first request for either. */
import { type App, createApp } from '../http/app.ts';
import type { RouteNeeds } from '../http/needs.ts';
import { openAssets } from '../http/pages/assets.ts';
import { createFrame, type Notices } from '../http/pages/frame.ts';
import { liveRoutes } from '../http/pages/live-routes.ts';
import { allPages } from '../http/pages/pages.ts';
import { recentOperations } from '../http/pages/recent.ts';
import { forPeople } from '../http/pages/refusal.ts';
import { allRoutes } from '../http/routes.ts';
import { Signatures } from '../http/ses/signatures.ts';
import { createKeyReader } from '../http/unsubscribe.ts';
import type { Operations } from '../operations/operations.ts';
import { isOwnHost } from '../policy/http-exposure.ts';
import type { Access } from './access.ts';

export type OpenAppNeeds = Omit<RouteNeeds, 'signInDesk' | 'signatures'> & { readonly access: Access };

export function openApp({ access, ...given }: OpenAppNeeds): App {
  const { clock, policy } = given;
  const keys = createKeyReader({ path: () => policy().http.accessKeys, clock });
  const signatures = new Signatures({ ...given, ...access.admission, ofAccessKey: access.ofAccessKey, keys });
  const needs: RouteNeeds = { ...given, signatures, signInDesk: access.signIn.desk(given) };
  const assets = openAssets();
  const { fresh, recent } = recentOperations(needs.operations, clock);
  const live = { clock, pages: allPages({ ...needs, operations: recent }), notices: () => noticesOf(recent) };
  const layout = createFrame({ asset: assets.url, notices: () => noticesOf(fresh) });
  const app = createApp({
    ...needs,
    ...access.admission,
    routes: [...allRoutes(needs), ...liveRoutes(live)],
    pages: allPages({ ...needs, operations: fresh }),
    isOwnHost: (host) => isOwnHost(host, needs.policy()),
    assets: (path, headers) => assets.answer(path, headers),
    layout,
  });
  return async (ask) => forPeople(await app(ask), ask, layout);
}

async function noticesOf(operations: Pick<Operations, 'status'>): Promise<Notices> {
  const status = await operations.status();
  return status ?? { alerts: [], policyProblems: [], notReady: [] };
}
