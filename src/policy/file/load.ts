/** The text of a policy file → a policy, or everything that is wrong with it. */
import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { boundExits } from '../bound-exits.ts';
import { checkPolicy, type Check } from '../checks/checks.ts';
import { findingsOf, type Issue } from './findings.ts';
import { findLater } from './later.ts';
import { findNames } from './names.ts';
import { expandPreset } from '../presets/tree.ts';
import { formatProblem, problemsOf, type Finding, type Path, type Problem } from './problem.ts';
import { policySchema, type EgressPolicy, type Policy } from '../schema.ts';
import { runPolicyTests } from './selftest.ts';
import { placeOf, readTree, type MapNode } from './tree.ts';
import { validateTree } from './validate.ts';
import { resolveVariables, type Environment, type Include, type ReadFile } from './variables.ts';

export type PolicyText = {
  /** As the user gave it: it stands in every problem, and paths in the policy are relative to its folder. */
  readonly file: string;
  readonly text: string;
  readonly env: Environment;
  /** For `${file:…}`; throws a Node system error. */
  readonly readFile: ReadFile;
};

export type LoadResult =
  | {
      readonly kind: 'loaded';
      readonly policy: Policy;
      /** 12 hex digits: another text, or another content of a file that it includes, is another version. */
      readonly version: string;
      /** In the form of `formatProblem`: keys without effect yet, and what is allowed but unwise. */
      readonly warnings: readonly string[];
      /** Exits with a local address, and what is to be told where this machine lacks it; see `lackedWarnings`. */
      readonly bound: readonly { readonly address: string; readonly warning: string }[];
      /** The files that `${file:…}` named. */
      readonly includes: readonly string[];
    }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[]; readonly includes: readonly string[] };

/**
 * Parses, resolves variables, adds what a preset stands for, validates, checks names and sense, and runs the policy's
 * own tests. All problems are told at once, in the order of the file; none shows a secret. Never throws.
 */
export function loadPolicy({ file, text, env, readFile }: PolicyText): LoadResult {
  const { tree: written, findings: faults } = readTree(text);
  if (written === null) return { kind: 'refused', problems: problemsOf(file, faults), includes: [] };
  const variables = resolveVariables(written, { file, env, readFile });
  const includes = variables.includes.map(({ path }) => path);

  const expansion = expandPreset(written, env);
  const { tree } = expansion;
  const result = validateTree(policySchema, tree);
  const findings = [...faults, ...variables.findings, ...expansion.findings];
  if (!expansion.isUnknown) findings.push(...findNames(tree));
  if (result.kind === 'invalid') findings.push(...issueFindings(result.issues, { tree, findings }));
  // Sense is checked of sound policies only: half a policy would look wrong for its missing half.
  if (result.kind === 'invalid' || findings.length > 0)
    return { kind: 'refused', problems: problemsOf(file, findings), includes };

  const policy = result.value;
  const checks = checkPolicy(policy);
  const failures = runPolicyTests(policy).map(({ path, text }): Check => ({ verdict: 'refuse', path, text }));
  const [refusals, warnings] = ['refuse', 'warn'].map((verdict) =>
    [...checks, ...failures]
      .filter((check) => check.verdict === verdict)
      .map((check) => placed(tree, { ...check, file })),
  ) as [Finding[], Finding[]];
  if (refusals.length > 0) return { kind: 'refused', problems: problemsOf(file, refusals), includes };
  return {
    kind: 'loaded',
    policy: withAbsolutePaths(policy, dirname(file)),
    version: versionOf(text, variables.includes),
    warnings: problemsOf(file, [...expansion.warnings, ...warnings, ...findLater(policySchema, written)]).map(
      formatProblem,
    ),
    bound: boundExits(policy).map(({ address, path, text: lacked }) => {
      const lines = problemsOf(file, [placed(tree, { verdict: 'warn', path, text: lacked, file })]);
      return { address, warning: lines.map(formatProblem).join('') };
    }),
    includes,
  };
}

/** A place that a finding is about already needs no second one: a variable that is not set has no right type either. */
function issueFindings(
  issues: readonly Issue[],
  { tree, findings }: { tree: MapNode; findings: readonly Finding[] },
): Finding[] {
  const told = new Set(findings.map(({ path }) => JSON.stringify(path)));
  return findingsOf(issues, { schema: policySchema, tree }).filter(({ path }) => !told.has(JSON.stringify(path)));
}

function placed(tree: MapNode, { path, text, also, file }: Check & { readonly file: string }): Finding {
  // The default route is made of the exits.
  const written: Path = path[0] === 'routes' && !tree.entries.has('routes') ? ['egress'] : path;
  const place = placeOf(tree, written);
  if (also === undefined) return { place, path: written, text };
  const { line, column } = placeOf(tree, also);
  return { place, path: written, text: `${text} (${file}:${line}:${column})` };
}

function withAbsolutePaths(policy: Policy, folder: string): Policy {
  const absolute = (path: string) => resolve(folder, path);
  const domains = Object.entries(policy.domains).map(([domain, { dkim, ...rest }]) => {
    return [domain, { ...rest, dkim: dkim.map(({ selector, key }) => ({ selector, key: absolute(key) })) }];
  });
  const egress = Object.entries(policy.egress).map(([name, exit]) => [name, withAbsolutePath(exit, absolute)]);
  return {
    ...policy,
    tls: { ...policy.tls, cert: absolute(policy.tls.cert), key: absolute(policy.tls.key) },
    domains: Object.fromEntries(domains) as Policy['domains'],
    returnPathKeys: absolute(policy.returnPathKeys),
    http: withAbsoluteFiles(policy.http, absolute),
    egress: Object.fromEntries(egress) as Policy['egress'],
    spool: withAbsoluteSpool(policy.spool, absolute),
  };
}

function withAbsoluteFiles(http: Policy['http'], absolute: (path: string) => string): Policy['http'] {
  const { tls } = http;
  const pair = typeof tls === 'boolean' ? tls : { cert: absolute(tls.cert), key: absolute(tls.key) };
  const { accessKeys, secondFactorKeys } = http;
  return { ...http, tls: pair, accessKeys: absolute(accessKeys), secondFactorKeys: absolute(secondFactorKeys) };
}

function withAbsoluteSpool(spool: Policy['spool'], absolute: (path: string) => string): Policy['spool'] {
  if (spool.engine === 'embedded') return { ...spool, path: absolute(spool.path) };
  return spool.ca === null ? spool : { ...spool, ca: absolute(spool.ca) };
}

function withAbsolutePath(exit: EgressPolicy, absolute: (path: string) => string): EgressPolicy {
  if (exit.type === 'sandbox') return { ...exit, path: absolute(exit.path) };
  return exit.type === 'smtp' && exit.ca !== null ? { ...exit, ca: absolute(exit.ca) } : exit;
}

function versionOf(text: string, includes: readonly Include[]): string {
  const hash = createHash('sha256').update(text);
  for (const include of includes)
    hash
      .update('\0')
      .update(include.path)
      .update('\0')
      .update(include.text ?? '');
  return hash.digest('hex').slice(0, 12);
}
