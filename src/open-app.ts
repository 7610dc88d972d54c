/** The API and the pages of a running relay, put together. Loaded at the first request for either. */
import type { Access } from './access.ts';
import { type App, type Assets, createApp } from './http/app.ts';
import type { SessionOf } from './http/admission.ts';
import type { RouteNeeds } from './http/needs.ts';
import { layout } from './http/pages/layout.ts';
import { allPages } from './http/pages/pages.ts';
import { allRoutes } from './http/routes.ts';

export type OpenAppNeeds = RouteNeeds & { readonly access: Access };

const NOBODY: SessionOf = async () => null;
const NOTHING: Assets = async () => null;

export function openApp({ access, ...needs }: OpenAppNeeds): App {
  return createApp({
    ...needs,
    ...access.admission,
    routes: allRoutes(needs),
    pages: allPages(needs),
    sessionOf: NOBODY,
    assets: NOTHING,
    layout,
  });
}
