import { readFileSync } from 'node:fs';
import { isAbsolute, relative, sep } from 'node:path';
import { lackedWarnings } from '../../policy/bound-exits.ts';
import { loadPolicy, type LoadResult } from '../../policy/file/load.ts';
import { formatProblem } from '../../policy/file/problem.ts';
import type { Policy } from '../../policy/schema.ts';
import { canSendFrom } from '../../system.ts';
import { type Cli } from '../cli.ts';
import { placeData, type Where } from '../../foundation/data-folder.ts';

export type LoadedPolicy =
  | {
      readonly kind: 'loaded';
      readonly policy: Policy;
      readonly version: string;
      readonly warnings: readonly string[];
      readonly bound: Extract<LoadResult, { kind: 'loaded' }>['bound'];
    }
  /** Each a line for operators: `config/relevo.yaml:41:7 egress.ip-1: …`. */
  | { readonly kind: 'refused'; readonly problems: readonly string[] };

/** Reads and validates the policy of a command. */
export function loadPolicyFile(cli: Cli, where: Where): LoadedPolicy {
  let text: string;
  try {
    text = readFileSync(where.policyFile, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const why = code === 'ENOENT' ? 'no such file: `relevo start` writes a first one' : `cannot be read (${code})`;
    return { kind: 'refused', problems: [`${shownPath(cli, where.policyFile)}: ${why}`] };
  }
  return loadPolicyText(cli, where, text);
}

/** The same for a text that may become the file. */
export function loadPolicyText(cli: Cli, where: Where, text: string): LoadedPolicy {
  const file = shownPath(cli, where.policyFile);
  const result: LoadResult = loadPolicy({ file, text, env: cli.env, readFile: (path) => readFileSync(path, 'utf8') });
  if (result.kind === 'refused') return { kind: 'refused', problems: result.problems.map(formatProblem) };
  return { ...result, policy: placeData(result.policy, where) };
}

/** Its warnings, and those of exits whose local address this machine lacks. */
export async function warningsHere({ warnings, bound }: Extract<LoadedPolicy, { kind: 'loaded' }>): Promise<string[]> {
  return [...warnings, ...(await lackedWarnings(bound, canSendFrom))];
}

/** As a person in the working folder would name it. The same file for the process, which reads relative paths from there. */
export function shownPath(cli: Cli, path: string): string {
  const near = relative(cli.cwd, path);
  const isBelow = near !== '' && near !== '..' && !near.startsWith(`..${sep}`) && !isAbsolute(near);
  return isBelow && cli.cwd === process.cwd() ? near : path;
}
