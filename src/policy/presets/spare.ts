/**
 * What the operator says of exits, pools and routes that only other presets have: `smtp-4: { dailyLimit: 300 }` beside a
 * preset of three servers. It waits there for a larger one, so that going from preset to preset needs no other edit.
 */
import type { PresetParts } from './parts.ts';
import type { Finding, Path } from '../file/problem.ts';
import { keyPlaceOf, nodeAt, type MapNode, type TreeNode } from '../file/tree.ts';

/** Names that presets give, and the key without which an entry of such a name can only mean the preset's. */
const KINDS = [
  { key: 'egress', needs: 'type', names: /^(?:smtp-[1-9]\d{0,2}|sendgrid)$/ },
  { key: 'pools', needs: 'members', names: /^(?:owned(?:-[a-z]+)?|cloud)$/ },
] as const;
const ROUTES = { needs: 'use', names: /^preset(?:-[a-z]+)?$/ } as const;

/** The tree without it, and a warning for each. */
export function withoutSpare(
  tree: MapNode,
  parts: PresetParts,
): { readonly tree: MapNode; readonly warnings: readonly Finding[] } {
  const entries = new Map(tree.entries);
  const warnings: Finding[] = [];
  const leaveOut = (path: Path): void => {
    const text = 'has no effect: the preset has none of this name';
    warnings.push({ place: keyPlaceOf(tree, path), path, text });
  };
  for (const { key, needs, names } of KINDS) {
    const own = tree.entries.get(key);
    if (own?.node.kind !== 'map') continue;
    const spare = [...own.node.entries].filter(
      ([name, { node }]) => names.test(name) && !Object.hasOwn(parts[key], name) && lacks(node, needs),
    );
    for (const [name] of spare) leaveOut([key, name]);
    const left = new Map([...own.node.entries].filter((entry) => !spare.some(([name]) => name === entry[0])));
    entries.set(key, { ...own, node: { ...own.node, entries: left } });
  }
  const routes = tree.entries.get('routes');
  if (routes?.node.kind === 'list') {
    const isSpare = (route: TreeNode): boolean => {
      const name = nodeAt(route, ['name']);
      const text = name?.kind === 'scalar' ? String(name.value) : '';
      return ROUTES.names.test(text) && !parts.routes.some((part) => part.name === text) && lacks(route, ROUTES.needs);
    };
    for (const [index, route] of routes.node.nodes.entries()) if (isSpare(route)) leaveOut(['routes', index]);
    const nodes = routes.node.nodes.filter((route) => !isSpare(route));
    entries.set('routes', { ...routes, node: { ...routes.node, nodes } });
  }
  return { tree: { ...tree, entries }, warnings };
}

function lacks(node: TreeNode, key: string): boolean {
  return node.kind === 'map' && !node.entries.has(key);
}
