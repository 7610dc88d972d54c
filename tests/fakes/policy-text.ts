/** Policies in tests, as text: what is wrong with them, or what they become. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { loadPolicy, type LoadResult } from '../../src/policy/file/load.ts';
import { formatProblem, type Problem } from '../../src/policy/file/problem.ts';
import type { Environment } from '../../src/policy/file/variables.ts';

const FILE = 'config/relevo.yaml';

export function loadText(text: string, env: Environment = {}, file = FILE): LoadResult {
  return loadPolicy({ file, text, env, readFile: (path) => readFileSync(path, 'utf8') });
}

/** The problems without the file's name, which stands before each of them; none for a policy that loads. */
export function problemsIn(text: string, env: Environment = {}): string[] {
  const result = loadText(text, env);
  if (result.kind === 'loaded') return [];
  for (const problem of result.problems) expectAtPlace(text, problem);
  return result.problems.map(formatProblem).map(withoutFile);
}

/** The policy of a text that must load. */
export function loaded(text: string, env: Environment = {}): Extract<LoadResult, { kind: 'loaded' }> {
  const result = loadText(text, env);
  if (result.kind === 'refused') throw new Error(result.problems.map(formatProblem).join('\n'));
  return result;
}

/** Without the file's name as well. */
export function warningsIn(text: string): string[] {
  return loaded(text).warnings.map(withoutFile);
}

function withoutFile(line: string): string {
  expect(line.startsWith(`${FILE}:`)).toBe(true);
  return line.slice(FILE.length + 1);
}

/** Whatever a problem says it found, or calls an unknown key, stands at the place that it gives. */
function expectAtPlace(text: string, { line, column, path, text: problem }: Problem): void {
  const there = (text.split(/\r?\n/)[line - 1] ?? '').slice(column - 1);
  const found = /, found "(.*?)"/.exec(problem)?.[1]?.replace(/\.\.\.$/, '');
  const key = problem.startsWith('unknown key') ? path.split('.').at(-1) : undefined;
  const wanted = found ?? key ?? '';
  expect(there.replace(/^["']/, '').slice(0, wanted.length)).toBe(wanted);
}
