/** What somebody did on a page: a call of the API that the page made for them, a search, a click on what only the page itself knows. */
import type { Request } from 'playwright-core';

export type Deed = {
  /** The path of the page. */
  readonly at: string;
  /** A method and a path, or `click do next`. */
  readonly what: string;
  /** What was sent with it, by name: of the body, or of the query. */
  readonly fields: readonly string[];
};

/** @returns nothing where a page only asks for itself, or a part of itself */
export function deedOf(request: Request, at: string): Deed[] {
  const { pathname, searchParams } = new URL(request.url());
  const isSearch = request.isNavigationRequest() && pathname === at && searchParams.size > 0;
  if (!pathname.startsWith('/api/v1/') && !pathname.startsWith('/language/') && !isSearch) return [];
  return [{ at, what: `${request.method()} ${pathname}`, fields: [...searchParams.keys(), ...bodyFields(request)] }];
}

function bodyFields(request: Request): string[] {
  const text = request.postData() ?? '';
  if (!text.startsWith('{')) return [];
  const value = JSON.parse(text) as Readonly<Record<string, unknown>>;
  return value['preview'] === true ? ['preview'] : Object.keys(value);
}

/**
 * Whether that was done. @param wanted such as `POST /api/v1/egress/{name}/pause reason @/exits`: a method and a path, names of fields
 * that were sent, and behind the @ how the page's path begins
 */
export function wasDone(wanted: string, deeds: readonly Deed[]): boolean {
  const [what = '', at = '/'] = wanted.split(' @');
  const [method = '', path = '', ...fields] = what.trim().split(' ');
  if (method === 'click') return deeds.some((deed) => `${deed.what} `.startsWith(`${what} `) && deed.at.startsWith(at));
  const pattern = new RegExp(`^${method} ${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
  return deeds.some(
    (deed) => pattern.test(deed.what) && deed.at.startsWith(at) && fields.every((field) => deed.fields.includes(field)),
  );
}
