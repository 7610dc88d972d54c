/** `preset` and `custom`: what they stand for, put into the tree of a policy file beside what the operator wrote. */
import { custom as customSchema, customContents } from './custom.ts';
import { isVariable, presetParts, type Part, type PartMap, type PresetParts } from './parts.ts';
import { findServers, hostNumbers, isSet, misnamedHost, type FoundServers, type OwnTerms } from './servers.ts';
import { withoutSpare } from './spare.ts';
import { presetOf, type PresetContents } from './presets.ts';
import type { Finding, Place } from '../file/problem.ts';
import { keyPlaceOf, nodeAt, scalarsOf, type Entry, type MapNode, type TreeNode } from '../file/tree.ts';
import { validateTree } from '../file/validate.ts';
import type { Environment } from '../file/variables.ts';

export type Expansion = {
  /** The tree itself where it asks for no preset; otherwise another one. The places of what a preset added are its own. */
  readonly tree: MapNode;
  readonly findings: readonly Finding[];
  readonly warnings: readonly Finding[];
  /** A preset is asked for that nothing, or not all, can be made of: names that it would bring are not there. */
  readonly isUnknown: boolean;
};

/** @param tree its variables resolved */
export function expandPreset(tree: MapNode, env: Environment): Expansion {
  const asked = (['preset', 'custom'] as const).filter((key) => isAsked(nodeAt(tree, [key])));
  const [key] = asked;
  if (key === undefined) return { tree, findings: [], warnings: [], isUnknown: false };
  if (asked.length > 1) {
    const other = keyPlaceOf(tree, ['preset']);
    const text = `does not go together with preset, which is on line ${other.line}: one of them is null`;
    const finding = { place: keyPlaceOf(tree, ['custom']), path: ['custom'], text };
    return { tree, findings: [finding], warnings: [], isUnknown: true };
  }
  const contents = contentsOf(tree, key);
  // The schema has the word.
  if (contents === null) return { tree, findings: [], warnings: [], isUnknown: true };
  const found = findServers(contents, { env, ownTerms: (name) => ownTerms(tree, name) });
  const place = nodeAt(tree, [key])?.place ?? tree.place;
  const told = (text: string): Finding => ({ place, path: [key], text });
  const parts = presetParts(contents, found.servers);
  const own = withoutSpare(tree, parts);
  const expanded = withParts(own.tree, parts, { env, place });
  return {
    tree: expanded,
    findings: faultTexts({ found, env, title: titleOf(tree, key) }).map(told),
    warnings: [...found.warnings.map(told), ...own.warnings],
    isUnknown: ['egress', 'pools'].some((name) => nodeAt(expanded, [name])?.kind !== 'map'),
  };
}

function isAsked(node: TreeNode | undefined): boolean {
  return node !== undefined && !(node.kind === 'scalar' && node.value === null);
}

function contentsOf(tree: MapNode, key: 'preset' | 'custom'): PresetContents | null {
  const node = nodeAt(tree, [key]);
  if (key === 'preset') return node?.kind === 'scalar' ? (presetOf(String(node.value)) ?? null) : null;
  if (node?.kind !== 'map') return null;
  const validation = validateTree(customSchema, node);
  return validation.kind === 'valid' ? customContents(validation.value) : null;
}

/** `hybrid-basic` */
function titleOf(tree: MapNode, key: 'preset' | 'custom'): string {
  const node = nodeAt(tree, [key]);
  return node?.kind === 'scalar' && key === 'preset' ? String(node.value) : 'custom';
}

function ownTerms(tree: MapNode, name: string): OwnTerms {
  const node = nodeAt(tree, ['egress', name]);
  const scalar = (key: string) => {
    const child = nodeAt(node, [key]);
    return child?.kind === 'scalar' ? child.value : undefined;
  };
  const type = scalar('type');
  const isOff = scalar('enabled') === false || scalar('enabled') === 'false';
  const isOther = type !== undefined && type !== (name === 'sendgrid' ? 'sendgrid' : 'smtp');
  return {
    needsNothing: isOff || isOther,
    has: (key) => node?.kind === 'map' && node.entries.has(key),
    textOf: (key) => {
      const value = scalar(key);
      return typeof value === 'string' ? value : null;
    },
  };
}

function faultTexts(ask: { found: FoundServers; env: Environment; title: string }): string[] {
  const { found, env, title } = ask;
  const { missing, servers, faults } = found;
  if (missing.length === 0) return [...faults];
  const verb = missing.length === 1 ? 'is' : 'are';
  const needs = `${title} needs ${servers.length === 1 ? 'a server' : `${servers.length} servers`}`;
  const cloud = missing.includes('SENDGRID_API_KEY') ? ' and SendGrid' : '';
  const hole = firstHole(env, missing);
  return [`${needs}${cloud}: ${listed(missing)} ${verb} not set in the environment of this process${hole}`, ...faults];
}

/** Told where a number was left out: the numbers after it do not move up. */
function firstHole(env: Environment, missing: readonly string[]): string {
  const first = Number(/^SMTP_HOST_(\d+)$/.exec(missing[0] ?? '')?.[1] ?? Number.POSITIVE_INFINITY);
  const after = hostNumbers(env).find((number) => number > first);
  if (after !== undefined) return `; SMTP_HOST_${after} is: numbers run from 1 without a hole`;
  const misnamed = misnamedHost(env, first);
  return misnamed === null ? '' : `; ${misnamed} is: the name is SMTP_HOST_${first}`;
}

