/** What the schema says about a place of the file: its keys, description, default and marks. */
import { z } from 'zod';
import type { Path } from './problem.ts';
import { nodeAt, type TreeNode } from './tree.ts';

export type Schema = z.core.$ZodType;

export type Marks = {
  readonly description: string;
  /** What the reference calls such a value: `duration`; '' where the schema's own type says it. */
  readonly value: string;
  /** Validates, but has no effect in this version. */
  readonly isLater: boolean;
  readonly isSecret: boolean;
  /** As it would be written in the file; undefined where there is none. */
  readonly fallback: unknown;
};

/** Without the layers that say what may be left out or is made of a value. */
export function unwrapped(schema: Schema): Schema {
  const inner = innerOf(schema);
  return inner === null ? schema : unwrapped(inner);
}

/** The outermost word counts: `.meta` on a wrapper goes before what is inside. */
export function marksOf(schema: Schema): Marks {
  const inner = innerOf(schema);
  const below = inner === null ? NO_MARKS : marksOf(inner);
  const meta = z.globalRegistry.get(schema) ?? {};
  return {
    description: meta.description ?? below.description,
    value: typeof meta['value'] === 'string' ? meta['value'] : below.value,
    isLater: meta['later'] === true || below.isLater,
    isSecret: meta['secret'] === true || below.isSecret,
    fallback: schema instanceof z.ZodPrefault ? schema.def.defaultValue : below.fallback,
  };
}

/** Whether a key may be left out of the file. */
export function isOptional(schema: Schema): boolean {
  return z.safeParse(schema, undefined).success;
}

/**
 * The schema of a place, as far as the file's own values tell which branch of a union holds there.
 * @returns undefined for a place that the schema does not know
 */
export function schemaAt(schema: Schema, { tree, path }: { tree: TreeNode; path: Path }): Schema | undefined {
  let at: Schema | undefined = schema;
  for (const [depth, step] of path.entries()) {
    if (at === undefined) return undefined;
    at = childSchema(branchOf(at, nodeAt(tree, path.slice(0, depth))), step);
  }
  return at;
}

/** The schema of a key or element; undefined where there can be none. */
export function childSchema(schema: Schema, step: string | number): Schema | undefined {
  const bare = unwrapped(schema);
  if (bare instanceof z.ZodObject) return Object.hasOwn(bare.shape, step) ? bare.shape[step] : undefined;
  if (bare instanceof z.ZodRecord) return bare.valueType;
  return bare instanceof z.ZodArray ? bare.element : undefined;
}

/** Keys that a mapping may have here; null where any name goes. */
export function knownKeys(schema: Schema, node: TreeNode | undefined): string[] | null {
  const bare = unwrapped(branchOf(schema, node));
  return bare instanceof z.ZodObject ? Object.keys(bare.shape) : null;
}

/** Of a union the branch that a node means: by its discriminator, or by being a list or not. Else the schema itself. */
export function branchOf(schema: Schema, node: TreeNode | undefined): Schema {
  const bare = unwrapped(schema);
  if (bare instanceof z.ZodDiscriminatedUnion) {
    const given = nodeAt(node, [bare.def.discriminator]);
    const value = given?.kind === 'scalar' ? given.value : undefined;
    return bare.options.find((option) => discriminates(option, { key: bare.def.discriminator, value })) ?? schema;
  }
  if (bare instanceof z.ZodUnion && node?.kind === 'list')
    return bare.options.find((option) => unwrapped(option) instanceof z.ZodArray) ?? schema;
  return schema;
}

function discriminates(option: Schema, { key, value }: { key: string; value: unknown }): boolean {
  return option._zod.propValues?.[key]?.has(value as string | undefined) === true;
}

function innerOf(schema: Schema): Schema | null {
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional || schema instanceof z.ZodNullable)
    return schema.def.innerType;
  return schema instanceof z.ZodPipe ? schema.def.in : null;
}

const NO_MARKS: Marks = { description: '', value: '', isLater: false, isSecret: false, fallback: undefined };
