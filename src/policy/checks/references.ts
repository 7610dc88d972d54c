/** Places of the file that name something, and whether it is there. */
import { suggestion } from '../file/nearest.ts';
import type { Finding, Path } from '../file/problem.ts';
import { nodeAt, type TreeNode } from '../file/tree.ts';

export type Names = ReadonlySet<string>;

type Reference = {
  readonly node: TreeNode | undefined;
  readonly path: Path;
  readonly names: Names;
  readonly what: string;
};

/** A name that none of those names is. Only of text: for anything else the schema has the word. A pattern must match something. */
export function dangling({ node, path, names, what }: Reference): Finding[] {
  if (node?.kind !== 'scalar' || typeof node.value !== 'string' || node.isUnset) return [];
  const { value } = node;
  if (value.includes('*') || names.has(value)) return [];
  const shown = node.variables[0] ?? JSON.stringify(value.slice(0, 64));
  const hint = node.variables.length > 0 ? '' : suggestion(value, names);
  const list = hint === '' && names.size > 0 && names.size <= 20 ? `; there are ${[...names].join(', ')}` : hint;
  return [{ place: node.place, path, text: `no ${what} is named ${shown}${list}` }];
}

/** What is below a place, each with its key and path. */
export function children(tree: TreeNode, path: Path): [string | number, TreeNode, Path][] {
  const node = nodeAt(tree, path);
  if (node?.kind === 'map') return [...node.entries].map(([key, entry]) => [key, entry.node, [...path, key]]);
  return node?.kind === 'list' ? node.nodes.map((child, index) => [index, child, [...path, index]]) : [];
}
