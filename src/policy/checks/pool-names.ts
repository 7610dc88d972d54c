/** Members of pools in the file: each must be something, once, and no pool may be in itself. */
import type { Finding, Path, Place } from '../file/problem.ts';
import { children, dangling, type Names } from './references.ts';
import { nodeAt, type MapNode, type TreeNode } from '../file/tree.ts';

type Member = { readonly name: string; readonly place: Place; readonly path: Path };

/** Dangling members, members twice in one pool, and pools in themselves. */
export function findPoolNames(tree: MapNode, { egress, pools }: { egress: Names; pools: Names }): Finding[] {
  const names = new Set([...egress, ...pools]);
  const members = new Map(children(tree, ['pools']).map(([pool]) => [String(pool), membersOf(tree, String(pool))]));
  const unknown = [...members.keys()].flatMap((pool) =>
    children(tree, ['pools', pool, 'members']).flatMap(([, node, path]) => {
      const at = nameNode(node, path);
      return dangling({ ...at, names, what: pools.size > 0 ? 'egress or pool' : 'egress' });
    }),
  );
  return [...unknown, ...[...members.values()].flatMap(twice), ...cycles(members, egress)];
}

/** A member is a name, or a mapping with one. */
function nameNode(node: TreeNode, path: Path): { readonly node: TreeNode | undefined; readonly path: Path } {
  return node.kind === 'map' ? { node: nodeAt(node, ['egress']), path: [...path, 'egress'] } : { node, path };
}

function membersOf(tree: MapNode, pool: string): Member[] {
  return children(tree, ['pools', pool, 'members']).flatMap(([, written, at]) => {
    const { node, path } = nameNode(written, at);
    if (node?.kind !== 'scalar' || typeof node.value !== 'string') return [];
    return [{ name: node.value, place: node.place, path }];
  });
}

function twice(members: readonly Member[]): Finding[] {
  return members.flatMap(({ name, place, path }, index) => {
    const first = members.findIndex((other) => other.name === name);
    if (first === index) return [];
    const text = `is a member already on line ${members[first]?.place.line}: give it a weight`;
    return [{ place, path, text }];
  });
}

/** Each circle of pools once, with the line of every step of it. */
function cycles(pools: ReadonlyMap<string, readonly Member[]>, egress: Names): Finding[] {
  const told = new Set<string>();
  return [...pools.keys()].flatMap((pool): Finding[] => {
    // A name that is an egress's as well is a clash, and told as one.
    const way = told.has(pool) || egress.has(pool) ? null : wayBack(pools, pool, [{ pool, member: null }]);
    const [first, ...others] = way ?? [];
    if (way === null || first === undefined) return [];
    for (const { name } of way) told.add(name);
    const by = others.map(({ name, place }) => `${name} on line ${place.line}`);
    const text = `pool ${pool} is in itself${by.length === 0 ? '' : `, by way of ${first.name}: ${by.join(', ')}`}`;
    return [{ place: first.place, path: first.path, text }];
  });
}

type Step = { readonly pool: string; readonly member: Member | null };

/** The members that lead from a pool to itself; null: none do. */
function wayBack(
  pools: ReadonlyMap<string, readonly Member[]>,
  pool: string,
  steps: readonly Step[],
): readonly Member[] | null {
  const last = steps.at(-1)?.pool ?? pool;
  for (const member of pools.get(last) ?? []) {
    const way = [...steps, { pool: member.name, member }];
    if (member.name === pool) return way.flatMap((step) => step.member ?? []);
    if (!pools.has(member.name) || steps.some((step) => step.pool === member.name)) continue;
    const found = wayBack(pools, pool, way);
    if (found !== null) return found;
  }
  return null;
}
