/** The parts of a rendered page that are replaced while it is open. Pure. */

/** Elements that have no end of their own. */
const VOID = new Set([
  'area',
  'base',
  'br',
  'col',
  'embed',
  'hr',
  'img',
  'input',
  'link',
  'meta',
  'source',
  'track',
  'wbr',
]);
/** What is given to the templates is escaped, so that every `<` is one of a tag that a page wrote. */
const TAG = /<(\/?)([a-z][a-z0-9-]*)((?:"[^"]*"|[^">])*)>/g;
const NAME = /\sdata-live="([^"]+)"/;

/** Elements with `data-live`, whole, by its value. Of one in another only the outer is there. */
export function regionsOf(page: string): Map<string, string> {
  const regions = new Map<string, string>();
  let open: { readonly name: string; readonly tag: string; readonly start: number; depth: number } | null = null;
  for (const match of page.matchAll(TAG)) {
    const [text, slash, tag = '', attributes = ''] = match;
    if (VOID.has(tag) || attributes.endsWith('/')) continue;
    if (open === null) {
      const name = slash === '' ? NAME.exec(attributes)?.[1] : undefined;
      if (name !== undefined) open = { name, tag, start: match.index, depth: 1 };
      continue;
    }
    if (tag !== open.tag) continue;
    open.depth += slash === '' ? 1 : -1;
    if (open.depth > 0) continue;
    regions.set(open.name, page.slice(open.start, match.index + text.length));
    open = null;
  }
  return regions;
}