function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

type Filling = { readonly env: Environment; readonly place: Place };

function withParts(tree: MapNode, parts: PresetParts, filling: Filling): MapNode {
  const entries = new Map(tree.entries);
  entries.set('egress', merged(tree, { key: 'egress', parts: parts.egress, filling }));
  entries.set('pools', merged(tree, { key: 'pools', parts: parts.pools, filling }));
  const routes = mergedRoutes(tree, { parts, filling });
  entries.set('routes', { keyPlace: tree.entries.get('routes')?.keyPlace ?? filling.place, node: routes });
  return { ...tree, entries };
}

/** Those of the preset first; one that the operator writes too has his keys before the preset’s. */
function merged(
  tree: MapNode,
  { key, parts, filling }: { key: string; parts: Readonly<Record<string, PartMap>>; filling: Filling },
): Entry {
  const own = tree.entries.get(key);
  const { place } = filling;
  if (own !== undefined && own.node.kind !== 'map') return own;
  const ownEntries = own?.node.kind === 'map' ? own.node.entries : new Map<string, Entry>();
  const entries = new Map<string, Entry>();
  for (const [name, part] of Object.entries(parts)) {
    const written = ownEntries.get(name);
    const node = nodeOf(part, filling);
    entries.set(
      name,
      written === undefined ? { keyPlace: place, node } : { ...written, node: over(node, written.node) },
    );
  }
  for (const [name, entry] of ownEntries) if (!entries.has(name)) entries.set(name, entry);
  return { keyPlace: own?.keyPlace ?? place, node: { kind: 'map', place: own?.node.place ?? place, entries } };
}

/** An exit of another type has other keys: it stands as the operator wrote it. */
function over(preset: TreeNode, own: TreeNode): TreeNode {
  if (preset.kind !== 'map' || own.kind !== 'map') return own;
  const [type, presetType] = [nodeAt(own, ['type']), nodeAt(preset, ['type'])];
  const isOther =
    type !== undefined && (type.kind !== 'scalar' || presetType?.kind !== 'scalar' || type.value !== presetType.value);
  return isOther ? own : { ...own, entries: new Map([...preset.entries, ...own.entries]) };
}

/**
 * The operator's routes down to the first that takes every message; the preset's; the operator's others. A route named
 * like one of the preset's is that one, with the operator's keys before the preset's. One that takes every message by
 * exits of the preset stands in the place of the preset's last; by others alone, it would leave the preset without mail.
 */
function mergedRoutes(tree: MapNode, { parts, filling }: { parts: PresetParts; filling: Filling }): TreeNode {
  const own = nodeAt(tree, ['routes']);
  if (own !== undefined && own.kind !== 'list') return own;
  const written = own?.nodes ?? [];
  const names = new Set(parts.routes.map(({ name }) => name));
  const others = written.filter((route) => !names.has(routeName(route)));
  const index = others.findIndex(takesEverything);
  const before = index === -1 ? others : others.slice(0, index);
  const behind = others[before.length];
  const added = parts.routes.map((part) => {
    const mine = written.find((route) => routeName(route) === part.name);
    const node = nodeOf(part, filling);
    return mine === undefined ? node : over(node, mine);
  });
  const isInPlace = behind !== undefined && usesPreset(tree, { route: behind, parts });
  const nodes = [...before, ...(isInPlace ? added.slice(0, -1) : added), ...others.slice(before.length)];
  // Where the operator's is behind, the checks of routes say that it is never reached.
  return { kind: 'list', place: own?.place ?? filling.place, nodes };
}

function usesPreset(
  tree: MapNode,
  { route, parts }: { readonly route: TreeNode; readonly parts: PresetParts },
): boolean {
  const ofPreset = new Set([...Object.keys(parts.egress), ...Object.keys(parts.pools)]);
  const used = textsIn(nodeAt(route, ['use']));
  const members = used.flatMap((name) => textsIn(nodeAt(tree, ['pools', name, 'members'])));
  return [...used, ...members].some((name) => ofPreset.has(name));
}

function textsIn(node: TreeNode | undefined): string[] {
  return node === undefined ? [] : [...scalarsOf(node)].map((scalar) => String(scalar.node.value));
}

function routeName(route: TreeNode): string {
  const name = nodeAt(route, ['name']);
  return name?.kind === 'scalar' ? String(name.value) : '';
}

function takesEverything(route: TreeNode): boolean {
  const match = nodeAt(route, ['match']);
  return route.kind === 'map' && (match === undefined || (match.kind === 'map' && match.entries.size === 0));
}

function nodeOf(part: Part, filling: Filling): TreeNode {
  const { place, env } = filling;
  if (typeof part !== 'object') return { kind: 'scalar', place, value: part, variables: [], isUnset: false };
  if (Array.isArray(part)) return { kind: 'list', place, nodes: part.map((child: Part) => nodeOf(child, filling)) };
  if (isVariable(part)) {
    const written = `\${${part.name}}`;
    const isUnset = !isSet(env, part.name);
    // What is not set is told by its name, or not missed: its egress is switched off.
    return { kind: 'scalar', place, value: isUnset ? written : String(env[part.name]), variables: [written], isUnset };
  }
  const entries = Object.entries(part).map(([key, child]): [string, Entry] => [
    key,
    { keyPlace: place, node: nodeOf(child, filling) },
  ]);
  return { kind: 'map', place, entries: new Map(entries) };
}
