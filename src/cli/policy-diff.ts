import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Command } from 'commander';
import { parse } from 'yaml';
import { addCommand, type Cli, type ExitCode, type Registry } from './cli.ts';
import type { Where } from './data-folder.ts';
import { cut, json, printable } from './output.ts';
import { loadPolicyFile } from './policy-file.ts';

/** A key with another value, as the files have it; undefined: the file does not say. */
export type KeyChange = { readonly key: string; readonly from: unknown; readonly to: unknown };

const SECRETS = /password|secret|key|token|url|webhook/i;
/** In a URL. */
const CREDENTIALS = /:\/\/[^/]*@/;
const LONGEST_VALUE = 100;

/** `relevo policy diff <file>` */
export function addPolicyDiff(policy: Command, registry: Registry): void {
  addCommand(policy, registry, {
    usage: 'diff <file>',
    summary: 'the keys that differ between the policy file and another one',
    json: true,
    shape: (command) =>
      command.addHelpText(
        'after',
        '\nCompares what is written: a key that is left out has its default. Exit code 1 when one of them would be refused.',
      ),
    run: async (cli, { args, options, where }) =>
      diffFiles(cli, { where, file: resolve(cli.cwd, String(args[0])), asJson: options.json === true }),
  });
}

function diffFiles(
  cli: Cli,
  { where, file, asJson }: { readonly where: Where; readonly file: string; readonly asJson: boolean },
): ExitCode {
  const { terminal } = cli;
  const files = [where.policyFile, file];
  const problems = files.flatMap((policyFile) => {
    const loaded = loadPolicyFile(cli, { ...where, policyFile });
    return loaded.kind === 'refused' ? loaded.problems : [];
  });
  if (problems.length > 0) {
    terminal.out(asJson ? json({ file, valid: false, problems }) : `${problems.join('\n')}\n`);
    return 1;
  }
  const [from, to] = files.map((path) => parse(readFileSync(path, 'utf8')) as unknown);
  const changes = keyChanges(from, to).map(withoutSecrets);
  if (asJson) terminal.out(json({ file, valid: true, changes }));
  else if (changes.length === 0) terminal.out('Nothing differs.\n');
  else for (const change of changes) terminal.out(`${printable(lineOf(change))}\n`);
  return 0;
}

/** In the order of the first, then what the second has beside. Lists of things with names are compared by name. */
export function keyChanges(from: unknown, to: unknown, at = ''): KeyChange[] {
  if (isDeepStrictEqual(from, to)) return [];
  const [left, right] = [byName(from), byName(to)];
  if (left === null || right === null) return [{ key: at, from, to }];
  const keys = [...new Set([...left.keys(), ...right.keys()])];
  const changes = keys.flatMap((key) => keyChanges(left.get(key), right.get(key), at === '' ? key : `${at}.${key}`));
  // The same things in another order: of routes the first that matches counts.
  return changes.length > 0 ? changes : [{ key: `${at} (order)`, from: [...left.keys()], to: [...right.keys()] }];
}

/** null: it is a value of its own. */
function byName(value: unknown): ReadonlyMap<string, unknown> | null {
  if (typeof value !== 'object' || value === null) return null;
  if (!Array.isArray(value)) return new Map(Object.entries(value));
  const entries = value.map((one: unknown): [string, unknown] | null => {
    const isNamed = typeof one === 'object' && one !== null && 'name' in one && typeof one.name === 'string';
    return isNamed ? [String(one.name), one] : null;
  });
  return entries.every((entry) => entry !== null) && entries.length > 0 ? new Map(entries) : null;
}

/** A value that is a secret, or may have one in it, is not shown. */
function withoutSecrets({ key, from, to }: KeyChange): KeyChange {
  const hidden = (value: unknown): unknown => (value === undefined ? undefined : masked(value));
  const last = key.slice(key.lastIndexOf('.') + 1);
  return SECRETS.test(last) ? { key, from: hide(from), to: hide(to) } : { key, from: hidden(from), to: hidden(to) };
}

function hide(value: unknown): unknown {
  return value === undefined ? undefined : '(not shown)';
}

function masked(value: unknown): unknown {
  if (typeof value === 'string' && CREDENTIALS.test(value)) return hide(value);
  if (Array.isArray(value)) return value.map(masked);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, SECRETS.test(key) ? hide(one) : masked(one)]),
  );
}

function lineOf({ key, from, to }: KeyChange): string {
  if (from === undefined) return `+ ${key}: ${shown(to)}`;
  if (to === undefined) return `- ${key}: ${shown(from)}`;
  return `~ ${key}: ${shown(from)} → ${shown(to)}`;
}

function shown(value: unknown): string {
  return cut(typeof value === 'string' ? value : JSON.stringify(value), LONGEST_VALUE);
}
