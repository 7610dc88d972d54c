/** A tree held to a schema, with variables fitted to what is wanted in their place. */
import type { z } from 'zod';
import { pathOf, type Issue } from './findings.ts';
import { isOptional, schemaAt, type Schema } from './keys.ts';
import { nodeAt, plainValue, type MapNode } from './tree.ts';

export type Validation<Value> =
  | { readonly kind: 'valid'; readonly value: Value }
  | { readonly kind: 'invalid'; readonly issues: readonly Issue[] };

/** Fits where a domain is wanted, as well as where any text is. */
const UNSET = 'unset.invalid';

/** What a tree means to a schema. Variables in it become numbers and switches where those are wanted. */
export function validateTree<S extends z.ZodType>(schema: S, tree: MapNode): Validation<z.output<S>> {
  for (;;) {
    const result = schema.safeParse(plainValue(tree));
    if (result.success) return { kind: 'valid', value: result.data };
    // Each round turns at least one text into a value, or drops one: it ends.
    const hasChanged = result.error.issues.map((issue) => fitVariable(issue, { schema, tree })).includes(true);
    if (!hasChanged) return { kind: 'invalid', issues: result.error.issues };
  }
}

/** A variable is text, but may stand where a number or a switch is wanted; one that may be unset leaves the default, if there is one. */
function fitVariable(issue: Issue, { schema: root, tree }: { schema: Schema; tree: MapNode }): boolean {
  const path = pathOf(issue);
  const node = nodeAt(tree, path);
  if (node?.kind !== 'scalar' || node.variables.length === 0 || typeof node.value !== 'string') return false;
  if (node.isUnset) {
    // Of a list it leaves the default of the whole.
    const isInList = nodeAt(tree, path.slice(0, -1))?.kind === 'list';
    const key = isInList ? path.slice(0, -1) : path;
    const parent = nodeAt(tree, key.slice(0, -1));
    const schema = schemaAt(root, { tree, path: key });
    if (schema === undefined || parent?.kind !== 'map') return false;
    if (isOptional(schema)) return parent.entries.delete(String(key.at(-1)));
    // What must be there has some value, which nobody uses.
    const isNew = node.value !== UNSET;
    node.value = UNSET;
    return isNew;
  }
  if (issue.code !== 'invalid_type') return false;
  if ((issue.expected === 'number' || issue.expected === 'int') && /^-?\d{1,15}(?:\.\d{1,9})?$/.test(node.value))
    node.value = Number(node.value);
  else if (issue.expected === 'boolean' && /^(?:true|false)$/.test(node.value)) node.value = node.value === 'true';
  return typeof node.value !== 'string';
}
