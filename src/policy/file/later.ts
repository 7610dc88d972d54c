/** Keys of later versions that a file sets: they validate, and the operator is told that nothing comes of them yet. */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { branchOf, childSchema, marksOf, type Schema } from './keys.ts';
import type { Finding, Path } from './problem.ts';
import { keyPlaceOf, plainValue, type TreeNode } from './tree.ts';

const NO_EFFECT = 'has no effect yet in this version';

/** One finding for each key that asks for something, its default included; none for the keys below it. */
export function findLater(schema: Schema, tree: TreeNode): Finding[] {
  return search({ schema, node: tree, path: [] }, tree);
}

type Position = { readonly schema: Schema; readonly node: TreeNode; readonly path: Path };

function search({ schema, node, path }: Position, tree: TreeNode): Finding[] {
  const branch = branchOf(schema, node);
  if (marksOf(schema).isLater || marksOf(branch).isLater)
    return asksForNothing(schema, node) ? [] : [{ place: keyPlaceOf(tree, path), path, text: NO_EFFECT }];
  if (node.kind === 'scalar') return [];
  const children: [string | number, TreeNode][] =
    node.kind === 'map' ? [...node.entries].map(([key, entry]) => [key, entry.node]) : [...node.nodes.entries()];
  return children.flatMap(([step, child]) => {
    const below = childSchema(branch, step);
    return below === undefined ? [] : search({ schema: below, node: child, path: [...path, step] }, tree);
  });
}

/** `null`, nothing, none: what is not asked for is not missed. */
function asksForNothing(schema: Schema, node: TreeNode): boolean {
  const value = plainValue(node);
  const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  const isOff = value === null || value === 'off' || isEmpty || (typeof value === 'string' && /^0\D*$/.test(value));
  return isOff && isDefault(schema, node);
}

function isDefault(schema: Schema, node: TreeNode): boolean {
  const fallback = z.safeParse(schema, undefined);
  const given = z.safeParse(schema, plainValue(node));
  return fallback.success && given.success && isDeepStrictEqual(given.data, fallback.data);
}
