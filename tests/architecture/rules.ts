/**
 * The rules of the house that the linter has no words for. Each takes one source and returns what is wrong with it.
 * A deviation is written where it is made, on the line or the one before: `// architecture: <the reason>`.
 */
import { posix } from 'node:path';
import { lineAt } from './source-text.ts';
import { isTest, type SourceFile } from './source-tree.ts';

export type Rule = (file: SourceFile) => string[];

/** Which folder of `src/` may use which; `ports.ts` is open to all but the nouns. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  message: [],
  policy: ['message'],
  sign: ['message', 'running'],
  spool: ['message', 'running', 'sign'],
  running: [],
  egress: ['message', 'policy', 'running'],
  ingress: ['message', 'policy', 'sign', 'spool'],
  routing: ['message', 'policy', 'spool'],
  schedule: ['message', 'policy', 'spool', 'routing', 'egress'],
  exits: ['message', 'policy', 'running', 'spool', 'routing', 'egress', 'schedule'],
  feedback: ['message', 'policy', 'spool'],
  clients: ['message', 'policy', 'running', 'spool'],
  report: ['message', 'policy', 'running', 'spool'],
  http: 'message policy running sign spool routing egress schedule exits feedback clients report operations'.split(' '),
};
/** What puts the parts together, with the files right in `src/`: it sees everything but the process edge. */
const COMPOSITION: readonly string[] = ['', 'foundation', 'workers', 'watches', 'access', 'operations', 'control'];
/** The process edge: the commands, which see everything and which only the entry of the process sees. */
const EDGE = 'cli';

export const FOLDERS: readonly string[] = [...Object.keys(MAY_IMPORT), ...COMPOSITION, EDGE];

const IMPORT =
  /(?:^(?:import|export)\b[^;']*\bfrom |^import |\bimport\(\s*|\bimport\.meta\.resolve\(\s*|\bnew URL\(\s*(?='\.))'(?<specifier>[^'\n]+)'/gm;

/** Every module that a source names: imports, re-exports, dynamic imports, worker entries. */
export function importsOf(file: SourceFile): { readonly specifier: string; readonly line: number }[] {
  return [...file.code.matchAll(IMPORT)].map((match) => ({
    specifier: match.groups?.['specifier'] ?? '',
    line: lineAt(file.code, match.index),
  }));
}

/** @param packages those that the relay may use at run time */
export function importRule(packages: readonly string[]): Rule {
  return (file) => {
    if (isTest(file.path)) return [];
    return importsOf(file).flatMap(({ specifier, line }) => {
      const allowed = specifier.startsWith('.')
        ? mayImport(file.path, posix.join(posix.dirname(file.path), specifier))
        : specifier.startsWith('node:') ||
          packages.some((name) => specifier === name || specifier.startsWith(`${name}/`));
      return allowed || excused(file, line) ? [] : [`${file.path}:${line} may not import ${specifier}`];
    });
  };
}

function mayImport(from: string, to: string): boolean {
  const [user, used] = [folderOf(from), folderOf(to)];
  if (used === null) return false;
  if (user === null) return false;
  if (to === 'src/main.ts') return false;
  if (used === EDGE) return user === EDGE || from === 'src/main.ts';
  if (user === EDGE || COMPOSITION.includes(user)) return true;
  if (used === '') return to === 'src/ports.ts' && user !== 'message';
  return used === user || MAY_IMPORT[user]?.includes(used) === true;
}

/** `message` for `src/message/x.ts`, '' for a file right in `src/`, null outside. */
function folderOf(path: string): string | null {
  const parts = path.split('/');
  if (parts[0] !== 'src') return null;
  return parts.length === 2 ? '' : (parts[1] ?? null);
}

