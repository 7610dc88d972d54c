/** What the schema has against a file, in plain words and at the right place. */
import type { z } from 'zod';
import { knownKeys, marksOf, schemaAt, type Schema } from './keys.ts';
import { suggestion } from './nearest.ts';
import { shortened, type Finding, type Path } from './problem.ts';
import { keyPlaceOf, nodeAt, placeOf, type TreeNode } from './tree.ts';

export type Issue = z.core.$ZodIssue;
/** Told of one mapping: looking for near names takes its time. */
const MAX_UNKNOWN_KEYS = 50;
/** Where there are more, a list of them helps nobody. */
const MAX_LISTED_KEYS = 14;
type Context = { readonly schema: Schema; readonly tree: TreeNode };

/** One finding for each fault: several for one issue of unknown keys. */
export function findingsOf(issues: readonly Issue[], context: Context): Finding[] {
  return issues.flatMap((issue) => findingsOfIssue(issue, pathOf(issue), context));
}

/** `, found "many"`; nothing for a secret; of a variable its name and never what it holds. */
function foundText(path: Path, { schema, tree }: Context): string {
  const node = nodeAt(tree, path);
  if (node === undefined) return '';
  if (node.kind === 'list') return node.nodes.length === 0 ? ', found an empty list' : ', found a list';
  if (node.kind === 'map') return ', found a mapping';
  const [variable] = node.variables;
  if (variable !== undefined) return `, found the value of ${variable}`;
  if (isSecret(path, { schema, tree })) return '';
  if (node.value === null) return ', found nothing';
  return `, found ${typeof node.value === 'string' ? JSON.stringify(shortened(node.value)) : String(node.value)}`;
}

/** The path of an issue in the file. */
export function pathOf(issue: Issue): Path {
  return issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
}

function findingsOfIssue(issue: Issue, path: Path, context: Context): Finding[] {
  const { tree } = context;
  if (issue.code === 'unrecognized_keys')
    return issue.keys.slice(0, MAX_UNKNOWN_KEYS).map((key) => unknownKey([...path, key], context));
  if (issue.code === 'invalid_key') {
    const text = `${issue.issues[0]?.message ?? 'expected another name'}, found ${JSON.stringify(String(path.at(-1)))}`;
    return [{ place: keyPlaceOf(tree, path), path, text }];
  }
  const node = nodeAt(tree, path);
  if (issue.code === 'invalid_union' && node?.kind === 'list') {
    // The branch that takes lists knows which element is wrong.
    const inner = issue.errors.find((branch) => branch.some((part) => part.path.length > 0));
    if (inner !== undefined) return inner.flatMap((part) => findingsOfIssue(part, [...path, ...pathOf(part)], context));
  }
  if (node === undefined) return [{ place: placeOf(tree, path), path, text: `is required${choiceText(issue)}` }];
  return [{ place: node.place, path, text: `${issueText(issue, path, context)}` }];
}

function unknownKey(path: Path, { schema, tree }: Context): Finding {
  const parent = path.slice(0, -1);
  const at = schemaAt(schema, { tree, path: parent });
  const known = at === undefined ? null : knownKeys(at, nodeAt(tree, parent));
  const hint = suggestion(String(path.at(-1)), known ?? []);
  const list =
    hint === '' && known !== null && known.length <= MAX_LISTED_KEYS ? `; known here: ${known.join(', ')}` : hint;
  return { place: keyPlaceOf(tree, path), path, text: `unknown key${list}` };
}

function issueText(issue: Issue, path: Path, context: Context): string {
  const node = nodeAt(context.tree, path);
  const choices = choicesOf(issue);
  if (choices !== null) {
    const isShown = node?.kind === 'scalar' && node.variables.length === 0 && !isSecret(path, context);
    const hint = isShown && typeof node.value === 'string' ? suggestion(node.value, choices) : '';
    return `expected one of ${choices.join(', ')}${foundText(path, context)}${hint}`;
  }
  const text = issue.message.startsWith('expected ') || issue.code === 'custom' ? issue.message : genericText(issue);
  if (!text.startsWith('expected ')) return text;
  if (issue.code === 'invalid_type' && isContainer(issue.expected) && node?.kind === 'scalar' && node.value !== null)
    return `${text}, found a single value`;
  const isUnquoted = text === 'expected text' && node?.kind === 'scalar' && node.value !== null;
  return `${text}${foundText(path, context)}${isUnquoted ? ': put it in quotes' : ''}`;
}

function genericText(issue: Issue): string {
  if (issue.code === 'invalid_type') return `expected ${TYPES[issue.expected] ?? issue.expected}`;
  if (issue.code === 'too_small')
    return issue.origin === 'string' ? 'expected text' : `expected at least ${issue.minimum}`;
  return issue.code === 'too_big' ? `expected at most ${issue.maximum}` : 'expected another value';
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};

function isContainer(expected: string): boolean {
  return expected === 'array' || expected === 'object' || expected === 'record';
}

function choiceText(issue: Issue): string {
  const choices = choicesOf(issue);
  return choices === null ? '' : `: one of ${choices.join(', ')}`;
}

function choicesOf(issue: Issue): string[] | null {
  if (issue.code === 'invalid_value') return issue.values.map(String);
  if (issue.code !== 'invalid_union' || !('options' in issue) || !Array.isArray(issue.options)) return null;
  // An option that may be left out counts by its name alone.
  return issue.options.filter((option) => option !== undefined).map(String);
}

function isSecret(path: Path, { schema, tree }: Context): boolean {
  return path.some((_, depth) => {
    const at = schemaAt(schema, { tree, path: path.slice(0, depth + 1) });
    return at !== undefined && marksOf(at).isSecret;
  });
}
