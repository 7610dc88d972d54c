/**
 * A policy file as a tree of values that know their places. YAML is hostile input here as anywhere: the size, the depth
 * and what aliases may unfold to are bounded.
 */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Alias,
  type Document,
  type YAMLError,
} from 'yaml';
import { type Finding, type Path, type Place } from './problem.ts';

export type ScalarNode = {
  readonly kind: 'scalar';
  readonly place: Place;
  value: string | number | boolean | null;
  /** The variables that the value was made of, as written: `${SMTP_PORT}`. Such a value is never shown. */
  variables: string[];
  /** A variable in it is not set, and may be unset here. */
  isUnset: boolean;
};
export type ListNode = { readonly kind: 'list'; readonly place: Place; readonly nodes: readonly TreeNode[] };
export type MapNode = { readonly kind: 'map'; readonly place: Place; readonly entries: Map<string, Entry> };
export type Entry = { readonly keyPlace: Place; readonly node: TreeNode };
export type TreeNode = ScalarNode | ListNode | MapNode;

export type TreeResult = { readonly tree: MapNode | null; readonly findings: readonly Finding[] };

/** Larger files are refused unread. */
export const MAX_TEXT_BYTES = 1024 ** 2;
const MAX_DEPTH = 32;
/** Each is searched for in the whole document. */
const MAX_ALIASES = 100;
/** Values that come from aliases, all together. */
const MAX_ALIASED = 10_000;
const MAX_SYNTAX_FINDINGS = 5;
const START: Place = { line: 1, column: 1 };

/** Reads a policy file's text. `tree` is null where the findings leave nothing to go on with. */
export function readTree(text: string): TreeResult {
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES) return failed('the file is larger than 1 MB');
  const lines = new LineCounter();
  // Unique keys are checked here and not by the library: its way takes a minute for 60,000 keys.
  const options = { lineCounter: lines, prettyErrors: false, uniqueKeys: false, resolveKnownTags: false } as const;
  const document = parseDocument(text, options);
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) return { tree: null, findings: syntaxFindings(faults, { text, lines }) };
  return new TreeBuilder(document, lines).build();
}

/** The node at a path; undefined where the file has none. */
export function nodeAt(tree: TreeNode | undefined, path: Path): TreeNode | undefined {
  let node = tree;
  for (const step of path) {
    if (node?.kind === 'map') node = node.entries.get(String(step))?.node;
    else if (node?.kind === 'list' && typeof step === 'number') node = node.nodes[step];
    else return undefined;
  }
  return node;
}

/** Where a path, or as much of it as the file has, is written: the value; the key for what has no value. */
export function placeOf(tree: TreeNode, path: Path): Place {
  for (let length = path.length; length > 0; length--) {
    const node = nodeAt(tree, path.slice(0, length));
    if (node !== undefined) return length === path.length ? node.place : keyPlaceOf(tree, path.slice(0, length));
  }
  return tree.place;
}

/** Where the key that a path ends with is written; of a list's element, the element. */
export function keyPlaceOf(tree: TreeNode, path: Path): Place {
  const parent = nodeAt(tree, path.slice(0, -1));
  const last = path.at(-1);
  const entry = parent?.kind === 'map' && last !== undefined ? parent.entries.get(String(last)) : undefined;
  return entry?.keyPlace ?? nodeAt(tree, path)?.place ?? START;
}

/** The tree as plain values, for the schema. */
export function plainValue(node: TreeNode): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.nodes.map(plainValue);
  // Without a prototype, so that a key `__proto__` is a key like any other.
  const plain = Object.create(null) as Record<string, unknown>;
  for (const [key, entry] of node.entries) plain[key] = plainValue(entry.node);
  return plain;
}

/** Every scalar with its path. */
export function* scalarsOf(node: TreeNode, path: Path = []): Generator<{ node: ScalarNode; path: Path }> {
  if (node.kind === 'scalar') yield { node, path };
  if (node.kind === 'list')
    for (const [index, child] of node.nodes.entries()) yield* scalarsOf(child, [...path, index]);
  if (node.kind === 'map') for (const [key, entry] of node.entries) yield* scalarsOf(entry.node, [...path, key]);
}

class TreeBuilder {
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly #findings: Finding[] = [];
  #aliases = 0;
  #aliased = 0;

  constructor(document: Document, lines: LineCounter) {
    this.#document = document;
    this.#lines = lines;
  }

