/** Finds what is at a path. Paths are as OpenAPI writes them, such as `/messages/{id}`; one without braces comes before those with. */
import { TrieRouter } from 'hono/router/trie-router';

export type Found<Place> = { readonly place: Place; readonly params: Readonly<Record<string, string>> };

/** @returns what finds the place of a path as it was sent; null: there is none */
export function routerOf<Place>(places: ReadonlyMap<string, Place>): (path: string) => Found<Place> | null {
  const router = new TrieRouter<Place>();
  const sorted = [...places].toSorted(([one], [other]) => bracesIn(one) - bracesIn(other));
  for (const [path, place] of sorted) router.add('GET', path.replaceAll(/\{([A-Za-z]\w*)\}/g, ':$1'), place);
  return (path) => {
    const [found] = router.match('GET', path);
    const [first] = found;
    if (first === undefined) return null;
    const [place, named] = first;
    const params = Object.entries(named).map(([name, text]) => [name, decoded(String(text))] as const);
    return { place, params: Object.fromEntries(params) };
  };
}

function bracesIn(path: string): number {
  return path.split('{').length - 1;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
