/** All pages: a line for each. */
import type { RouteNeeds } from '../needs.ts';
import type { Page } from '../page.ts';
import { exitPage } from './exit.ts';
import { exitsPage } from './exits.ts';
import { overviewPage } from './overview.ts';
import { policyPage } from './policy.ts';

export function allPages(needs: RouteNeeds): readonly Page[] {
  return [overviewPage(needs), exitsPage(needs), exitPage(needs), policyPage(needs)];
}
