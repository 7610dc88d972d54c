/** What may be written at a place of a policy's text, as an editor offers it. Pure. */
import { z } from 'zod';
import { caretAt, type Caret } from './caret.ts';
import { branchOf, childSchema, knownKeys, marksOf, type Schema, unwrapped } from './keys.ts';
import type { Path } from './problem.ts';
import { policySchema } from '../schema.ts';
import { children } from '../checks/references.ts';
import { type MapNode, nodeAt, readTree, type TreeNode } from './tree.ts';

export type Completion = {
  /** What is shown. */
  readonly label: string;
  /** What takes the place of what was typed. */
  readonly insert: string;
  readonly kind: 'key' | 'value' | 'name';
  /** One or two sentences; ''. */
  readonly description: string;
  /** What the reference calls such a value, such as `duration`; ''. */
  readonly value: string;
};

export type Completions = {
  /** Column of the first character that is replaced, from 1, up to the caret. */
  readonly column: number;
  readonly completions: readonly Completion[];
};

const MOST = 80;
const NOTHING: Completions = { column: 1, completions: [] };
const NO_TREE: MapNode = { kind: 'map', place: { line: 1, column: 1 }, entries: new Map() };

/** @param at line and column from 1: the caret is before that character */
export function completionsAt(text: string, at: { readonly line: number; readonly column: number }): Completions {
  const caret = caretAt(text, at);
  if (caret === null) return NOTHING;
  const tree = treeWithout(text, at.line);
  const all = offered(caret, tree);
  const typed = caret.typed.replace(/^["']/, '').toLowerCase();
  const begins = all.filter(({ label }) => label.toLowerCase().startsWith(typed));
  const contains = all.filter(
    ({ label }) => !begins.some((one) => one.label === label) && label.toLowerCase().includes(typed),
  );
  const found = [...begins, ...contains];
  // What is there whole needs no offer.
  const isWhole = found.length === 1 && found[0]?.insert.trimEnd() === caret.typed.trimEnd();
  return { column: caret.column, completions: isWhole ? [] : found.slice(0, MOST) };
}

/** The line that is being typed is left out where the text with it is no YAML, and then all that is below. */
function treeWithout(text: string, line: number): MapNode {
  const lines = text.split('\n');
  for (const tried of [text, lines.with(line - 1, '').join('\n'), lines.slice(0, line - 1).join('\n')]) {
    const { tree } = readTree(tried);
    if (tree !== null) return tree;
  }
  return NO_TREE;
}

function offered(caret: Caret, tree: MapNode): Completion[] {
  const schemas = schemasAt(caret.path, tree);
  const keys = caret.what === 'value' ? [] : keysAt(schemas, { caret, tree });
  if (caret.what === 'key') return keys;
  return [...namesFor(caret.path, tree), ...valuesOf(schemas), ...keys];
}

/** Several where the file does not say yet which kind of thing it is. */
function schemasAt(path: Path, tree: MapNode): readonly Schema[] {
  let at: readonly Schema[] = [policySchema];
  for (const [depth, step] of path.entries()) {
    const node = nodeAt(tree, path.slice(0, depth));
    at = at.flatMap((schema) => kindsOf(schema, node)).flatMap((kind) => childSchema(kind, step) ?? []);
  }
  return at;
}

function kindsOf(schema: Schema, node: TreeNode | undefined): readonly Schema[] {
  const bare = unwrapped(branchOf(schema, node));
  return bare instanceof z.ZodUnion ? (bare.options as readonly Schema[]).map(unwrapped) : [bare];
}

function keysAt(
  schemas: readonly Schema[],
  { caret, tree }: { readonly caret: Caret; readonly tree: MapNode },
): Completion[] {
  const node = nodeAt(tree, caret.path);
  const there = node?.kind === 'map' ? new Set(node.entries.keys()) : new Set<string>();
  const found = new Map<string, Completion>();
  for (const kind of schemas.flatMap((schema) => kindsOf(schema, node))) {
    for (const key of knownKeys(kind, node) ?? []) {
      if (found.has(key) || (there.has(key) && key !== caret.typed)) continue;
      const child = childSchema(kind, key);
      if (child !== undefined) found.set(key, keyOffer(key, child, caret.isFlow));
    }
  }
  return [...found.values(), ...(found.size === 0 ? freeKeys(caret.path) : [])];
}

function keyOffer(key: string, schema: Schema, isFlow: boolean): Completion {
  const { description, value } = marksOf(schema);
  const bare = unwrapped(schema);
  const hasLines =
    !isFlow && (bare instanceof z.ZodObject || bare instanceof z.ZodRecord || bare instanceof z.ZodDiscriminatedUnion);
  return { label: key, insert: hasLines ? `${key}:` : `${key}: `, kind: 'key', description, value };
}

/** Names that mean something where any name goes. */
function freeKeys(path: Path): Completion[] {
  const known: Readonly<Record<string, readonly string[]>> = {
    streams: ['transactional', 'marketing'],
    shaping: ['default'],
  };
  const names = path.length === 1 ? (known[String(path[0])] ?? []) : [];
  return names.map((name) => ({ label: name, insert: `${name}:`, kind: 'key', description: '', value: '' }));
}

function valuesOf(schemas: readonly Schema[]): Completion[] {
  const found = new Map<string, Completion>();
  for (const schema of schemas) {
    const { description, value } = marksOf(schema);
    for (const text of literalsOf(schema))
      found.set(text, { label: text, insert: text, kind: 'value', description, value });
  }
  return [...found.values()];
}

function literalsOf(schema: Schema): string[] {
  if (schema instanceof z.ZodNullable) return [...literalsOf(schema.def.innerType), 'null'];
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) return literalsOf(schema.def.innerType);
  if (schema instanceof z.ZodPipe) return literalsOf(schema.def.in);
  if (schema instanceof z.ZodEnum) return schema.options.map(String);
  if (schema instanceof z.ZodLiteral) return [...schema.values].map(String);
  if (schema instanceof z.ZodBoolean) return ['true', 'false'];
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => literalsOf(option as Schema));
  return [];
}

