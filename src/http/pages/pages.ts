/** All pages: a line for each. */
import type { RouteNeeds } from '../needs.ts';
import type { Page } from '../page.ts';

export function allPages(_needs: RouteNeeds): readonly Page[] {
  return [];
}