  build(): TreeResult {
    const node = this.#document.contents;
    const tree = this.#node(node, { path: [], depth: 0, isAliased: false, place: START });
    if (tree?.kind === 'map') return { tree, findings: this.#findings };
    if (this.#findings.length > 0) return { tree: null, findings: this.#findings };
    const isEmpty = tree?.kind === 'scalar' && tree.value === null;
    return failed(
      isEmpty ? 'the file is empty: a policy has at least a hostname' : 'expected keys, such as hostname: …',
    );
  }

  #node(node: unknown, at: Spot): TreeNode | null {
    const place = this.#placeOf(node) ?? at.place;
    if (at.depth > MAX_DEPTH) return this.#refuse({ ...at, place }, 'nested too deeply');
    if (at.isAliased && ++this.#aliased > MAX_ALIASED) {
      // Said once: each of the thousands that follow is as wrong.
      return this.#aliased === MAX_ALIASED + 1 ? this.#refuse({ ...at, place }, 'aliases unfold to too much') : null;
    }
    if (isAlias(node)) return this.#alias(node, { ...at, place });
    if (isMap(node)) return this.#map(node.items, { ...at, place });
    if (isSeq(node)) {
      const nodes = node.items.map((child, index) => this.#node(child, below(at, index, place)));
      return { kind: 'list', place, nodes: nodes.filter((child) => child !== null) };
    }
    const value: unknown = isScalar(node) ? node.value : null;
    return { kind: 'scalar', place, value: scalarValue(value), variables: [], isUnset: false };
  }

  #alias(node: Alias, at: Spot): TreeNode | null {
    if (++this.#aliases > MAX_ALIASES)
      return this.#aliases === MAX_ALIASES + 1 ? this.#refuse(at, `more than ${MAX_ALIASES} aliases`) : null;
    const target = node.resolve(this.#document);
    if (target === undefined)
      return this.#refuse(at, 'an alias without its anchor: a value that starts with * needs quotes');
    return this.#node(target, { ...at, depth: at.depth + 1, isAliased: true });
  }

  #map(pairs: readonly { key: unknown; value: unknown }[], at: Spot): MapNode {
    const entries = new Map<string, Entry>();
    for (const { key, value } of pairs) {
      const keyPlace = this.#placeOf(key) ?? at.place;
      const name = isScalar(key) && key.value !== null ? keyText(key) : null;
      if (name === null) {
        this.#refuse({ ...at, place: keyPlace }, 'expected a name before the colon');
        continue;
      }
      const spot = below(at, name, keyPlace);
      const first = entries.get(name);
      if (first !== undefined) {
        this.#refuse({ ...spot, place: keyPlace }, `duplicate key, first on line ${first.keyPlace.line}`);
        continue;
      }
      const node = this.#node(value, spot);
      if (node !== null) entries.set(name, { keyPlace, node });
    }
    return { kind: 'map', place: at.place, entries };
  }

  #placeOf(node: unknown): Place | null {
    const range = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range : null;
    return range === null || range === undefined ? null : placeAt(this.#lines, range[0]);
  }

  #refuse(at: Spot, text: string): null {
    this.#findings.push({ place: at.place, path: at.path, text });
    return null;
  }
}

type Spot = { readonly path: Path; readonly depth: number; readonly isAliased: boolean; readonly place: Place };

function below(at: Spot, step: string | number, place: Place): Spot {
  return { path: [...at.path, step], depth: at.depth + 1, isAliased: at.isAliased, place };
}

function keyText(key: { value: unknown; source?: string }): string {
  return typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
}

function scalarValue(value: unknown): ScalarNode['value'] {
  // The core schema of YAML has no other scalars.
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
}

/** One a line, and the first few: an error of YAML drags others behind it. */
function syntaxFindings(errors: readonly YAMLError[], source: { text: string; lines: LineCounter }): Finding[] {
  const rows = source.text.split('\n');
  const found = new Map<number, Finding>();
  for (const error of errors.toSorted((left, right) => left.pos[0] - right.pos[0])) {
    const place = placeAt(source.lines, error.pos[0]);
    if (found.has(place.line) || found.size >= MAX_SYNTAX_FINDINGS) continue;
    // A window of the line and not the line: it may be a megabyte long.
    const nearby = (rows[place.line - 1] ?? '').slice(Math.max(0, place.column - 100), place.column + 20);
    const isBareVariable = /[[{].*[^"'\w]\$\{/.test(nearby);
    const text = isBareVariable ? 'a variable inside { } or [ ] needs quotes: "${NAME}"' : syntaxText(error);
    found.set(place.line, { place, path: [], text });
  }
  return [...found.values()];
}

/** In own words: the library's may quote the line, and with it a secret. */
function syntaxText(error: YAMLError): string {
  if (error.code === 'MISSING_CHAR' && error.message.startsWith('Missing closing'))
    return 'a quote that was opened above is not closed';
  return SYNTAX[error.code] ?? 'not valid YAML';
}

const SYNTAX: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'indented with a tab: use spaces',
  BAD_INDENT: 'wrong indentation, or a bracket that is not closed',
  MISSING_CHAR: 'something is missing here: a bracket, a comma, or a colon after a key',
  UNEXPECTED_TOKEN: 'this does not belong here: a value with special characters needs quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a mapping cannot start here: a value with ": " in it needs quotes',
  BLOCK_IN_FLOW: 'this does not belong inside { } or [ ]',
  MULTILINE_IMPLICIT_KEY: 'a key must be on one line: is a colon or a quote missing?',
  BAD_SCALAR_START: 'a value that starts with this character needs quotes',
  BAD_ALIAS: 'a value that starts with * or & needs quotes',
  BAD_DQ_ESCAPE: 'no such escape in double quotes: use single quotes, or \\\\ for a backslash',
  MULTIPLE_ANCHORS: 'a value that starts with & needs quotes',
  MULTIPLE_TAGS: 'a value that starts with ! needs quotes',
  TAG_RESOLVE_FAILED: 'a value that starts with ! needs quotes',
  MULTIPLE_DOCS: 'a second document starts here: a policy is one',
};

function placeAt(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function failed(text: string): TreeResult {
  return { tree: null, findings: [{ place: START, path: [], text }] };
}