type Names = 'egress' | 'pools' | 'streams' | 'clients' | 'routes' | 'domains';

/** Places whose values are names of something in the file; `*` is any key or place. */
const REFERENCES: readonly (readonly [string, readonly Names[]])[] = [
  ['routes.*.use.*', ['pools', 'egress']],
  ['routes.*.match.stream', ['streams']],
  ['routes.*.match.stream.*', ['streams']],
  ['routes.*.match.client', ['clients']],
  ['routes.*.match.client.*', ['clients']],
  ['pools.*.members.*', ['egress', 'pools']],
  ['pools.*.members.*.egress', ['egress', 'pools']],
  ['clients.*.stream', ['streams']],
  ['egress.*.streams.*', ['streams']],
  ['egress.*.budget.exempt.*', ['streams']],
  ['webhooks.*.clients.*', ['clients']],
  ['tests.*.message.client', ['clients']],
  ['tests.*.message.stream', ['streams']],
  ['tests.*.expect.stream', ['streams']],
  ['tests.*.expect.route', ['routes']],
  ['tests.*.expect.egress.*', ['egress']],
];

function namesFor(path: Path, tree: MapNode): Completion[] {
  const kinds = REFERENCES.find(([pattern]) => isAt(pattern, path))?.[1] ?? [];
  return kinds.flatMap((kind) =>
    definedNames(kind, tree).map((name) => ({ label: name, insert: name, kind: 'name', description: '', value: kind })),
  );
}

function isAt(pattern: string, path: Path): boolean {
  const steps = pattern.split('.');
  return steps.length === path.length && steps.every((step, place) => step === '*' || step === path[place]);
}

function definedNames(kind: Names, tree: TreeNode): string[] {
  if (kind !== 'routes') return children(tree, [kind]).map(([key]) => String(key));
  return children(tree, ['routes']).flatMap(([, route]) => {
    const name = nodeAt(route, ['name']);
    return name?.kind === 'scalar' && typeof name.value === 'string' ? [name.value] : [];
  });
}