/** A thread without them reads what the process keeps out of memory. */
export function threadRule(file: SourceFile): string[] {
  if (isTest(file.path)) return [];
  return [...file.code.matchAll(/\bnew Worker\((?![^;]*\bexecArgv: \[\.\.\.THREAD_FLAGS\])/g)].map(
    (match) => `${file.path}:${lineAt(file.code, match.index)} starts a thread without THREAD_FLAGS`,
  );
}

const NOT_DETERMINISTIC = [
  /\bDate\.now\b/g,
  /\bnew Date(?:\(\s*\)|(?![\w(]))/g,
  /(?<![.\w]|new )Date\(/g,
  /\bMath\.random\b/g,
  /(?<![.\w])(?:setTimeout|setInterval)\b/g,
  /\bAbortSignal\.timeout\b/g,
  /\bperformance\.(?:now|timeOrigin)\b/g,
  /\bprocess\.(?:env|hrtime|uptime)\b/g,
];

/** Clock, randomness and environment come in as ports, so that a test can bring its own. */
export const deterministicRule: Rule = (file) => {
  if (isTest(file.path) || ['src/system.ts', 'src/main.ts'].includes(file.path)) return [];
  if (file.path.startsWith('src/cli/')) return [];
  return matches(file, NOT_DETERMINISTIC).map(
    ({ text, line }) => `${file.path}:${line} uses ${text}: take it as a port`,
  );
};

const EMPTY_WORDS = new Set(['job', 'item', 'manager', 'service', 'util', 'helper', 'handler', 'utility']);

/** Words that say nothing, in names that are ours: what follows a dot may be somebody else's. */
export const nameRule: Rule = (file) => {
  if (isTest(file.path)) return [];
  const inPath = wordsOf(file.path).filter((word) => EMPTY_WORDS.has(word));
  const inCode = matches(file, [/(?<![.\w$#]|\.#)#?[A-Za-z_$][\w$]*/g])
    // smtp-server calls a method of this name for each verb.
    .filter(({ text }) => !text.startsWith('handler_') && wordsOf(text).some((word) => EMPTY_WORDS.has(word)))
    .map(({ text, line }) => `${file.path}:${line} is named ${text}: say what it is`);
  return [...inPath.map((word) => `${file.path} is named ${word}: say what lives there`), ...inCode];
};

function wordsOf(name: string): string[] {
  const words = name.replaceAll(/([a-z0-9])([A-Z])|([A-Z])(?=[A-Z][a-z])/g, '$1$3 $2').toLowerCase();
  return words.split(/[^a-z]+/).map((word) => word.replace(/(?:ie|y)s?$/, 'y').replace(/s$/, ''));
}

/**
 * An exported function or class states its promise. One of a single line may speak for itself, and the comment that opens
 * a file stands for the first of them, where the file is about it. A command of the command line states it as `summary`.
 */
export const docstringRule: Rule = (file) => {
  const lines = file.whole.split('\n');
  const exported = matches(file, [/^export (?:async )?(?:function\*?|(?:abstract )?class) \w+/gm]);
  const opened = lines[0]?.startsWith('/**') === true ? 1 : 0;
  return exported.slice(opened).flatMap(({ text, line }) => {
    const above = lines[line - 2]?.trim() ?? '';
    const trivial = lines.slice(line - 1, line + 2).some((candidate) => /^\}|\}$/.test(candidate));
    const command = file.path.startsWith('src/cli/') && /function add[A-Z]/.test(text);
    const stated = above.endsWith('*/') || above.startsWith('//') || trivial || command;
    return stated ? [] : [`${file.path}:${line} has no docstring: ${text}`];
  });
};

/** One name, one place: nothing is exported twice. (Default exports are the linter's.) */
export const barrelRule: Rule = (file) => [
  ...(posix.basename(file.path) === 'index.ts' ? [`${file.path} is a barrel: import from where things live`] : []),
  ...matches(file, [/\bexport \*/g]).map(({ line }) => `${file.path}:${line} exports all of another file`),
];

/** `RFC 5321 §4.2.4`: the one form, from which `docs/rfcs.md` is made. */
export const citationRule: Rule = (file) =>
  [...file.whole.matchAll(/\bRFC[- ]?\d+(?:[ ,(]+(?:[Ss]ection|[Ss]ect?\.|[Aa]ppendix)(?!\w))?/g)]
    .filter(([text]) => !/^RFC \d+$/.test(text))
    .map((match) => ({ text: match[0], line: lineAt(file.whole, match.index) }))
    .filter(({ line }) => !excused(file, line))
    .map(({ text, line }) => `${file.path}:${line} cites "${text}": write RFC 5321 §4.2.4`);

function matches(file: SourceFile, patterns: readonly RegExp[]): { readonly text: string; readonly line: number }[] {
  return patterns
    .flatMap((pattern) => [...file.bare.matchAll(pattern)])
    .map((match) => ({ text: match[0], line: lineAt(file.bare, match.index) }))
    .filter(({ line }) => !excused(file, line));
}

function excused(file: SourceFile, line: number): boolean {
  const lines = file.whole.split('\n');
  return [lines[line - 1], lines[line - 2]].some((text) => /\/\/ architecture: \S.{9}/.test(text ?? ''));
}
