/** Changes the policy file as a whole or not at all: an edit that makes the policy worse than it was is not written. */
import { existsSync, readFileSync } from 'node:fs';
import type { Policy } from '../../policy/schema.ts';
import { PolicyVersions } from '../../operations/policy/versions.ts';
import type { Cli } from '../cli.ts';
import { cliAuthor } from './versions.ts';
import type { Where } from '../../foundation/data-folder.ts';
import type { Edited } from '../../operations/policy/yaml-splice.ts';
import { loadPolicyText, shownPath, warningsHere } from './policy-file.ts';
import { replaceFile } from '../../running/whole-file.ts';

export type FileEdit = {
  readonly edit: (text: string) => Edited;
  /** What is told where the edit finds its subject there already, or does not find it. */
  readonly exists?: string;
  readonly missing?: string;
  /** Written even where this command sees problems: the relay, which has its own environment, has the last word. */
  readonly isForced?: boolean;
  /** For the list of versions, such as `client shop`. Default: `edit`. */
  readonly what?: string;
};

export type FileEdited =
  | {
      readonly kind: 'written';
      /** Of the text as it is now; null: the edit was forced, and this command cannot load it. */
      readonly version: string | null;
      readonly warnings: readonly string[];
      /** The file has been what was asked for. */
      readonly isSame: boolean;
      /** What it is now; null: as for the version, and `problems` say why. */
      readonly policy: Policy | null;
      readonly problems: readonly string[];
    }
  /** `problems`: the lines of why the edited policy would be refused; none where it is something else. */
  | { readonly kind: 'left'; readonly why: string; readonly problems: readonly string[] };

/** Edits, checks, writes. The file keeps its mode and owner. */
export async function editPolicyFile(cli: Cli, where: Where, change: FileEdit): Promise<FileEdited> {
  const file = shownPath(cli, where.policyFile);
  const left = (why: string, problems: readonly string[] = []): FileEdited => ({ kind: 'left', why, problems });
  try {
    const text = readFileSync(where.policyFile, 'utf8');
    const edited = change.edit(text);
    if (edited.kind === 'exists') return left(change.exists ?? `${file} has it already`);
    if (edited.kind === 'missing') return left(change.missing ?? `${file} does not have it`);
    if (edited.kind === 'unreadable') return left(`${file}: ${edited.cause}`);
    const after = loadPolicyText(cli, where, edited.text);
    if (change.isForced !== true && after.kind === 'refused') {
      const problems = newProblems(after.problems, loadPolicyText(cli, where, text));
      if (problems.length > 0)
        return left(`${file} is left as it was, for it would be refused:\n  ${problems.join('\n  ')}`, problems);
    }
    if (edited.text !== text) {
      await announce(where, edited.text, change.what ?? 'edit');
      await replaceFile(where.policyFile, edited.text);
    }
    const isSame = edited.text === text;
    if (after.kind === 'refused')
      return { kind: 'written', version: null, warnings: [], isSame, policy: null, problems: after.problems };
    const { version, policy } = after;
    return { kind: 'written', version, warnings: await warningsHere(after), isSame, policy, problems: [] };
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    return left(`${file}: ${error.message}`);
  }
}

/** So that the relay that takes it up knows whose it is; where that cannot be said, it is taken for an edit by hand. */
async function announce({ dataFolder }: Where, text: string, what: string): Promise<void> {
  if (!existsSync(dataFolder)) return;
  await new PolicyVersions(dataFolder).announce(text, { by: cliAuthor(), what, comment: '' }).catch(() => undefined);
}

/** Problems that were there before (a variable that only the relay's environment has, say) do not stand in the way. */
function newProblems(problems: readonly string[], before: ReturnType<typeof loadPolicyText>): string[] {
  // Lines below an edit have other numbers than before.
  const bare = (problem: string): string => problem.replace(/:\d+:\d+ /, ': ');
  const known = new Set(before.kind === 'refused' ? before.problems.map(bare) : []);
  return problems.filter((problem) => !known.has(bare(problem)));
}
