/** `${NAME}` and `${file:/run/secrets/x}` in the policy's texts, resolved in place. */
import { dirname, resolve } from 'node:path';
import { type Finding, type Path } from './problem.ts';
import { nodeAt, scalarsOf, type MapNode, type ScalarNode } from './tree.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
/** Reads a text file; throws a Node system error (`code` is set). */
export type ReadFile = (path: string) => string;
/** A file that `${file:…}` named; null: it could not be read. */
export type Include = { readonly path: string; readonly text: string | null };

export type Resolution = { readonly findings: readonly Finding[]; readonly includes: readonly Include[] };

const MAX_SECRET_BYTES = 64 * 1024;
/** `$${` stands for `${`; a lone `$`, as in a password hash, for itself. */
const VARIABLE = /\$(\$\{)|\$\{([^}]*)(\}?)/g;

type Resolved =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'missing'; readonly reason: string };
type Resolve = (body: string) => Resolved;

/**
 * Resolves every variable of the tree. Inside an egress with `enabled: false` a variable may be missing: its text stays,
 * marked `isUnset`. No finding shows what a variable holds.
 * @param file the policy file: paths are relative to its folder
 */
export function resolveVariables(
  tree: MapNode,
  { file, env, readFile }: { file: string; env: Environment; readFile: ReadFile },
): Resolution {
  const includes = new Map<string, Include>();
  const resolveOne: Resolve = (body) => {
    if (body.startsWith('file:')) return fromFile(resolve(dirname(file), body.slice(5)), { body, readFile, includes });
    return fromEnvironment(body, env);
  };
  const findings: Finding[] = [];
  const scalars = [...scalarsOf(tree)].filter(
    ({ node }) => typeof node.value === 'string' && node.value.includes('${'),
  );
  // `enabled` first: it decides what else may be missing.
  const isSwitch = ({ path }: { path: Path }) => path.length === 3 && path[0] === 'egress' && path[2] === 'enabled';
  for (const { node, path } of [...scalars.filter(isSwitch), ...scalars.filter((scalar) => !isSwitch(scalar))]) {
    const reasons = resolveScalar(node, resolveOne);
    if (reasons.length === 0) continue;
    if (isDisabled(tree, path)) node.isUnset = true;
    else findings.push(...reasons.map((text) => ({ place: node.place, path, text })));
  }
  return { findings, includes: [...includes.values()] };
}

/** @returns what is missing; the value is as it was then */
function resolveScalar(node: ScalarNode, resolveOne: Resolve): string[] {
  const reasons: string[] = [];
  const variables: string[] = [];
  const text = String(node.value).replaceAll(VARIABLE, (whole: string, ...groups: (string | undefined)[]) => {
    const [escaped, body = '', end = ''] = groups;
    if (escaped !== undefined) return escaped;
    const resolved =
      end === '' ? missing('${ without its }: write $${ for the characters themselves') : resolveOne(body);
    variables.push(end === '' ? '${' : nameOf(body));
    if (resolved.kind === 'text') return resolved.text;
    reasons.push(resolved.reason);
    return whole;
  });
  node.variables = variables;
  if (reasons.length === 0) node.value = text;
  return reasons;
}

function fromEnvironment(body: string, env: Environment): Resolved {
  if (body.startsWith('sealed:'))
    return missing('a sealed secret cannot be opened by this version: use ${NAME} or ${file:…}');
  if (!/^[A-Za-z_]\w*$/.test(body))
    return missing('unknown kind of variable: ${NAME} and ${file:…} are known, and $${ stands for ${ itself');
  const text = Object.hasOwn(env, body) ? env[body] : undefined;
  return text === undefined ? missing(`the environment variable ${body} is not set`) : { kind: 'text', text };
}

function fromFile(
  path: string,
  { body, readFile, includes }: { body: string; readFile: ReadFile; includes: Map<string, Include> },
): Resolved {
  try {
    const text = includes.get(path)?.text ?? readFile(path);
    if (Buffer.byteLength(text) > MAX_SECRET_BYTES) {
      includes.set(path, { path, text: null });
      return missing(`the file of \${${body}} is larger than 64 KB`);
    }
    includes.set(path, { path, text });
    return { kind: 'text', text: text.replace(/\r?\n$/, '') };
  } catch (error) {
    // Watched all the same: it may come.
    includes.set(path, { path, text: null });
    return missing(`the file of \${${body}} cannot be read: ${reasonOf(error)}`);
  }
}

function missing(reason: string): Resolved {
  return { kind: 'missing', reason };
}

/** Only what is a name or a path is shown: `${hunter2 }` may be part of a password. */
function nameOf(body: string): string {
  return /^(?:[A-Za-z_]\w*|file:.*)$/.test(body) ? `\${${body}}` : '${…}';
}

/** Why a file cannot be read, in plain words. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const texts: Readonly<Record<string, string>> = {
    ENOENT: 'there is none',
    EACCES: 'permission denied',
    EISDIR: 'it is a folder',
    ENOTFILE: 'it is not a regular file',
  };
  return texts[code] ?? (code === '' ? 'unknown error' : code);
}

function isDisabled(tree: MapNode, path: Path): boolean {
  if (path[0] !== 'egress' || path.length < 3) return false;
  const node = nodeAt(tree, [...path.slice(0, 2), 'enabled']);
  return node?.kind === 'scalar' && (node.value === false || (node.variables.length > 0 && node.value === 'false'));
}
